"""Makes pandas' indexes, series and frames, and the texts of pyarrow in them.

A buffer of pyarrow is never handed to it: the texts are decoded here, one by one.
"""

import math
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from convert.errors import Refusal, Unreadable
from convert.saved.written import Made, Name

OFFSETS = {"string": "<i4", "large_string": "<i8"}
"""Type of pyarrow → how it counts the bytes of its texts."""

BITS = 8
LABEL = (str, int, float, bool, np.generic, type(None))

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Block:
    """Columns of one dtype, and which columns they are."""

    values: Any
    places: Any


@dataclass(frozen=True)
class Blocks:
    """What is in a series or a frame, which alone are made of it."""

    axes: tuple[Any, ...]
    blocks: tuple[Block, ...]


def alias(made: Made) -> str:
    match made.arguments:
        case (str(name),) if name in OFFSETS:
            return name
    raise _unlike("a type of pyarrow")


def buffer(made: Made) -> bytes:
    match made.arguments:
        case (bytes() | bytearray() as content,):
            return bytes(content)
    raise _unlike("a buffer of pyarrow")


def texts(made: Made) -> Any:
    """Make an array of pyarrow from what is in the buffers of its texts.

    Raises
    ------
    Unreadable
        If the arguments are not written as pandas writes texts of pyarrow, or the
        buffers have fewer texts than it says, or what is none.
    """
    import pyarrow

    match made.arguments:
        case (
            (
                str(kind),
                int(length),
                int(),
                int(first),
                (valid, bytes() as ends, content),
                (),
                None,
            ),
        ) | (
            (
                str(kind),
                int(length),
                int(),
                int(first),
                [valid, bytes() as ends, content],
                [],
                None,
            ),
        ) if kind in OFFSETS and length >= 0 and first >= 0:
            pass
        case _:
            raise _unlike("texts of pyarrow")
    size = np.dtype(OFFSETS[kind]).itemsize
    if first + length > len(ends) // size - bool(length):
        raise Unreadable("is an array of texts and has fewer than it says")
    limits = np.frombuffer(ends, OFFSETS[kind], length + 1 if ends else 0, first * size)
    values = _decoded(limits, content or b"", _is_valid(valid, first, length))
    return pyarrow.array(values, pyarrow.type_for_alias(kind))


def _is_valid(bits: Any, first: int, length: int) -> Array:
    if bits is None:
        return np.ones(length, bool)
    if not isinstance(bits, bytes) or len(bits) * BITS < first + length:
        raise Unreadable("is an array of texts and does not say which are missing")
    unpacked = np.unpackbits(np.frombuffer(bits, np.uint8), bitorder="little")
    return unpacked[first : first + length].astype(bool)


def _decoded(limits: Array, content: bytes, is_valid: Array) -> list[str | None]:
    if not len(is_valid):
        return []
    sound = limits[0] >= 0 and (np.diff(limits) >= 0).all()
    if not sound or limits[-1] > len(content):
        raise Unreadable("is an array of texts that lie outside its bytes")
    spans = zip(limits[:-1].tolist(), limits[1:].tolist(), is_valid, strict=True)
    try:
        return [str(content[a:b], "utf-8") if valid else None for a, b, valid in spans]
    except UnicodeDecodeError:
        raise Unreadable("is an array of texts and has what is no UTF-8") from None


def string_dtype(made: Made) -> Any:
    import pandas as pd

    match made.arguments:
        case ("python" | "pyarrow" as storage,):
            return pd.StringDtype(storage)
        case ("python" | "pyarrow" as storage, Name(name="NA")):
            return pd.StringDtype(storage)
        case ("python" | "pyarrow" as storage, float(missing)) if math.isnan(missing):
            return pd.StringDtype(storage, na_value=missing)
    raise _unlike("a dtype of texts")


def string_array(made: Made) -> Any:
    """Make pandas' array of texts; before pandas 2 it called its own another name.

    Raises
    ------
    Unreadable
        If the state is not written as pandas writes an array of texts.
    """
    import pandas as pd
    import pyarrow

    match made.states:
        case [
            {"_pa_array": pyarrow.Array() as held, "_dtype": pd.StringDtype() as kind}
        ]:
            return pd.array(held.to_pylist(), dtype=kind)
        case [{"_data": pyarrow.Array() as held}]:
            return pd.array(held.to_pylist(), dtype=pd.StringDtype("pyarrow"))
    raise _unlike("an array of texts")


