"""A table in the graph: from the value of one column to a row of numbers."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from onnx import numpy_helper

from convert.graph import Graph
from convert.preprocessing.blocks import Column
from server.signature import MISSING_TEXT

Floats = npt.NDArray[np.float64]

MAX_DENSE_CELLS = 20_000
"""Above it, one-hot rows are compared with their index instead of stored."""


def add_lookup(
    column: Column, values: Sequence[Any], rows: Floats, graph: Graph
) -> str:
    """Add a lookup and return its tensor, shape (n_rows, n_outputs).

    Parameters
    ----------
    rows
        One row a value, then those of a missing and of an unknown value.
    """
    keys = _keys(column, values)
    known, unknown = rows[:-1], rows[-1:]
    if rows.shape[1] == 1:
        return _encode(column.tensor, keys, known[:, 0], unknown[:, 0], graph)
    distinct: dict[bytes, int] = {}
    index = [distinct.setdefault(row.tobytes(), len(distinct)) for row in rows]
    table = np.array([np.frombuffer(row) for row in distinct])
    positions = np.array(index, np.int64)
    encoded = _encode(column.tensor, keys, positions[:-1], positions[-1:], graph)
    return _rows_at(encoded, table, graph)


def _keys(column: Column, values: Sequence[Any]) -> "npt.NDArray[Any]":
    if column.text:
        return np.array([*values, MISSING_TEXT], object)
    return np.array([*map(float, values), np.nan])


def _encode(
    tensor: str, keys: Any, values: Any, default: Any, graph: Graph
) -> str:
    return graph.add(
        "LabelEncoder",
        tensor,
        domain="ai.onnx.ml",
        keys_tensor=numpy_helper.from_array(keys),
        values_tensor=numpy_helper.from_array(values),
        default_tensor=numpy_helper.from_array(default),
    )


def _rows_at(index: str, table: Floats, graph: Graph) -> str:
    marks = _marks(table) if table.size > MAX_DENSE_CELLS else None
    if marks is None:
        return graph.add("GatherND", graph.constant(table), index)
    hit = graph.add("Equal", index, graph.constant(marks.row[None]))
    return graph.add(
        "Where", hit, graph.constant(marks.on[None]), graph.constant(marks.off[None])
    )


class _Marks(NamedTuple):
    """A table whose every column has one value (`on`) in a single row."""

    row: npt.NDArray[np.int64]
    on: Floats
    off: Floats


def _marks(table: Floats) -> _Marks | None:
    bits = table.view(np.int64)  # NaN equals itself here
    usual = np.where((bits[0] == bits[1]) | (bits[0] == bits[2]), bits[0], bits[1])
    differs = bits != usual
    if (differs.sum(axis=0) > 1).any():
        return None
    row = differs.argmax(axis=0)
    return _Marks(row, table[row, np.arange(table.shape[1])], usual.view(np.float64))
