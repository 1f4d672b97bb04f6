"""AdaBoost: a weighted median of regressors, weighted votes of classifiers."""

from typing import Any

import numpy as np
from onnx import TensorProto

from convert.estimators import Outputs, class_name, emit, emits
from convert.estimators.forests import as_float32, class_index, read_tree
from convert.estimators.links import (
    above,
    argmax,
    concat,
    constant,
    opposite,
    repeat,
    row_sum,
    softmax,
)
from convert.estimators.trees import ensemble
from convert.graph import Graph


@emits("sklearn.AdaBoostRegressor")
def emit_regressor(
    estimator: Any, graph: Graph, matrix: str, n_columns: int
) -> Outputs:
    members = estimator.estimators_
    predictions = _predictions(members, graph, matrix, n_columns)
    count = graph.constant([len(members)], np.int64)
    ascending, order = graph.add_many(
        "TopK", predictions, count, n_outputs=2, axis=1, largest=0, sorted=1
    )
    weights = constant(graph, estimator.estimator_weights_[: len(members)])
    ordered = graph.add("Gather", weights, order)
    cumulated = graph.add("CumSum", ordered, graph.constant(1, np.int64))
    half = graph.add("Mul", _last(graph, cumulated), constant(graph, 0.5))
    reaches = graph.add("GreaterOrEqual", cumulated, half)
    median = argmax(graph, graph.add("Cast", reaches, to=TensorProto.INT32))
    return Outputs(graph.add("GatherElements", ascending, median, axis=1))


@emits("sklearn.AdaBoostClassifier")
def emit_classifier(
    estimator: Any, graph: Graph, matrix: str, n_columns: int
) -> Outputs:
    n_classes = len(estimator.classes_)
    if n_classes == 1:
        return Outputs(
            None,
            repeat(graph, [1.0], matrix),
            argmax(graph, repeat(graph, [0.0], matrix)),
        )
    scores = _scores(estimator, graph, matrix, n_columns)
    total = constant(graph, estimator.estimator_weights_.sum())
    scores = graph.add("Div", scores, total)
    if n_classes > 2:
        spread = graph.add("Div", scores, constant(graph, n_classes - 1))
        return Outputs(None, softmax(graph, spread), argmax(graph, scores), scores)
    signs = constant(graph, [-1.0, 1.0])
    decision = row_sum(graph, graph.add("Mul", scores, signs))
    halved = graph.add("Div", opposite(graph, decision), constant(graph, 2.0))
    return Outputs(None, softmax(graph, halved), above(graph, decision, 0.0), decision)


def _predictions(members: Any, graph: Graph, matrix: str, n_columns: int) -> str:
    """Every member's prediction, (n_rows, n_members)."""
    if all(class_name(type(one)) == "sklearn.DecisionTreeRegressor" for one in members):
        trees = [read_tree(one) for one in members]
        rounded = as_float32(graph, matrix)
        return ensemble(graph, rounded, trees, range(len(trees)))
    outputs = [emit(one, graph, matrix, n_columns) for one in members]
    return concat(graph, [output.prediction or "" for output in outputs])


def _scores(estimator: Any, graph: Graph, matrix: str, n_columns: int) -> str:
    """Sum of the members' votes, (n_rows, n_classes)."""
    members = estimator.estimators_
    if getattr(estimator, "algorithm", "SAMME") == "SAMME.R":
        votes = [_log_votes(one, graph, matrix, n_columns) for one in members]
        return graph.add("Sum", *votes)
    n_classes = len(estimator.classes_)
    chosen = _chosen(members, graph, matrix, n_columns)
    others = np.unique(estimator.classes_, return_inverse=True)[1]
    agrees = graph.add("Equal", chosen, graph.constant(others.reshape(1, 1, -1)))
    weights = estimator.estimator_weights_[: len(members)].reshape(1, -1, 1)
    against = constant(graph, -1 / (n_classes - 1) * weights)
    votes_3d = graph.add("Where", agrees, constant(graph, weights), against)
    return graph.add("ReduceSum", votes_3d, graph.constant([1]), keepdims=0)


def _chosen(members: Any, graph: Graph, matrix: str, n_columns: int) -> str:
    """Index of each member's class, int64 (n_rows, n_members, 1)."""
    if all(
        class_name(type(one)) == "sklearn.DecisionTreeClassifier" for one in members
    ):
        return class_index(graph, as_float32(graph, matrix), list(members))
    outputs = [emit(one, graph, matrix, n_columns) for one in members]
    labels = concat(graph, [output.label_index or "" for output in outputs])
    return graph.add("Unsqueeze", labels, graph.constant([2], np.int64))


def _log_votes(member: Any, graph: Graph, matrix: str, n_columns: int) -> str:
    """SAMME.R, the default before scikit-learn 1.6."""
    probabilities = emit(member, graph, matrix, n_columns).probabilities or ""
    eps = constant(graph, np.finfo(np.float64).eps)
    logs = graph.add("Log", graph.add("Max", probabilities, eps))
    centre = graph.add("ReduceMean", logs, graph.constant([1]), keepdims=1)
    n_others = constant(graph, len(member.classes_) - 1)
    return graph.add("Mul", graph.add("Sub", logs, centre), n_others)


def _last(graph: Graph, tensor: str) -> str:
    return graph.add("Gather", tensor, graph.constant([-1], np.int64), axis=1)