def categories(made: Made) -> Any:
    import pandas as pd

    match made:
        case Made(arguments=(), states=[{"categories": labels, "ordered": ordered}]):
            pass
        case Made(arguments=(labels, ordered), states=[]):
            pass
        case _:
            raise _unlike("a dtype of categories")
    if not isinstance(labels, pd.Index | None) or ordered not in (None, False, True):
        raise _unlike("a dtype of categories")
    return pd.CategoricalDtype(labels, ordered)


def categorical(made: Made) -> Any:
    import pandas as pd

    match made.arguments, made.states:
        case (Name(name="Categorical"), *_), [
            (pd.CategoricalDtype() as kind, np.ndarray() as codes, *_)
            | (np.ndarray() as codes, pd.CategoricalDtype() as kind, *_)
        ] if codes.dtype.kind == "i" and codes.ndim == 1:
            return pd.Categorical.from_codes(codes, dtype=kind)
    raise _unlike("an array of categories")


def index(made: Made) -> Any:
    import pandas as pd

    match made.arguments:
        case (
            Name(name="RangeIndex"),
            {"start": int(start), "stop": int(stop), "step": int(step), **rest},
        ) if step:
            return pd.RangeIndex(start, stop, step, name=_label(rest.get("name")))
        case (Name(name="Index"), {"data": values, **rest}) if _is_array(values):
            return pd.Index(
                values, dtype=values.dtype, name=_label(rest.get("name")), copy=False
            )
    raise _unlike("an index")


def _is_array(values: Any) -> bool:
    """Whether it is a column of numpy's, or one of pandas'."""
    import pandas as pd

    is_own = isinstance(values, pd.api.extensions.ExtensionArray)
    return is_own or (type(values) is np.ndarray and values.ndim == 1)


def _label(name: Any) -> Any:
    if isinstance(name, tuple):
        return tuple(map(_label, name))
    if not isinstance(name, LABEL):
        raise _unlike("the name of an index")
    return name


def block(made: Made) -> Block:
    match made.arguments:
        case (values, slice() | np.ndarray() as places, int()):
            return Block(values, places)
    raise _unlike("a block of columns")


def blocks(made: Made) -> Blocks:
    match made.arguments:
        case (tuple() as found, list() as axes):
            return Blocks(tuple(axes), tuple(found))
    raise _unlike("the columns of a frame")


def single_block(made: Made) -> Blocks:
    match made.states:
        case [(list() as axes, [values], list(), dict())]:
            return Blocks(tuple(axes), (Block(values, slice(0, 1)),))
    raise _unlike("the column of a series")


def series(made: Made) -> Any:
    import pandas as pd

    match made:
        case Made(arguments=(), states=[{"_mgr": Blocks() as held, **rest}]):
            pass
        case _:
            raise _unlike("a series")
    match held.axes, held.blocks:
        case (pd.Index() as labels,), (Block(values=values),) if _is_array(values):
            if len(values) == len(labels):
                name = _label(rest.get("_name", rest.get("name")))
                return pd.Series(
                    values, labels, dtype=values.dtype, name=name, copy=False
                )
    raise _unlike("a series")


def frame(made: Made) -> Any:
    import pandas as pd

    match made:
        case Made(
            arguments=(),
            states=[{"_mgr": Blocks(axes=(pd.Index() as names, pd.Index() as labels))}],
        ):
            held = made.states[0]["_mgr"]
        case _:
            raise _unlike("a frame")
    columns = dict(_columns(held.blocks, len(names), labels))
    if sorted(columns) != list(range(len(names))):
        raise Unreadable("is a frame that has not each of its columns once")
    found = pd.DataFrame({place: columns[place] for place in range(len(names))}, labels)
    found.columns = names
    return found


def _columns(held: tuple[Block, ...], n_columns: int, labels: Any) -> Any:
    """Yield the place and the values of each column.

    Raises
    ------
    Unreadable
        If a block is none, or has not an array for each of its places, as long as the
        labels.
    """
    import pandas as pd

    for each in held:
        if not isinstance(each, Block):
            raise _unlike("a frame")
        places = np.arange(n_columns)[each.places]
        values = each.values
        rows = values if getattr(values, "ndim", 0) == 2 else [values]
        if len(rows) != len(places):
            raise _unlike("a frame")
        for place, row in zip(places.tolist(), rows, strict=True):
            if not _is_array(row) or len(row) != len(labels):
                raise _unlike("a frame")
            yield place, pd.Series(row, labels, dtype=row.dtype, copy=False)


def _unlike(what: str) -> Refusal:
    return Unreadable(f"is not written as pandas {_version()} writes {what}")


def _version() -> str:
    pandas = sys.modules.get("pandas")
    return str(getattr(pandas, "__version__", ""))
