"""Finding the interval that a value lies in: the ONNX form of numpy.searchsorted."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from convert.graph.arithmetic import axes
from convert.graph.builder import Graph, Tensor

Floats = npt.NDArray[np.float64]

MAX_COMPARED = 64
"""Edges; above it, blocks of edges are compared first."""


def count_at_most(graph: Graph, x: Tensor, edges: Sequence[Floats]) -> Tensor:
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
        return _count(graph, x, graph.constant(padded[None]))
    return _count_in_blocks(graph, x, padded)


def _count(graph: Graph, x: Tensor, edges: Tensor) -> Tensor:
    deep = graph.add("Unsqueeze", x, axes(graph, 2))
    reached = graph.add("GreaterOrEqual", deep, edges)
    counted = graph.add("Cast", reached, to=TensorProto.INT64)
    return graph.add("ReduceSum", counted, axes(graph, 2), keepdims=0)


def _count_in_blocks(graph: Graph, x: Tensor, edges: Floats) -> Tensor:
    """Find the block of edges that x lies in, then count within the block.

    All edges at once would take 8 bytes for each edge of each value.
    """
    n_columns, n_edges = edges.shape
    size = math.isqrt(n_edges - 1) + 1
    filler = np.full((n_columns, -n_edges % size), np.nan)
    blocks = np.hstack([edges, filler]).reshape(n_columns, -1, size)
    n_begun = _count(graph, x, graph.constant(blocks[None, :, :, 0]))
    one, zero = graph.constant(1, np.int64), graph.constant(0, np.int64)
    block = graph.add("Max", graph.add("Sub", n_begun, one), zero)
    inside = _count(graph, x, look_up(graph, block, blocks))
    before = graph.add("Mul", block, graph.constant(size, np.int64))
    return graph.add("Add", before, inside)


def look_up(graph: Graph, index: Tensor, table: npt.NDArray[np.float64]) -> Tensor:
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
