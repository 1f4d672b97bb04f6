"""AdaBoost: a weighted median of regressors, weighted votes of classifiers."""

from typing import Any

import numpy as np
from onnx import TensorProto

from convert.graph.arithmetic import (
    above,
    argmax,
    axes,
    columns,
    concat,
    opposite,
    repeat,
    row_sum,
    softmax,
)
from convert.graph.builder import Graph, Tensor
from convert.graph.tree_ensemble import ensemble
from convert.lowering.estimators import emit
from convert.lowering.estimators.forest import as_float32, class_index, read_tree
from convert.lowering.outputs import Outputs, label, prediction, probabilities
from convert.lowering.registry import class_name, emits


@emits("sklearn.AdaBoostRegressor")
def emit_regressor(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit the weighted median of the members' predictions.

    Drucker (1997), Improving regressors using boosting techniques, ICML (AdaBoost.R2).
    """
    members = estimator.estimators_
    predictions = _predictions(graph, members, matrix, n_columns)
    count = graph.constant([len(members)], np.int64)
    ascending, order = graph.add_many(
        "TopK", predictions, count, n_outputs=2, axis=1, largest=0, sorted=1
    )
    weights = graph.constant(estimator.estimator_weights_[: len(members)])
    ordered = graph.add("Gather", weights, order)
    cumulated = graph.add("CumSum", ordered, graph.constant(1, np.int64))
    half = graph.add("Mul", columns(graph, cumulated, [-1]), graph.constant(0.5))
    reaches = graph.add("GreaterOrEqual", cumulated, half)
    median = argmax(graph, graph.add("Cast", reaches, to=TensorProto.INT32))
    return Outputs(graph.add("GatherElements", ascending, median, axis=1))


@emits("sklearn.AdaBoostClassifier")
def emit_classifier(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit the weighted votes of the members, softmax(votes / (n_classes − 1)).

    Zhu et al. (2009), Multi-class AdaBoost, Statistics and Its Interface 2, 349-360.
    """
    n_classes = len(estimator.classes_)
    if n_classes == 1:
        return Outputs(
            None,
            repeat(graph, [[1.0]], matrix),
            argmax(graph, repeat(graph, [[0.0]], matrix)),
        )
    scores = _scores(graph, estimator, matrix, n_columns)
    total = graph.constant(estimator.estimator_weights_.sum())
    scores = graph.add("Div", scores, total)
    if n_classes > 2:
        spread = graph.add("Div", scores, graph.constant(n_classes - 1))
        return Outputs(None, softmax(graph, spread), argmax(graph, scores), scores)
    signs = graph.constant([-1.0, 1.0])
    decision = row_sum(graph, graph.add("Mul", scores, signs))
    halved = graph.add("Div", opposite(graph, decision), graph.constant(2.0))
    return Outputs(None, softmax(graph, halved), above(graph, decision, 0.0), decision)


def _predictions(graph: Graph, members: Any, matrix: Tensor, n_columns: int) -> Tensor:
    """Every member's prediction, (n_rows, n_members)."""
    if all(class_name(type(one)) == "sklearn.DecisionTreeRegressor" for one in members):
        trees = [read_tree(one) for one in members]
        rounded = as_float32(graph, matrix)
        return ensemble(graph, rounded, trees, range(len(trees)))
    outputs = [emit(graph, one, matrix, n_columns) for one in members]
    return concat(graph, [prediction(output) for output in outputs])


def _scores(graph: Graph, estimator: Any, matrix: Tensor, n_columns: int) -> Tensor:
    """Sum of the members' votes, (n_rows, n_classes)."""
    members = estimator.estimators_
    if getattr(estimator, "algorithm", "SAMME") == "SAMME.R":
        votes = [_log_votes(graph, one, matrix, n_columns) for one in members]
        return graph.add("Sum", *votes)
    n_classes = len(estimator.classes_)
    chosen = _chosen(graph, members, matrix, n_columns)
    others = np.unique(estimator.classes_, return_inverse=True)[1]
    agrees = graph.add(
        "Equal", chosen, graph.constant(others.reshape(1, 1, -1), np.int64)
    )
    weights = estimator.estimator_weights_[: len(members)].reshape(1, -1, 1)
    against = graph.constant(-1 / (n_classes - 1) * weights)
    votes_3d = graph.add("Where", agrees, graph.constant(weights), against)
    return graph.add("ReduceSum", votes_3d, axes(graph, 1), keepdims=0)


def _chosen(graph: Graph, members: Any, matrix: Tensor, n_columns: int) -> Tensor:
    """Index of each member's class, int64 (n_rows, n_members, 1)."""
    if all(
        class_name(type(one)) == "sklearn.DecisionTreeClassifier" for one in members
    ):
        return class_index(graph, as_float32(graph, matrix), list(members))
    outputs = [emit(graph, one, matrix, n_columns) for one in members]
    labels = concat(graph, [label(output) for output in outputs])
    return graph.add("Unsqueeze", labels, axes(graph, 2))


def _log_votes(graph: Graph, member: Any, matrix: Tensor, n_columns: int) -> Tensor:
    """SAMME.R, the default before scikit-learn 1.6."""
    shares = probabilities(emit(graph, member, matrix, n_columns))
    eps = graph.constant(np.finfo(np.float64).eps)
    logs = graph.add("Log", graph.add("Max", shares, eps))
    centre = graph.add("ReduceMean", logs, axes(graph, 1), keepdims=1)
    n_others = graph.constant(len(member.classes_) - 1)
    return graph.add("Mul", graph.add("Sub", logs, centre), n_others)
