from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.naive_bayes import CategoricalNB

from convert.errors import Refusal
from convert.graph.builder import TARGET_OPSET, Graph
from convert.lowering.skl2onnx import skl2onnx_graph
from tests.emission import discrepancy, make_labels, make_matrix, session


def make_branching_model() -> ModelProto:
    """If any x > limit: x + shift, else x − shift; both branches read outer names."""
    float_ = TensorProto.FLOAT
    shape: list[str | int | None] = ["n_rows", 1]

    def branch(name: str, operator: str) -> Any:
        node = helper.make_node(operator, ["x", "shift"], ["moved"])
        out = helper.make_tensor_value_info("moved", float_, shape)
        return helper.make_graph([node], name, [], [out])

    nodes = [
        helper.make_node("ReduceMax", ["x"], ["largest"], keepdims=0),
        helper.make_node("Greater", ["largest", "limit"], ["is_large"]),
        helper.make_node(
            "If",
            ["is_large"],
            ["y"],
            then_branch=branch("then", "Add"),
            else_branch=branch("else", "Sub"),
        ),
    ]
    graph = helper.make_graph(
        nodes,
        "foreign",
        [helper.make_tensor_value_info("x", float_, shape)],
        [helper.make_tensor_value_info("y", float_, shape)],
        [
            helper.make_tensor("limit", float_, [], [5.0]),
            helper.make_tensor("shift", float_, [], [1.0]),
        ],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", TARGET_OPSET)]
    )


def test_spliced_branches_read_the_names_outside_of_them() -> None:
    graph = Graph()
    column = graph.input("moved", TensorProto.FLOAT)
    first = graph.splice(make_branching_model(), {"x": column})[0]
    second = graph.splice(make_branching_model(), {"x": first})[0]
    graph.output("y", second, TensorProto.FLOAT, ["n_rows", 1])
    runner = session(graph.model())

    def moved(value: float) -> float:
        rows = np.array([[value]], np.float32)
        return float(runner.run(None, {"moved": rows})[0][0, 0])

    assert [moved(value) for value in (4.0, 5.0, 5.5)] == [2.0, 3.0, 7.5]


def test_foreign_graph_of_another_opset_is_not_spliced() -> None:
    graph = Graph()
    model = make_branching_model()
    model.opset_import[0].version = 15

    with pytest.raises(ValueError, match="opset 15"):
        graph.splice(model, {"x": graph.input("x", TensorProto.FLOAT)})


@pytest.mark.slow
def test_categorical_naive_bayes_is_spliced() -> None:
    matrix = np.abs(make_matrix().round() % 5)
    estimator = CategoricalNB().fit(matrix, make_labels(make_matrix(), 3))

    assert discrepancy(estimator, matrix) < 1e-5


@pytest.mark.slow
def test_converter_that_fails_is_a_refusal_with_its_reason() -> None:
    matrix = make_matrix()[:40]
    estimator = GaussianProcessClassifier(optimizer=None)
    estimator.fit(matrix, make_labels(make_matrix(), 3)[:40])

    with pytest.raises(Refusal, match=r"GaussianProcessClassifier \(.*binary"):
        skl2onnx_graph(estimator, 5)


def test_converter_that_does_not_end_is_stopped() -> None:
    with pytest.raises(Refusal, match=r"CategoricalNB within 0\.1 s"):
        skl2onnx_graph(CategoricalNB(), 5, timeout_s=0.1)
