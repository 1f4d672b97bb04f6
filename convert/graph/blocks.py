"""What flows through the preprocessing: columns as they came, or one matrix.

Every output remembers its owners, the positions of the features that move it,
so that contributions can be given back to the features.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, overload

from onnx import TensorProto

from convert.errors import Unsupported
from convert.graph.arithmetic import columns, concat, row
from convert.graph.builder import Graph, Tensor
from server.signature import Feature, Value

Owners = frozenset[int]


class Column(NamedTuple):
    """One tensor of shape (n_rows, 1): strings where `text`, float64 elsewhere.

    `tensor` is empty for a column that was fitted on and is no feature. `values` are
    the categories of its feature: a table must hold each of them.
    """

    name: str
    tensor: Tensor
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

    tensor: Tensor
    owners: tuple[Owners, ...]

    @property
    def n_columns(self) -> int:
        return len(self.owners)


Block = Frame | Matrix


def add_inputs(graph: Graph, features: Sequence[Feature]) -> list[Column]:
    """Declare one input of the graph for each feature."""
    found = []
    for position, feature in enumerate(features):
        text = feature.kind == "text" or any(
            isinstance(value, str) for value in feature.categories
        )
        dtype = TensorProto.STRING if text else TensorProto.DOUBLE
        tensor = graph.input(feature.input, dtype)
        owners = frozenset({position})
        found.append(Column(feature.name, tensor, text, owners, feature.categories))
    return found


def as_matrix(graph: Graph, block: Block) -> Matrix:
    """Return a block of numbers as one matrix.

    Raises
    ------
    Unsupported
        A column holds text, or is not among the model's features.
    """
    if isinstance(block, Matrix):
        return block
    check_present(block)
    texts = [column.name for column in block.columns if column.text]
    if texts:
        raise Unsupported(
            f"{texts[0]!r} holds text where scikit-learn computes with numbers: "
            f"encode it in the pipeline, for instance with OneHotEncoder"
        )
    return join(graph, [Matrix(each.tensor, (each.owners,)) for each in block.columns])


def as_frame(graph: Graph, block: Block) -> Frame:
    """Return a block as columns, which a matrix is taken apart to.

    Raises
    ------
    Unsupported
        A column is not among the model's features.
    """
    if isinstance(block, Frame):
        check_present(block)
        return block
    tensors = [select(graph, block, [i]).tensor for i in range(block.n_columns)]
    return Frame(
        tuple(
            Column(f"column {position}", tensor, False, owners)
            for position, (tensor, owners) in enumerate(
                zip(tensors, block.owners, strict=True)
            )
        )
    )


def check_present(frame: Frame) -> None:
    """Check that the model has every column of a frame.

    Raises
    ------
    Unsupported
        A column is not among the model's features.
    """
    for column in frame.columns:
        if not column.tensor:
            raise Unsupported(
                f"the pipeline reads column {column.name!r}, which is not among the "
                f"model's features: add it to the sample"
            )


@overload
def join(graph: Graph, blocks: Sequence[Matrix]) -> Matrix: ...
@overload
def join(graph: Graph, blocks: Sequence[Block]) -> Block: ...
def join(graph: Graph, blocks: Sequence[Block]) -> Block:
    """Set blocks side by side, as a matrix unless one of them holds text.

    Raises
    ------
    Unsupported
        No block has a column, or one is not among the model's features.
    """
    if any(isinstance(block, Frame) and block.has_text for block in blocks):
        frames = [as_frame(graph, block) for block in blocks]
        return Frame(tuple(column for frame in frames for column in frame.columns))
    matrices = [as_matrix(graph, block) for block in blocks]
    parts = [matrix for matrix in matrices if matrix.owners]
    if not parts:
        raise Unsupported("the preprocessing leaves no column for the estimator")
    owners = tuple(owner for matrix in parts for owner in matrix.owners)
    return Matrix(concat(graph, [matrix.tensor for matrix in parts]), owners)


@overload
def select(graph: Graph, block: Matrix, positions: Sequence[int]) -> Matrix: ...
@overload
def select(graph: Graph, block: Frame, positions: Sequence[int]) -> Frame: ...
def select(graph: Graph, block: Block, positions: Sequence[int]) -> Block:
    """Return the columns at `positions`, in that order."""
    if isinstance(block, Frame):
        return Frame(tuple(block.columns[position] for position in positions))
    if list(positions) == list(range(block.n_columns)):
        return block
    owners = tuple(block.owners[position] for position in positions)
    return Matrix(columns(graph, block.tensor, positions), owners)


def affine(graph: Graph, matrix: Matrix, *operations: tuple[str, Any]) -> Matrix:
    """Apply (operator, one value a column) in turn, and keep the owners."""
    tensor = matrix.tensor
    for op, values in operations:
        tensor = graph.add(op, tensor, row(graph, values))
    return matrix._replace(tensor=tensor)


def all_owners(matrix: Matrix) -> Owners:
    return frozenset().union(*matrix.owners)
