"""Reads the file of a sparse matrix that `scipy.sparse.save_npz` wrote."""

from collections.abc import Callable
from typing import Any

from convert.saved.archive import Archive
from convert.saved.budget import Spending
from convert.saved.damage import Damaged
from convert.saved.npy import read_npy
from convert.saved.written import Name, RawArray

MAXPRINT = 50
"""An attribute of each sparse matrix, which the file leaves out."""

PARTS = {
    "bsr": ("data", "indices", "indptr"),
    "csc": ("data", "indices", "indptr"),
    "csr": ("data", "indices", "indptr"),
    "coo": ("data",),
    "dia": ("data", "offsets"),
}
"""Format → the arrays that make it up."""

Find = Callable[[str, str], Name]


def read_npz(
    content: bytes, kind: str, find: Find, spending: Spending
) -> dict[str, Any]:
    """Return the state that a pickle of the matrix has.

    Parameters
    ----------
    kind
        The name of its class, ``csr_matrix`` or ``csr_array``.

    Raises
    ------
    Damaged
        If scipy saves no matrix of this kind, or the one in the file is of another
        format, has no shape, or is not whole.
    """
    archive = Archive(content, spending.limits)
    spending.copy(sum(archive.sizes.values()))
    arrays = {
        name.removesuffix(".npy"): read_npy(archive.read(name), find)
        for name in archive.sizes
    }
    kind, _, what = kind.partition("_")
    if kind not in PARTS or what not in ("array", "matrix"):
        raise Damaged("it has a sparse matrix of a kind that scipy does not save")
    if _text(arrays["format"]) != kind:
        raise Damaged("a sparse matrix in it is of another format than its class")
    state: dict[str, Any] = {
        "_shape": _integers(arrays["shape"]),
        "maxprint": MAXPRINT,
        **{part: arrays[part] for part in PARTS[kind]},
    }
    if kind == "coo":
        state["coords"] = (arrays["row"], arrays["col"])
        state["has_canonical_format"] = False
    return state


def _text(array: RawArray) -> str:
    code = "utf-32" if array.dtype.arguments[0].startswith("U") else "ascii"
    return bytes(array.content).decode(code).rstrip("\0")


def _integers(array: RawArray) -> tuple[int, ...]:
    import numpy as np

    kind = array.dtype.arguments[0]
    if kind not in ("i4", "i8") or len(array.shape) != 1:
        raise Damaged("a sparse matrix in it has no shape")
    _, byte_order, *_ = array.dtype.states[0]
    values: Any = np.frombuffer(array.content, f"{byte_order}{kind}")
    return tuple(values.tolist())
