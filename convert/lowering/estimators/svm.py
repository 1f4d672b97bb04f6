"""Support vector machines in double: one kernel matrix, one product."""

from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from convert.fitted.plain import dense
from convert.graph.arithmetic import argmax, at_least
from convert.graph.builder import Graph, Tensor
from convert.lowering.estimators.multiclass import from_pairs
from convert.lowering.estimators.pairwise import kernel_matrix
from convert.lowering.outputs import Outputs
from convert.lowering.registry import emits
from convert.lowering.skl2onnx import spliced_probabilities

Floats = npt.NDArray[np.float64]


@emits("sklearn.SVR", "sklearn.NuSVR")
def emit_regressor(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit Σ weight · K(x, support vector) + intercept.

    scikit-learn's user guide, "SVR"; Chang and Lin (2011), LIBSVM, ACM TIST 2 (3).

    Raises
    ------
    Unsupported
        The kernel has no form in ONNX.
    """
    weights = dense(estimator.dual_coef_).T
    similarity = _similarity(graph, estimator, matrix)
    product = graph.add("MatMul", similarity, graph.constant(weights))
    return Outputs(graph.add("Add", product, graph.constant(estimator.intercept_)))


@emits("sklearn.SVC", "sklearn.NuSVC")
def emit_classifier(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Pairwise scores, positive for the first class of the pair, and votes."""
    n_classes = len(estimator.classes_)
    weights = _pair_weights(estimator._dual_coef_, estimator._n_support)
    similarity = _similarity(graph, estimator, matrix)
    product = graph.add("MatMul", similarity, graph.constant(weights))
    pairs = graph.add("Add", product, graph.constant(estimator._intercept_))
    scores = graph.add("Neg", pairs)
    shares = _coupled(graph, estimator, matrix, n_columns)
    if n_classes == 2:
        label = at_least(graph, scores, 0.0)
        return Outputs(None, shares, label, scores)
    second = graph.add(
        "Cast",
        graph.add("Less", pairs, graph.constant(0.0)),
        to=TensorProto.DOUBLE,
    )
    decision = from_pairs(graph, second, scores, n_classes)
    is_first = graph.add("Greater", pairs, graph.constant(0.0))
    label = argmax(graph, _votes(graph, is_first, n_classes))
    if estimator.break_ties:
        label = argmax(graph, decision)
    if estimator.decision_function_shape == "ovo":
        decision = pairs
    return Outputs(None, shares, label, decision)


def _similarity(graph: Graph, estimator: Any, matrix: Tensor) -> Tensor:
    return kernel_matrix(
        graph,
        matrix,
        dense(estimator.support_vectors_),
        kernel=estimator.kernel,
        gamma=getattr(estimator, "_gamma", 1.0),
        degree=estimator.degree,
        coef0=estimator.coef0,
    )


def _pair_weights(dual: Any, n_support: Any) -> Floats:
    """Libsvm's packed coefficients → (n_vectors, n_pairs)."""
    dual = dense(dual)
    ends = np.cumsum(n_support)
    spans = [slice(end - n, end) for end, n in zip(ends, n_support, strict=True)]
    pairs = list(combinations(range(len(n_support)), 2))
    weights = np.zeros((dual.shape[1], len(pairs)))
    for column, (first, second) in enumerate(pairs):
        weights[spans[first], column] = dual[second - 1, spans[first]]
        weights[spans[second], column] = dual[first, spans[second]]
    return weights


def _votes(graph: Graph, is_first: Tensor, n_classes: int) -> Tensor:
    """One vote a pair, for the first class where `is_first`, else the second."""
    pairs = list(combinations(range(n_classes), 2))
    first = np.eye(n_classes)[[pair[0] for pair in pairs]]
    second = np.eye(n_classes)[[pair[1] for pair in pairs]]
    wins = graph.add("Cast", is_first, to=TensorProto.DOUBLE)
    product = graph.add("MatMul", wins, graph.constant(first - second))
    return graph.add("Add", product, graph.constant(second.sum(axis=0)))


def _coupled(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Tensor | None:
    """Couple the pairs as libsvm does, in a loop that SVMClassifier has too."""
    if not len(estimator._probA):
        return None
    return spliced_probabilities(graph, estimator, matrix, n_columns)
