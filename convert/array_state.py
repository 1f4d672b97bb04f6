"""Checks the state that a pickle gives to an array before numpy believes it.

numpy's `__setstate__` takes lengths and flags as they come: a damaged file ends the
process, and one made on purpose has its bytes read as addresses of objects.
"""

import math
from typing import Any

import numpy as np

FLAGS = 0xFF
"""numpy 1 wrote a dtype's flags as a signed byte."""
ALIGNED = 0x80


def is_sound_dtype(dtype: np.dtype[Any], state: Any) -> bool:
    """Whether `state` is what numpy itself would have written for such a dtype."""
    if not isinstance(state, tuple) or len(state) not in (8, 9):
        return False
    if dtype is np.dtype(dtype.char):  # the one that everybody uses; never a copy
        return False
    expected: Any = _expected(dtype, state).__reduce__()[2]
    same_flags = expected[7] & FLAGS == state[7] & FLAGS
    return same_flags and bool(expected[1:7] == state[1:7])


def is_sound_array(state: Any) -> bool:
    """Whether the bytes, or the objects, are as many as the shape and dtype say."""
    if not isinstance(state, tuple) or len(state) not in (5, 7):
        return False
    _, shape, dtype, _, values = state[:5]
    if not isinstance(dtype, np.dtype) or not isinstance(shape, tuple):
        return False
    if any(type(length) is not int or length < 0 for length in shape):
        return False
    size = math.prod(shape)
    if len(state) == 7 and (dtype.names or len(state[5]) != size):  # a masked array
        return False
    if dtype.hasobject:
        return isinstance(values, list) and len(values) == size
    return isinstance(values, bytes) and len(values) == size * dtype.itemsize


def _expected(dtype: np.dtype[Any], state: tuple[Any, ...]) -> np.dtype[Any]:
    _, byte_order, _, names, fields, n_bytes = state[:6]
    if names and dtype.char == "V":
        layout: Any = {
            "names": list(names),
            "formats": [fields[name][0] for name in names],
            "offsets": [fields[name][1] for name in names],
            "itemsize": n_bytes,
        }
        dtype = np.dtype(layout, align=bool(state[7] & ALIGNED))
    elif dtype.kind in "mM" and len(state) == 9:
        unit, count = state[8][1][:2]
        dtype = np.dtype(f"{dtype.kind}8[{count}{unit.decode()}]")
    in_order: np.dtype[Any] = dtype.newbyteorder(byte_order)
    return in_order
