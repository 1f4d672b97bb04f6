"""Support vector machines in double: one kernel matrix, one product."""

from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from convert.estimators import Outputs, emits
from convert.estimators.converted import probabilities
from convert.estimators.kernels import kernel_matrix
from convert.estimators.links import (
    argmax,
    at_least,
    constant,
    dense,
)
from convert.estimators.votes import from_pairs
from convert.graph import Graph

Floats = npt.NDArray[np.float64]


@emits("sklearn.SVR", "sklearn.NuSVR")
def emit_regressor(
    estimator: Any, graph: Graph, matrix: str, n_columns: int
) -> Outputs:
    weights = dense(estimator.dual_coef_).T
    similarity = _similarity(estimator, graph, matrix)
    product = graph.add("MatMul", similarity, graph.constant(weights))
    return Outputs(graph.add("Add", product, constant(graph, estimator.intercept_)))


@emits("sklearn.SVC", "sklearn.NuSVC")
def emit_classifier(
    estimator: Any, graph: Graph, matrix: str, n_columns: int
) -> Outputs:
    """Pairwise scores, positive for the first class of the pair, and votes."""
    n_classes = len(estimator.classes_)
    weights = _pair_weights(estimator._dual_coef_, estimator._n_support)
    similarity = _similarity(estimator, graph, matrix)
    product = graph.add("MatMul", similarity, graph.constant(weights))
    pairs = graph.add("Add", product, constant(graph, estimator._intercept_))
    scores = graph.add("Neg", pairs)
    shares = _coupled(estimator, graph, matrix, n_columns)
    if n_classes == 2:
        label = at_least(graph, scores, 0.0)
        return Outputs(None, shares, label, scores)
    second = graph.add(
        "Cast",
        graph.add("Less", pairs, constant(graph, 0.0)),
        to=TensorProto.DOUBLE,
    )
    decision = from_pairs(graph, second, scores, n_classes)
    is_first = graph.add("Greater", pairs, constant(graph, 0.0))
    label = argmax(graph, _votes(graph, is_first, n_classes))
    if estimator.break_ties:
        label = argmax(graph, decision)
    if estimator.decision_function_shape == "ovo":
        decision = pairs
    return Outputs(None, shares, label, decision)


def _similarity(estimator: Any, graph: Graph, matrix: str) -> str:
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


def _votes(graph: Graph, is_first: str, n_classes: int) -> str:
    """One vote a pair, for the first class where `is_first`, else the second."""
    pairs = list(combinations(range(n_classes), 2))
    first = np.eye(n_classes)[[pair[0] for pair in pairs]]
    second = np.eye(n_classes)[[pair[1] for pair in pairs]]
    wins = graph.add("Cast", is_first, to=TensorProto.DOUBLE)
    product = graph.add("MatMul", wins, graph.constant(first - second))
    return graph.add("Add", product, graph.constant(second.sum(axis=0)))


def _coupled(estimator: Any, graph: Graph, matrix: str, n_columns: int) -> str | None:
    """Couple the pairs as libsvm does, in a loop that SVMClassifier has too."""
    if not len(estimator._probA):
        return None
    return probabilities(estimator, graph, matrix, n_columns)
