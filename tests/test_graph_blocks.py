"""Columns and matrices that remember which features move them."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto

from convert.errors import Unsupported
from convert.graph.blocks import (
    Column,
    Frame,
    Matrix,
    affine,
    all_owners,
    as_frame,
    as_matrix,
    join,
    select,
)
from convert.graph.builder import Graph, Tensor

NUMBERS = {"a": [[1.0], [2.0]], "b": [[30.0], [40.0]]}


def make_frame(graph: Graph, *, text: bool = False) -> Frame:
    """Return two columns of numbers, and one of text if wanted."""
    columns = [
        Column(name, graph.input(name, TensorProto.DOUBLE), False, frozenset({i}))
        for i, name in enumerate(NUMBERS)
    ]
    if text:
        word = graph.input("word", TensorProto.STRING)
        columns.append(Column("word", word, True, frozenset({2})))
    return Frame(tuple(columns))


def run(graph: Graph, matrix: Matrix) -> list[list[float]]:
    graph.output("y", matrix.tensor, TensorProto.DOUBLE, ["n_rows", matrix.n_columns])
    session = onnxruntime.InferenceSession(graph.model().SerializeToString())
    rows: list[list[float]] = session.run(
        None, {name: np.array(column) for name, column in NUMBERS.items()}
    )[0].tolist()
    return rows


def test_columns_of_numbers_become_a_matrix_with_their_owners() -> None:
    graph = Graph()
    matrix = as_matrix(graph, make_frame(graph))

    assert matrix.owners == (frozenset({0}), frozenset({1}))
    assert all_owners(matrix) == {0, 1}
    assert run(graph, matrix) == [[1.0, 30.0], [2.0, 40.0]]


def test_selected_columns_keep_their_owners_and_may_be_repeated() -> None:
    graph = Graph()
    matrix = select(graph, as_matrix(graph, make_frame(graph)), [1, 0, 1])

    assert matrix.owners == (frozenset({1}), frozenset({0}), frozenset({1}))
    assert run(graph, matrix) == [[30.0, 1.0, 30.0], [40.0, 2.0, 40.0]]


def test_all_columns_in_their_order_cost_no_node() -> None:
    graph = Graph()
    matrix = as_matrix(graph, make_frame(graph))

    assert select(graph, matrix, [0, 1]) == matrix


def test_blocks_of_numbers_are_joined_to_a_matrix() -> None:
    graph = Graph()
    frame = make_frame(graph)
    doubled = affine(graph, as_matrix(graph, frame), ("Mul", [2.0, 0.5]), ("Add", [1]))
    joined = join(graph, [doubled, select(graph, frame, [0])])

    assert isinstance(joined, Matrix)
    assert joined.owners == (frozenset({0}), frozenset({1}), frozenset({0}))
    assert run(graph, joined) == [[3.0, 16.0, 1.0], [5.0, 21.0, 2.0]]


def test_blocks_with_text_are_joined_to_columns() -> None:
    graph = Graph()
    frame = make_frame(graph, text=True)
    matrix = as_matrix(graph, select(graph, frame, [0, 1]))
    joined = join(graph, [matrix, select(graph, frame, [2])])

    assert isinstance(joined, Frame)
    assert [column.text for column in joined.columns] == [False, False, True]
    assert [column.owners for column in joined.columns] == [{0}, {1}, {2}]


def test_text_is_no_matrix() -> None:
    graph = Graph()

    with pytest.raises(Unsupported, match=r"'word' holds text .* OneHotEncoder"):
        as_matrix(graph, make_frame(graph, text=True))


def test_nothing_is_no_matrix() -> None:
    with pytest.raises(Unsupported, match="leaves no column"):
        join(Graph(), [])


def test_a_column_that_is_no_feature_is_missed_when_it_is_read() -> None:
    graph = Graph()
    absent = Frame((Column("rooms", Tensor(""), False, frozenset()),))

    for read in (as_matrix, as_frame):
        with pytest.raises(Unsupported, match="'rooms', which is not among"):
            read(graph, absent)
