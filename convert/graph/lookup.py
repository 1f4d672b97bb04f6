"""A table in the graph: from the value of one column to a row of numbers."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from onnx import numpy_helper

from convert.graph.blocks import Column
from convert.graph.builder import Graph, Tensor
from server.signature import MISSING_TEXT

Floats = npt.NDArray[np.float64]

MAX_DENSE_CELLS = 100_000
"""0.8 MB; above it, one-hot rows are compared with their index instead of stored.

1000 categories one-hot: 8 MB and 0.35 ms for 1000 rows stored, 42 kB and 7 ms
compared; one row takes 5 and 8 µs.
"""


def add_lookup(
    graph: Graph, column: Column, values: Sequence[Any], rows: Floats
) -> Tensor:
    """Add a lookup and return its tensor, shape (n_rows, n_outputs).

    Parameters
    ----------
    rows
        One row a value, then those of a missing and of an unknown value.
    """
    keys = _keys(column, values)
    known, unknown = rows[:-1], rows[-1:]
    if rows.shape[1] == 1:
        return _encode(graph, column.tensor, keys, known[:, 0], unknown[:, 0])
    distinct: dict[bytes, int] = {}
    index = [distinct.setdefault(row.tobytes(), len(distinct)) for row in rows]
    table = np.array([np.frombuffer(row) for row in distinct])
    positions = np.array(index, np.int64)
    encoded = _encode(graph, column.tensor, keys, positions[:-1], positions[-1:])
    return _rows_at(graph, encoded, table)


def _keys(column: Column, values: Sequence[Any]) -> "npt.NDArray[Any]":
    if column.text:
        return np.array([*values, MISSING_TEXT], object)
    return np.array([*map(float, values), np.nan])


def _encode(
    graph: Graph, tensor: Tensor, keys: Any, values: Any, default: Any
) -> Tensor:
    return graph.add(
        "LabelEncoder",
        tensor,
        domain="ai.onnx.ml",
        keys_tensor=numpy_helper.from_array(keys),
        values_tensor=numpy_helper.from_array(values),
        default_tensor=numpy_helper.from_array(default),
    )


def _rows_at(graph: Graph, index: Tensor, table: Floats) -> Tensor:
    marks = _marks(table) if table.size > MAX_DENSE_CELLS else None
    if marks is None:
        return graph.add("GatherND", graph.constant(table), index)
    hit = graph.add("Equal", index, graph.constant(marks.row[None], np.int64))
    on, off = graph.constant(marks.on[None]), graph.constant(marks.off[None])
    values = graph.add("Where", hit, on, off)
    rejected = np.flatnonzero(np.isnan(table).all(axis=1))
    if len(rejected) == 0:
        return values
    refused = graph.add("Equal", index, graph.constant(rejected[None], np.int64))
    return graph.add("Where", refused, graph.constant(np.nan), values)


class _Marks(NamedTuple):
    """A table whose every column has one value (`on`) in a single row."""

    row: npt.NDArray[np.int64]
    on: Floats
    off: Floats


def _marks(table: Floats) -> _Marks | None:
    """Return the table's marks; None if a column has several, NaN rows apart."""
    bits = table.view(np.int64)  # NaN equals itself here
    accepted = np.flatnonzero(~np.isnan(table).all(axis=1))
    if len(accepted) < 3:
        return None
    first, second, third = bits[accepted[:3]]
    usual = np.where((first == second) | (first == third), first, second)
    differs = bits[accepted] != usual
    if (differs.sum(axis=0) > 1).any():
        return None
    row = accepted[differs.argmax(axis=0)]
    return _Marks(row, table[row, np.arange(table.shape[1])], usual.view(np.float64))
