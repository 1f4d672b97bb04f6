"""Makes numpy's arrays, scalars, dtypes and random states from what a file says of them.

numpy's own `__setstate__` takes lengths and flags as they come, and C code believes
what is in an array of booleans or of text: here all of it is counted before.
"""

import math
import re
from typing import Any

import numpy as np

from convert.errors import Refusal, Unreadable
from convert.saved.written import Made, Name, RawArray

FLAGS = 0xFF
"""numpy 1 wrote a dtype's flags as a signed byte."""
ALIGNED = 0x80
MAX_DIMENSIONS = 32
MAX_LENGTH = 2**40
LAST_CHARACTER = 0x10FFFF

MT19937_WORDS = 624
POOL_WORDS = 4
BITS_OF_A_STATE = 128

CONSTANTS = (
    *(type(None), bool, int, float, complex, str, bytes),
    *(np.generic, np.ndarray),
)
"""What an array of objects may hold beside pandas' NA and scikit-learn's estimators."""

Array = np.ndarray[Any, Any]


def dtype(made: Made) -> np.dtype[Any]:
    """Make what ``dtype("f8", False, True)`` and a state say.

    Raises
    ------
    Unreadable
        If numpy would not have written the text, the flags or the state.
    """
    match made:
        case Made(arguments=(str(text), *flags), states=states) if len(states) < 2:
            if any(flag not in (0, 1) for flag in flags) or len(flags) > 2:
                raise _no_dtype(text)
            return _with_state(plain_dtype(text), *states)
    raise _no_dtype("one without a name")


def plain_dtype(text: str) -> np.dtype[Any]:
    """Return the dtype of a text such as "<f8"; of nothing that has a structure.

    Raises
    ------
    Unreadable
        If numpy would not have written the text, or knows no such dtype.
    """
    if not re.fullmatch(r"[<>|=]?(M8|m8)(\[\d*\w+\])?|[<>|=]?[?a-zA-Z]\d{0,9}", text):
        raise _no_dtype(text)
    try:
        found: np.dtype[Any] = np.dtype(text)
    except TypeError:
        raise _no_dtype(text) from None
    return found


def _with_state(plain: np.dtype[Any], state: Any = None) -> np.dtype[Any]:
    """Return the dtype whose own state is this one; numpy never reads it.

    Raises
    ------
    Unreadable
        If numpy would not have written the state for this dtype.
    """
    if state is None:
        return plain
    if not isinstance(state, tuple) or len(state) not in (8, 9):
        raise _no_dtype(plain.str)
    try:
        found = _described(plain, state)
    except (AttributeError, LookupError, TypeError, ValueError):
        raise _no_dtype(plain.str) from None
    reduced: Any = found.__reduce__()
    if not _same(reduced[2], state):
        raise _no_dtype(plain.str)
    return found


def _same(expected: tuple[Any, ...], state: tuple[Any, ...]) -> bool:
    same_flags = expected[7] & FLAGS == state[7] & FLAGS
    return same_flags and bool(expected[1:7] == state[1:7])


def _described(plain: np.dtype[Any], state: tuple[Any, ...]) -> np.dtype[Any]:
    _, byte_order, _, names, fields, n_bytes = state[:6]
    if names and plain.char == "V":
        # numpy adds these in 32 bits, and takes a far field for a near one
        if any(at < 0 or kind.itemsize + at > n_bytes for kind, at in fields.values()):
            raise ValueError("a field lies outside")
        layout: Any = {
            "names": list(names),
            "formats": [fields[name][0] for name in names],
            "offsets": [fields[name][1] for name in names],
            "itemsize": n_bytes,
        }
        plain = np.dtype(layout, align=bool(state[7] & ALIGNED))
    elif plain.kind in "mM" and len(state) == 9:
        unit, count = state[8][1][:2]
        plain = np.dtype(f"{plain.kind}8[{int(count)}{unit.decode('ascii')}]")
    in_order: np.dtype[Any] = plain.newbyteorder(byte_order)
    return in_order


def _no_dtype(text: str) -> Refusal:
    return Unreadable(f"has a dtype ({text[:20]!a}) that numpy would not have written")


def reconstructed(made: Made) -> Array:
    """Make what ``_reconstruct(ndarray, (0,), b"b")`` and a state say.

    Raises
    ------
    Unreadable
        If the arguments or the state are not written as numpy writes an array.
    """
    match made.arguments, made.states:
        case (Name(module="numpy", name="ndarray"), (0,), b"b" | "b"), [state]:
            pass
        case _:
            raise _no_array()
    match state:
        case (int(), tuple() as shape, np.dtype() as kind, bool() | 0 | 1 as f, values):
            return array(values, kind, shape, "F" if f else "C")
    raise _no_array()


