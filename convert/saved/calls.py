"""Calls that only spell out what has no instruction of its own in an older protocol.

Bytes are a call of ``_codecs.encode`` before protocol 3, sets are calls before protocol
4, and dill and copyreg write the making of an object as a call of their own. Of these
the tree holds what they stand for. Whatever is not exactly as a pickler writes it stays
a call, and whoever builds will not make it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from convert.saved.budget import Spending
from convert.saved.keys import Keys
from convert.saved.written import Made, Name


@dataclass(frozen=True)
class Reader:
    """What it takes to replace a call."""

    find: Callable[[str, str], Name]
    spending: Spending
    keys: Keys


def spelled_out(call: Made, reader: Reader) -> Any:
    """Return what a call stands for, or the call itself."""
    maker = call.maker
    replace = REPLACED.get((maker.module, maker.name))
    return call if replace is None else replace(call, reader)


def loaded_type(name: str) -> tuple[str, str]:
    """Return what dill's `_load_type` stands for; most are built in."""
    if name == "PartialType":
        return "functools", "partial"
    return "builtins", name


def _encoded(call: Made, reader: Reader) -> Any:
    match call.arguments:
        case (str(text), "latin1" | "latin-1"):
            reader.spending.copy(len(text))
            return text.encode("latin-1")
    return call


def _bytes(call: Made, reader: Reader) -> Any:
    return call if call.arguments else b""


def _bytearray(call: Made, reader: Reader) -> Any:
    match call.arguments:
        case ():
            return bytearray()
        case (bytes(content),):
            reader.spending.copy(len(content))
            return bytearray(content)
        case (str(text), "latin-1"):
            reader.spending.copy(len(text))
            return bytearray(text, "latin-1")
    return call


def _set(call: Made, reader: Reader) -> Any:
    kind = {"set": set, "frozenset": frozenset}[call.maker.name]
    match call.arguments:
        case ():
            return kind()
        case (list(items),):
            reader.spending.step(len(items))
            reader.keys.check(items)
            return kind(items)
    return call


def _complex(call: Made, reader: Reader) -> Any:
    match call.arguments:
        case (float(real), float(imaginary)):
            return complex(real, imaginary)
    return call


def _loaded_type(call: Made, reader: Reader) -> Any:
    match call.arguments:
        case (str(name),):
            return reader.find(*loaded_type(name))
    return call


def _filled_array(call: Made, reader: Reader) -> Any:
    match call.arguments:
        case (maker, tuple(arguments), *states) if 0 < len(states) < 3:
            reader.spending.branches += 1
            given = [state for state in states if state is not None]
            return Made(maker, arguments, states=given)
    return call


def _new_before_protocol_2(call: Made, reader: Reader) -> Any:
    match call.arguments:
        case (Name() as kind, Name(module="builtins", name="object"), None):
            return Made(kind, how="new")
        case (Name() as kind, Name(module="builtins", name="dict"), dict(pairs)):
            reader.spending.copy(len(pairs))
            return Made(kind, how="new", pairs=list(pairs.items()))
        case (Name() as kind, Name(module="builtins", name="tuple"), tuple(items)):
            return Made(kind, items, how="new")
    return call


def _new(call: Made, reader: Reader) -> Any:
    match call.arguments:
        case (Name() as kind, *arguments):
            return Made(kind, tuple(arguments), how="new")
    return call


def _new_with_keywords(call: Made, reader: Reader) -> Any:
    match call.arguments:
        case (Name() as kind, tuple(arguments), dict(keywords)):
            return Made(kind, arguments, keywords, how="new")
    return call


REPLACED: dict[tuple[str, str], Callable[[Made, Reader], Any]] = {
    ("_codecs", "encode"): _encoded,
    ("builtins", "bytearray"): _bytearray,
    ("builtins", "bytes"): _bytes,
    ("builtins", "complex"): _complex,
    ("builtins", "frozenset"): _set,
    ("builtins", "set"): _set,
    ("copyreg", "__newobj__"): _new,
    ("copyreg", "__newobj_ex__"): _new_with_keywords,
    ("copyreg", "_reconstructor"): _new_before_protocol_2,
    ("dill._dill", "_create_array"): _filled_array,
    ("dill._dill", "_load_type"): _loaded_type,
}
