"""Multi-layer perceptrons: matrix products in double."""

from typing import Any

from convert.estimators import Outputs, emits
from convert.estimators.links import (
    above,
    argmax,
    complement,
    constant,
    sigmoid,
    softmax,
)
from convert.graph import Graph
from convert.refusal import Refusal


@emits("sklearn.MLPRegressor")
def emit_regressor(
    estimator: Any, graph: Graph, matrix: str, n_columns: int
) -> Outputs:
    return Outputs(_forward(estimator, graph, matrix))


@emits("sklearn.MLPClassifier")
def emit_classifier(
    estimator: Any, graph: Graph, matrix: str, n_columns: int
) -> Outputs:
    if estimator._label_binarizer.y_type_.startswith("multilabel"):
        raise Refusal(
            "MLPClassifier was fitted on several labels a row: fit one classifier for "
            "each label"
        )
    output = _forward(estimator, graph, matrix)
    if estimator.n_outputs_ == 1:
        label = above(graph, output, 0.5)
        return Outputs(None, complement(graph, output), label)
    return Outputs(None, output, argmax(graph, output))


def _forward(estimator: Any, graph: Graph, matrix: str) -> str:
    n_hidden = len(estimator.coefs_) - 1
    activations = [estimator.activation] * n_hidden + [estimator.out_activation_]
    for weights, bias, activation in zip(
        estimator.coefs_, estimator.intercepts_, activations, strict=True
    ):
        product = graph.add("MatMul", matrix, constant(graph, weights))
        raw = graph.add("Add", product, constant(graph, bias))
        matrix = _activated(graph, raw, activation)
    return matrix


def _activated(graph: Graph, raw: str, activation: str) -> str:
    match activation:
        case "identity":
            return raw
        case "logistic":
            return sigmoid(graph, raw)
        case "tanh":
            return graph.add("Tanh", raw)
        case "relu":
            return graph.add("Relu", raw)
        case "softmax":
            return softmax(graph, raw)
    raise Refusal(f"the activation {activation!r} has no emitter: use relu or tanh")