def from_buffer(made: Made) -> Array:
    """Make what ``_frombuffer(bytes, dtype, shape, order, axes)`` says.

    Raises
    ------
    Unreadable
        If the arguments are not written as numpy writes an array, or the axes are not
        those of the shape.
    """
    match made.arguments:
        case (
            bytes() | bytearray() as values,
            np.dtype() as kind,
            tuple() as shape,
            "K",
            tuple() as axes,
        ):
            whole = array(values, kind, shape, "C")
            if sorted(map(str, axes)) != sorted(map(str, range(whole.ndim))):
                raise _no_array()
            return whole.transpose(axes)
        case (bytes() | bytearray() as values, np.dtype() as kind, tuple() as shape, o):
            return array(values, kind, shape, o)
    raise _no_array()


def masked(made: Made) -> Array:
    """Make what ``_mareconstruct(MaskedArray, ndarray, (0,), "b")`` and a state say.

    Raises
    ------
    Unreadable
        If the arguments or the state are not written as numpy writes an array, the
        values have fields, or the fill value is no constant.
    """
    match made.arguments:
        case (
            Name(name="MaskedArray"),
            Name(module="numpy", name="ndarray"),
            (0,),
            b"b" | "b",
        ):
            pass
        case _:
            raise _no_array()
    match made.states:
        case [(int(), tuple() as shape, np.dtype() as kind, f, values, mask, fill)]:
            order = "F" if f else "C"
            whole = array(values, kind, shape, order)
            hidden = array(mask, np.dtype(bool), shape, order)
            if kind.names or not isinstance(fill, CONSTANTS):
                raise _no_array()
            filler: Any = fill
            return np.ma.MaskedArray(whole, hidden, fill_value=filler)
    raise _no_array()


def raw(written: RawArray, kind: Any, objects: Any) -> Array:
    """Make an array whose values stood beside the tree.

    Raises
    ------
    Unreadable
        If `kind` is no dtype, or the values or objects are not those of the shape.
    """
    if not isinstance(kind, np.dtype):
        raise _no_array()
    if kind.hasobject:
        return _of_objects_in(objects, kind, written.shape)
    return array(written.content, kind, written.shape, written.order)


def _of_objects_in(objects: Any, kind: np.dtype[Any], shape: tuple[Any, ...]) -> Array:
    if type(objects) is not np.ndarray or objects.dtype != kind:
        raise _no_array()
    if objects.shape != shape:
        raise Unreadable("is an array that has another shape than it says")
    return objects


def array(
    values: Any, kind: np.dtype[Any], shape: tuple[Any, ...], order: Any
) -> Array:
    """Return a new array, if there are as many values as its shape says.

    It has the byte order of this machine, as numpy and joblib give it one: compiled
    code takes no other.

    Raises
    ------
    Unreadable
        If the shape is none, the order is neither C nor F, the values are neither bytes
        nor a list of objects, or they are more or fewer than the shape says.
    """
    size = _size(shape)
    if order not in ("C", "F"):
        raise _no_array()
    if kind.hasobject:
        # whatever the order in memory, numpy lists objects row by row
        return _of_objects(values, kind, size).reshape(shape).copy(order)
    if not isinstance(values, bytes | bytearray | memoryview):
        raise _no_array()
    if not kind.itemsize or size * kind.itemsize != len(values):
        raise Unreadable(
            f"is an array of {size} values of {kind.itemsize} bytes and has "
            f"{len(values)} bytes for them"
        )
    if not size:
        return np.empty(shape, kind, order)
    flat = np.frombuffer(values, kind)
    check_values(flat)
    native = flat.astype(kind.newbyteorder("="))
    return native.reshape(shape, order=order).copy(order=order)


def _size(shape: tuple[Any, ...]) -> int:
    if len(shape) > MAX_DIMENSIONS:
        raise Unreadable(f"is an array of {len(shape)} dimensions")
    for length in shape:
        if not isinstance(length, int | np.integer) or isinstance(length, bool):
            raise Unreadable("is an array whose shape is no numbers")
        if not 0 <= length <= MAX_LENGTH:
            raise Unreadable(f"is an array with a length of {int(length)}")
    return math.prod(map(int, shape))


def _of_objects(values: Any, kind: np.dtype[Any], size: int) -> Array:
    if kind != np.dtype(object) or not isinstance(values, list):
        raise _no_array()
    if len(values) != size:
        raise Unreadable(f"is an array of {size} objects and has {len(values)} of them")
    for value in values:
        if not isinstance(value, CONSTANTS) and not _may_be_in_an_array(value):
            raise Unreadable(
                f"is an array of objects that holds a {type(value).__name__}"
            )
    found = np.empty(size, object)
    found[:] = values
    return found


def _may_be_in_an_array(value: Any) -> bool:
    """Whether it is pandas' NA, or an estimator: gradient boosting keeps its trees so."""
    kind = type(value)
    return kind.__name__ in ("NAType", "Timestamp") or hasattr(kind, "get_params")


def check_values(flat: Array) -> None:
    """Refuse booleans and characters that are none: compiled code takes them for some.

    Raises
    ------
    Unreadable
        If a boolean is neither 0 nor 1, or a character is above `LAST_CHARACTER`.
    """
    for name in flat.dtype.names or ():
        check_values(flat[name].ravel())
    if flat.dtype.kind == "b" and flat.view(np.uint8).max() > 1:
        raise Unreadable("is an array of truth values and has others")
    if flat.dtype.kind == "U":
        native = flat.astype(flat.dtype.newbyteorder("="), copy=False)
        if np.ascontiguousarray(native).view(np.uint32).max() > LAST_CHARACTER:
            raise Unreadable("is an array of text and has what is no character")


