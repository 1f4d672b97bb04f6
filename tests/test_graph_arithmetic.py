"""Arithmetic in the graph equals numpy's."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest
from onnx import TensorProto
from scipy import special

from convert.graph import arithmetic
from convert.graph.builder import Graph, Tensor

Floats = npt.NDArray[np.float64]

NUMBERS = np.array([[-2.5, 0.0, 1e-9], [0.25, 3.0, -0.0], [9.0, -7.0, 40.0]])

EXACT: dict[str, tuple[Callable[[Graph, Tensor], Tensor], Callable[[Floats], Any]]] = {
    "clip": (
        lambda graph, x: arithmetic.clip(graph, x, -1.0, 2.0),
        lambda x: np.clip(x, -1.0, 2.0),
    ),
    "columns": (
        lambda graph, x: arithmetic.columns(graph, x, [2, 0, -1]),
        lambda x: x[:, [2, 0, -1]],
    ),
    "concat": (
        lambda graph, x: arithmetic.concat(graph, [x, graph.add("Neg", x)]),
        lambda x: np.hstack([x, -x]),
    ),
    "repeat a row": (
        lambda graph, x: arithmetic.repeat(graph, [[1.0, 2.0]], x),
        lambda x: np.tile([1.0, 2.0], (len(x), 1)),
    ),
    "repeat a number": (
        lambda graph, x: arithmetic.repeat(graph, 3.0, x),
        lambda x: np.full((len(x), 1), 3.0),
    ),
    "row": (
        lambda graph, x: graph.add("Add", x, arithmetic.row(graph, [1, 2, 3])),
        lambda x: x + np.array([1, 2, 3]),
    ),
    "row_sum": (arithmetic.row_sum, lambda x: x.sum(axis=1, keepdims=True)),
    "or_nan": (
        lambda graph, x: arithmetic.or_nan(
            graph, graph.add("Greater", x, graph.constant(0.0)), x
        ),
        lambda x: np.where(x > 0, x, np.nan),
    ),
    "opposite": (arithmetic.opposite, lambda x: np.hstack([-x, x])),
    "argmax": (arithmetic.argmax, lambda x: x.argmax(axis=1)[:, None]),
    "above": (lambda graph, x: arithmetic.above(graph, x, 3.0), lambda x: x > 3.0),
    "at_least": (
        lambda graph, x: arithmetic.at_least(graph, x, 3.0),
        lambda x: x >= 3.0,
    ),
}

NEAR: dict[str, tuple[Callable[[Graph, Tensor], Tensor], Callable[[Floats], Any]]] = {
    "cbrt": (arithmetic.cbrt, np.cbrt),
    "expm1": (arithmetic.expm1, np.expm1),
    "sigmoid": (arithmetic.sigmoid, special.expit),
    "softmax": (arithmetic.softmax, lambda x: special.softmax(x, axis=1)),
    "mean": (
        lambda graph, x: arithmetic.mean(graph, [x, x, graph.constant(1.0)]),
        lambda x: (2 * x + 1) / 3,
    ),
}


def run(function: Callable[[Graph, Tensor], Tensor], rows: Floats) -> Any:
    """Return what the graph of a function makes of some rows."""
    graph = Graph()
    x = graph.input("x", TensorProto.DOUBLE)
    cast = graph.add("Cast", function(graph, x), to=TensorProto.DOUBLE)
    graph.output("y", cast, TensorProto.DOUBLE, ["n_rows", "n_columns"])
    model = graph.model()
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = rows.shape[1]
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {"x": rows})[0]


@pytest.mark.parametrize("name", EXACT)
def test_what_needs_no_rounding_is_equal(name: str) -> None:
    function, oracle = EXACT[name]

    np.testing.assert_array_equal(run(function, NUMBERS), oracle(NUMBERS))


@pytest.mark.parametrize("name", NEAR)
def test_what_is_rounded_is_within_some_ulp(name: str) -> None:
    function, oracle = NEAR[name]

    np.testing.assert_allclose(run(function, NUMBERS), oracle(NUMBERS), rtol=2e-15)


def test_probabilities_of_nothing_are_uniform() -> None:
    rows = np.array([[1.0, 3.0], [0.0, 0.0]])

    shares = run(lambda graph, x: arithmetic.normalized(graph, x, 2), rows)

    np.testing.assert_array_equal(shares, [[0.25, 0.75], [0.5, 0.5]])


def test_the_complement_of_a_probability_is_that_of_the_first_class() -> None:
    shares = run(arithmetic.complement, np.array([[0.25], [1.0]]))

    np.testing.assert_array_equal(shares, [[0.75, 0.25], [0.0, 1.0]])
