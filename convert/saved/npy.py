"""Reads numpy's own file format, of which numpy itself would believe the header."""

import ast
from collections.abc import Callable, Mapping
from struct import Struct
from typing import Any

from convert.saved.damage import Damaged
from convert.saved.joblib_array import count_bytes, read_shape
from convert.saved.written import Made, Name, RawArray

MAGIC = b"\x93NUMPY"
LENGTHS = {1: Struct("<H"), 2: Struct("<I"), 3: Struct("<I")}
"""Version → how the length of the header is written."""

MAX_HEADER_BYTES = 10_000
"""As many as numpy reads itself."""


def read_npy(content: bytes, find: Callable[[str, str], Name]) -> RawArray:
    """Return the array in a file that `numpy.save` wrote.

    Parameters
    ----------
    find
        Returns the node of a name.

    Raises
    ------
    Damaged
        It is not whole, or its values are Python objects.
    """
    header, at = _read_header(content)
    dtype = _dtype(header["descr"])
    shape = read_shape(header["shape"])
    if len(content) - at != count_bytes(shape, dtype.itemsize):
        raise Damaged("an array in it is longer or shorter than its shape")
    array = RawArray(write_dtype(dtype, find), shape, "C", memoryview(content)[at:])
    if header["fortran_order"]:
        array.order = "F"
    return array


def _read_header(content: bytes) -> tuple[dict[str, Any], int]:
    length = LENGTHS.get(content[6]) if len(content) > 12 else None
    if not content.startswith(MAGIC) or length is None:
        raise Damaged("an array in it is not as numpy writes one")
    (n_bytes,) = length.unpack_from(content, 8)
    at = 8 + length.size
    if n_bytes > MAX_HEADER_BYTES:
        raise Damaged(f"the header of an array in it has {n_bytes} bytes")
    encoding = "utf-8" if content[6] == 3 else "latin-1"
    try:
        header = ast.literal_eval(content[at : at + n_bytes].decode(encoding).strip())
    except (
        SyntaxError,
        MemoryError,
        RecursionError,
        TypeError,
        ValueError,  # no literal, or no text
    ) as error:
        raise Damaged("the header of an array in it makes no sense") from error
    wanted = {"descr": str | list | tuple, "fortran_order": bool, "shape": tuple}
    if not isinstance(header, dict) or header.keys() != wanted.keys():
        raise Damaged("the header of an array in it makes no sense")
    if not all(isinstance(header[key], kind) for key, kind in wanted.items()):
        raise Damaged("the header of an array in it makes no sense")
    return header, at + n_bytes


def _dtype(description: Any) -> Any:
    from numpy.lib.format import descr_to_dtype

    try:
        dtype = descr_to_dtype(description)
    except (LookupError, TypeError, ValueError, SyntaxError, MemoryError) as error:
        raise Damaged("an array in it is of no dtype that numpy writes") from error
    if dtype.hasobject:
        raise Damaged("an array in it says that it has Python objects")
    return dtype


def write_dtype(dtype: Any, find: Callable[[str, str], Name]) -> Made:
    """Return what a pickle of a dtype has."""
    _, arguments, state = dtype.__reduce__()
    return Made(
        find("numpy", "dtype"), arguments, states=[_with_dtypes_written(state, find)]
    )


def _with_dtypes_written(part: Any, find: Callable[[str, str], Name]) -> Any:
    if isinstance(part, tuple):
        return tuple(_with_dtypes_written(inner, find) for inner in part)
    if isinstance(part, Mapping):
        return {key: _with_dtypes_written(inner, find) for key, inner in part.items()}
    if hasattr(part, "itemsize"):
        return write_dtype(part, find)
    return part
