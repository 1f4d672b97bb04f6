"""Says where two objects differ that should be the same down to each bit."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.interpolate import BSpline

Pairs = Iterator[tuple[str, Any, Any]]


def difference(one: Any, other: Any) -> str:
    """Return the first place where they differ, or nothing."""
    seen: set[tuple[int, int]] = set()
    waiting: list[tuple[str, Any, Any]] = [("", one, other)]
    kept = []  # the parts that reduce makes, so that no id is given again
    while waiting:
        place, a, b = waiting.pop()
        if (id(a), id(b)) in seen:
            continue
        seen.add((id(a), id(b)))
        kept.append((a, b))
        if type(a) is not type(b) and not isinstance(a, np.dtype):
            return f"{place}: {type(a)} and {type(b)}"
        parts = _parts(a, b)
        if parts is None:
            return f"{place}: {a!r} and {b!r}"
        waiting += [(place + step, *pair) for step, *pair in parts]
    return ""


def _parts(a: Any, b: Any) -> list[tuple[str, Any, Any]] | None:
    """Return what must be the same in turn, or None where it is not already."""
    if isinstance(a, float) and math.isnan(a):
        return [] if math.isnan(b) else None
    if a is b or isinstance(a, type | str | bytes | bytearray | int | float | slice):
        return [] if a is b or a == b else None
    if isinstance(a, np.generic):
        return [(".dtype", a.dtype, b.dtype), (".bytes", a.tobytes(), b.tobytes())]
    if isinstance(a, np.dtype):
        return [] if a.newbyteorder("=") == np.dtype(b).newbyteorder("=") else None
    if isinstance(a, np.ma.MaskedArray):
        named = ("data", "mask", "fill_value")
        return [(f".{name}", getattr(a, name), getattr(b, name)) for name in named]
    if isinstance(a, np.ndarray):
        return _array(a, b)
    if isinstance(a, dict):
        if list(map(repr, a)) != list(map(repr, b)):
            return None
        return [
            (f"[{k!r}]", x, y) for (k, x), y in zip(a.items(), b.values(), strict=True)
        ]
    if isinstance(a, list | tuple):
        if len(a) != len(b):
            return None
        return [(f"[{i}]", *pair) for i, pair in enumerate(zip(a, b, strict=True))]
    return _instance(a, b)


def _array(a: Any, b: Any) -> list[tuple[str, Any, Any]] | None:
    if a.shape != b.shape or a.flags.f_contiguous != b.flags.f_contiguous:
        return None
    if a.dtype.hasobject:
        return [(".objects", a.ravel().tolist(), b.ravel().tolist())]
    if a.dtype.names:  # the bytes between the fields say nothing
        return [
            (".dtype", a.dtype, b.dtype),
            *((f"[{n!r}]", a[n], b[n]) for n in a.dtype.names),
        ]
    native = (x.astype(x.dtype.newbyteorder("="), order="K") for x in (a, b))
    one, other = (x.tobytes() for x in native)
    if b.flags.writeable and not a.flags.writeable:  # protocol 5 locks some
        return None
    return [(".dtype", a.dtype, b.dtype)] if one == other else None


def _instance(a: Any, b: Any) -> list[tuple[str, Any, Any]] | None:
    if isinstance(a, pd.Index):
        return [] if a.identical(b) and a.dtype == b.dtype else None
    if isinstance(a, pd.Series | pd.DataFrame):
        return [] if a.equals(b) and a.index.identical(b.index) else None
    if isinstance(a, pd.api.extensions.ExtensionDtype):
        return [] if a == b else None
    if sparse.issparse(a):
        named = ("shape", "data", "indices", "indptr")
        return [(f".{name}", getattr(a, name), getattr(b, name)) for name in named]
    if isinstance(a, np.random.BitGenerator):
        return _generators(a, b)
    if isinstance(a, BSpline):
        one, other = (dict(sorted(vars(x).items())) for x in (a, b))
        return [(".__dict__", one, other)]
    if isinstance(a, set | frozenset):
        return [] if a == b else None
    return _reduced(a, b)


def _generators(a: Any, b: Any) -> list[tuple[str, Any, Any]]:
    """Compare where they stand, and their seeds: skops saves none and draws new ones."""
    one, other = (getattr(each, "seed_seq", None) for each in (a, b))
    states = (".state", a.state, b.state)
    return [states] if None in (one, other) else [states, (".seed_seq", one, other)]


def _reduced(a: Any, b: Any) -> list[tuple[str, Any, Any]]:
    one, other = (list(x.__reduce_ex__(2)) for x in (a, b))
    for parts in (one, other):
        parts[3:] = [list(part or ()) for part in parts[3:]]
    return [("()", one, other)]
