"""Finding the interval that a value lies in: the ONNX form of numpy.searchsorted."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from convert.graph import Graph

Floats = npt.NDArray[np.float64]

MAX_COMPARED = 64
"""Edges; above it, blocks of edges are compared first."""


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
    if n_edges <= MAX_COMPARED:
        return _count(x, graph.constant(padded[None]), graph)
    return _count_in_blocks(x, padded, graph)


def _count(x: str, edges: str, graph: Graph) -> str:
    deep = graph.add("Unsqueeze", x, graph.constant([2], np.int64))
    reached = graph.add("GreaterOrEqual", deep, edges)
    counted = graph.add("Cast", reached, to=TensorProto.INT64)
    return graph.add("ReduceSum", counted, graph.constant([2], np.int64), keepdims=0)


def _count_in_blocks(x: str, edges: Floats, graph: Graph) -> str:
    """Find the block of edges that x lies in, then count within the block.

    All edges at once would take 8 bytes for each edge of each value.
    """
    n_columns, n_edges = edges.shape
    size = math.isqrt(n_edges - 1) + 1
    filler = np.full((n_columns, -n_edges % size), np.nan)
    blocks = np.hstack([edges, filler]).reshape(n_columns, -1, size)
    n_begun = _count(x, graph.constant(blocks[None, :, :, 0]), graph)
    one, zero = graph.constant(1, np.int64), graph.constant(0, np.int64)
    block = graph.add("Max", graph.add("Sub", n_begun, one), zero)
    inside = _count(x, look_up(block, blocks, graph), graph)
    before = graph.add("Mul", block, graph.constant(size, np.int64))
    return graph.add("Add", before, inside)


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
