"""Finding the interval that a value lies in: the ONNX form of numpy.searchsorted."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from convert.graph import Graph

Floats = npt.NDArray[np.float64]


def count_at_most(x: str, edges: Sequence[Floats], graph: Graph) -> str:
    """Count, for each value, the edges of its column that are at most the value.

    Equal to ``numpy.searchsorted(edges, x, side="right")``; 0 for NaN.

    Parameters
    ----------
    x
        Shape (n_rows, n_columns).
    edges
        Ascending, one array a column, of any lengths.

    Returns
    -------
    str
        int64 tensor, shape (n_rows, n_columns).
    """
    n_edges = max(len(column) for column in edges)
    # nothing is at least NaN, so it fills the shorter columns
    padded = np.full((len(edges), n_edges), np.nan)
    for filled, column in zip(padded, edges, strict=True):
        filled[: len(column)] = column
    deep = graph.add("Unsqueeze", x, graph.constant([2], np.int64))
    reached = graph.add("GreaterOrEqual", deep, graph.constant(padded[None]))
    counted = graph.add("Cast", reached, to=7)  # int64
    return graph.add("ReduceSum", counted, graph.constant([2], np.int64), keepdims=0)


def look_up(index: str, table: npt.NDArray[np.float64], graph: Graph) -> str:
    """Return ``table[column, index]`` for each value of an index matrix.

    Parameters
    ----------
    index
        int64 tensor, shape (n_rows, n_columns).
    table
        Shape (n_columns, n_intervals, ...).

    Returns
    -------
    str
        float64 tensor, shape (n_rows, n_columns, ...).
    """
    n_columns, n_intervals = table.shape[:2]
    offsets = np.arange(n_columns)[None, :] * n_intervals
    position = graph.add("Add", index, graph.constant(offsets, np.int64))
    flat = table.reshape(n_columns * n_intervals, *table.shape[2:])
    return graph.add("Gather", graph.constant(flat, np.float64), position)
