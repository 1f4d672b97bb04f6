"""Multi-layer perceptrons: matrix products in double."""

from typing import Any

from convert.errors import Unsupported
from convert.graph.arithmetic import (
    above,
    argmax,
    complement,
    sigmoid,
    softmax,
)
from convert.graph.builder import Graph, Tensor
from convert.lowering.outputs import Outputs
from convert.lowering.registry import emits


@emits("sklearn.MLPRegressor")
def emit_regressor(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit act(… act(x · W₁ + b₁) …) · Wₙ + bₙ.

    scikit-learn's user guide, "Multi-layer Perceptron".

    Raises
    ------
    Unsupported
        The activation has no emitter.
    """
    return Outputs(_forward(graph, estimator, matrix))


@emits("sklearn.MLPClassifier")
def emit_classifier(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit the sigmoid or softmax of the last layer.

    scikit-learn's user guide, "Multi-layer Perceptron".

    Raises
    ------
    Unsupported
        It was fitted on several labels a row, or its activation has no emitter.
    """
    if estimator._label_binarizer.y_type_.startswith("multilabel"):
        raise Unsupported(
            "MLPClassifier was fitted on several labels a row: fit one classifier for "
            "each label"
        )
    output = _forward(graph, estimator, matrix)
    if estimator.n_outputs_ == 1:
        label = above(graph, output, 0.5)
        return Outputs(None, complement(graph, output), label)
    return Outputs(None, output, argmax(graph, output))


def _forward(graph: Graph, estimator: Any, matrix: Tensor) -> Tensor:
    n_hidden = len(estimator.coefs_) - 1
    activations = [estimator.activation] * n_hidden + [estimator.out_activation_]
    for weights, bias, activation in zip(
        estimator.coefs_, estimator.intercepts_, activations, strict=True
    ):
        product = graph.add("MatMul", matrix, graph.constant(weights))
        raw = graph.add("Add", product, graph.constant(bias))
        matrix = _activated(graph, raw, activation)
    return matrix


def _activated(graph: Graph, raw: Tensor, activation: str) -> Tensor:
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
    raise Unsupported(f"the activation {activation!r} has no emitter: use relu or tanh")