def scalar(made: Made) -> Any:
    """Make what ``scalar(dtype, bytes)`` says.

    Raises
    ------
    Unreadable
        If it is not written as numpy writes a number.
    """
    match made:
        case Made(arguments=(np.dtype() as kind, bytes() as value), states=()):
            if not kind.hasobject and not kind.names:
                return array(value, kind, (1,), "C")[0]
    raise Unreadable("is not written as numpy writes a number")


def _no_array() -> Refusal:
    return Unreadable("is not written as numpy writes an array")


def seed_sequence(made: Made) -> np.random.SeedSequence:
    """Make it anew from its seed: the pool follows from that.

    Raises
    ------
    Unreadable
        If the state is not written as numpy writes one, or a number in it is too large
        or below zero.
    """
    match made.states:
        case [(entropy, int(spawned), _, int(words), tuple() as key)]:
            numbers = [*_as_list(entropy), *key]
            is_sound = words == POOL_WORDS and spawned >= 0
            if is_sound and all(
                _is_word(number, BITS_OF_A_STATE) for number in numbers
            ):
                return np.random.SeedSequence(
                    entropy, spawn_key=key, n_children_spawned=spawned
                )
    raise _no_random()


def _as_list(entropy: Any) -> list[Any]:
    if entropy is None:
        return []
    return entropy if isinstance(entropy, list) else [entropy]


def _is_word(number: Any, n_bits: int) -> bool:
    is_number = isinstance(number, int | np.integer) and not isinstance(number, bool)
    return is_number and 0 <= number < 2**n_bits


def bit_generator(made: Made) -> Any:
    """Make what ``__bit_generator_ctor(MT19937)`` and a state say.

    Raises
    ------
    Unreadable
        If it is neither an MT19937 nor a PCG64, or the state is not written as numpy
        writes one.
    """
    match made.arguments:
        case (Name(name=name),) | (str(name),):
            pass
        case _:
            raise _no_random()
    found = _generator(name)
    match made.states:
        case []:
            return found
        case [dict() as state] | [(dict() as state, None | np.random.SeedSequence())]:
            _check_generator(name, state)
            found.__setstate__(made.states[0])
            return found
    raise _no_random()


def _generator(name: str) -> Any:
    kinds = {"MT19937": np.random.MT19937, "PCG64": np.random.PCG64}
    if name not in kinds:
        raise _no_random()
    return kinds[name]()


def _check_generator(name: str, state: dict[Any, Any]) -> None:
    """Check the state of a bit generator: numpy reads its key from the position on.

    Raises
    ------
    Unreadable
        If the state is not of a generator of this name, or a number in it is too large
        or below zero.
    """
    match state:
        case {
            "bit_generator": str(kind),
            "state": {"key": np.ndarray() as key, "pos": p},
        }:
            is_sound = key.shape == (MT19937_WORDS,) and key.dtype.kind == "u"
            is_sound &= _is_word(p, 32) and p <= MT19937_WORDS and kind == "MT19937"
        case {"bit_generator": str(kind), "state": {"state": number, "inc": inc}}:
            words = (number, inc, state.get("uinteger"))
            is_sound = kind == "PCG64" and state.get("has_uint32") in (0, 1)
            is_sound &= all(_is_word(word, BITS_OF_A_STATE) for word in words)
        case _:
            is_sound = False
    if not is_sound or kind != name:
        raise _no_random()


def random_state(made: Made) -> np.random.RandomState:
    """Make what ``__randomstate_ctor(bit generator)`` and a state say.

    Raises
    ------
    Unreadable
        If the bit generator or the state is not written as numpy writes one.
    """
    found = np.random.RandomState(_inner(made.arguments))
    match made.states:
        case [{"has_gauss": 0 | 1, "gauss": float(), **state}]:
            _check_generator("MT19937", state)
            found.set_state(made.states[0])
            return found
    raise _no_random()


def generator(made: Made) -> np.random.Generator:
    """Make what ``__generator_ctor(bit generator)`` says; numpy 1 gave it a state.

    Raises
    ------
    Unreadable
        If the bit generator or the state is not written as numpy writes one.
    """
    inner = _inner(made.arguments)
    match made.states:
        case [] | [None]:
            pass
        case [dict() as state]:
            _check_generator(type(inner).__name__, state)
            inner.state = state
        case _:
            raise _no_random()
    return np.random.Generator(inner)


def _inner(arguments: tuple[Any, ...]) -> Any:
    match arguments:
        case (np.random.BitGenerator() as inner, *_):
            return inner
        case (str(name), *_):
            return _generator(name)
    raise _no_random()


def _no_random() -> Refusal:
    return Unreadable("is not written as numpy writes a state of random numbers")
