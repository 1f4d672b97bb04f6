"""What flows through the preprocessing: columns as they came, or one matrix.

Every output remembers its owners, the positions of the features that move it,
so that contributions can be given back to the features.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from onnx import TensorProto

from convert.graph import Graph
from convert.refusal import Refusal
from server.signature import Feature, Value

Owners = frozenset[int]


class Column(NamedTuple):
    """One tensor of shape (n_rows, 1): strings where `text`, float64 elsewhere.

    `tensor` is empty for a column that was fitted on and is no feature. `values` are
    the categories of its feature: a table must hold each of them.
    """

    name: str
    tensor: str
    text: bool
    owners: Owners
    values: tuple[Value, ...] = ()


class Frame(NamedTuple):
    """Columns of any kind, in the order that the fitted transformer knows."""

    columns: tuple[Column, ...]

    @property
    def has_text(self) -> bool:
        return any(column.text for column in self.columns)


class Matrix(NamedTuple):
    """A float64 tensor of shape (n_rows, n_columns) and the owners of each column."""

    tensor: str
    owners: tuple[Owners, ...]

    @property
    def n_columns(self) -> int:
        return len(self.owners)


Block = Frame | Matrix


def add_inputs(features: Sequence[Feature], graph: Graph) -> list[Column]:
    """Declare one input of the graph for each feature."""
    columns = []
    for position, feature in enumerate(features):
        text = feature.kind == "text" or any(
            isinstance(value, str) for value in feature.categories
        )
        dtype = TensorProto.STRING if text else TensorProto.DOUBLE
        graph.input(feature.input, dtype)
        owners = frozenset({position})
        columns.append(
            Column(feature.name, feature.input, text, owners, feature.categories)
        )
    return columns


def as_matrix(block: Block, graph: Graph) -> Matrix:
    if isinstance(block, Matrix):
        return block
    check_present(block)
    texts = [column.name for column in block.columns if column.text]
    if texts:
        raise Refusal(
            f"{texts[0]!r} holds text where scikit-learn computes with numbers: "
            f"encode it in the pipeline, for instance with OneHotEncoder"
        )
    return concatenate(
        [Matrix(column.tensor, (column.owners,)) for column in block.columns], graph
    )


def check_present(frame: Frame) -> None:
    for column in frame.columns:
        if not column.tensor:
            raise Refusal(
                f"the pipeline reads column {column.name!r}, which is not among the "
                f"model's features: add it to the sample"
            )


def as_frame(block: Block, graph: Graph) -> Frame:
    if isinstance(block, Frame):
        check_present(block)
        return block
    return Frame(
        tuple(
            Column(
                f"column {position}", take(block, [position], graph).tensor, False, o
            )
            for position, o in enumerate(block.owners)
        )
    )


def concatenate(matrices: Sequence[Matrix], graph: Graph) -> Matrix:
    parts = [matrix for matrix in matrices if matrix.owners]
    if not parts:
        raise Refusal("the preprocessing leaves no column for the estimator")
    owners = tuple(owner for matrix in parts for owner in matrix.owners)
    if len(parts) == 1:
        return parts[0]
    tensor = graph.add("Concat", *(matrix.tensor for matrix in parts), axis=1)
    return Matrix(tensor, owners)


def join(blocks: Sequence[Block], graph: Graph) -> Block:
    """Set blocks side by side, as a matrix unless one of them holds text."""
    if any(isinstance(block, Frame) and block.has_text for block in blocks):
        frames = [as_frame(block, graph) for block in blocks]
        return Frame(tuple(column for frame in frames for column in frame.columns))
    return concatenate([as_matrix(block, graph) for block in blocks], graph)


def take(matrix: Matrix, positions: Sequence[int], graph: Graph) -> Matrix:
    """Return the columns at `positions`, in that order."""
    if list(positions) == list(range(matrix.n_columns)):
        return matrix
    owners = tuple(matrix.owners[position] for position in positions)
    index = graph.constant(positions, np.int64)
    return Matrix(graph.add("Gather", matrix.tensor, index, axis=1), owners)


def select(block: Block, positions: Sequence[int], graph: Graph) -> Block:
    if isinstance(block, Matrix):
        return take(block, positions, graph)
    return Frame(tuple(block.columns[position] for position in positions))


def all_owners(matrix: Matrix) -> Owners:
    return frozenset().union(*matrix.owners)
