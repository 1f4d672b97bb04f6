"""Calibrated probabilities, and thresholds other than a half."""

from typing import Any

import numpy as np

from convert.estimators import Outputs, emit, emits
from convert.estimators.combined import decision, probabilities
from convert.estimators.isotonic import interpolate
from convert.estimators.links import (
    at_least,
    columns,
    complement,
    concat,
    constant,
    from_probabilities,
    mean,
    normalized,
    opposite,
    repeat,
    sigmoid,
    softmax,
)
from convert.graph import Graph
from convert.hoist import calibrated_member


@emits("sklearn.CalibratedClassifierCV")
def emit_calibrated(
    estimator: Any, graph: Graph, matrix: str, n_columns: int
) -> Outputs:
    members = [
        _calibrated(member, graph, matrix, n_columns)
        for member in estimator.calibrated_classifiers_
    ]
    return from_probabilities(graph, mean(graph, members))


@emits("sklearn.FrozenEstimator")
def emit_frozen(estimator: Any, graph: Graph, matrix: str, n_columns: int) -> Outputs:
    return emit(estimator.estimator, graph, matrix, n_columns)


@emits("sklearn.FixedThresholdClassifier")
def emit_fixed(estimator: Any, graph: Graph, matrix: str, n_columns: int) -> Outputs:
    fitted = getattr(estimator, "estimator_", estimator.estimator)
    threshold = estimator.threshold
    if threshold == "auto":
        threshold = 0.5 if _uses_probabilities(estimator, fitted) else 0.0
    return _thresholded(
        estimator, fitted, graph, matrix, n_columns, threshold, estimator.pos_label
    )


@emits("sklearn.TunedThresholdClassifierCV")
def emit_tuned(estimator: Any, graph: Graph, matrix: str, n_columns: int) -> Outputs:
    positive = estimator._curve_scorer._get_pos_label()
    return _thresholded(
        estimator,
        estimator.estimator_,
        graph,
        matrix,
        n_columns,
        estimator.best_threshold_,
        positive,
    )


def _calibrated(member: Any, graph: Graph, matrix: str, n_columns: int) -> str:
    outputs = emit(calibrated_member(member), graph, matrix, n_columns)
    if member.method == "temperature":
        beta = constant(graph, member.calibrators[0].beta_)
        shares = softmax(
            graph, graph.add("Mul", _logits(graph, outputs, len(member.classes)), beta)
        )
    else:
        shares = _one_by_one(member, graph, outputs, matrix)
    is_above = graph.add("Greater", shares, constant(graph, 1.0))
    return graph.add("Where", is_above, constant(graph, 1.0), shares)


def _logits(graph: Graph, outputs: Outputs, n_classes: int) -> str:
    if outputs.decision is None:
        logs = graph.add("Add", probabilities(outputs), constant(graph, 1e-12))
        return graph.add("Log", logs)
    if n_classes == 2:
        return opposite(graph, outputs.decision)
    return outputs.decision


def _one_by_one(member: Any, graph: Graph, outputs: Outputs, matrix: str) -> str:
    """Each class against the rest, then divided by their sum."""
    n_classes = len(member.classes)
    fitted = calibrated_member(member).classes_
    if n_classes == 2:
        scores = outputs.decision or columns(graph, probabilities(outputs), [1])
        positive = _curve(member.calibrators[0], graph, scores)
        return complement(graph, positive)
    scores = outputs.decision or probabilities(outputs)
    if len(fitted) == 2:
        fitted = fitted[1:]
        scores = outputs.decision or columns(graph, scores, [1])
    shares = [repeat(graph, [0.0], matrix)] * n_classes
    for column, (name, curve) in enumerate(
        zip(fitted, member.calibrators, strict=False)
    ):
        place = int(np.flatnonzero(member.classes == name)[0])
        shares[place] = _curve(curve, graph, columns(graph, scores, [column]))
    return normalized(graph, concat(graph, shares), n_classes)


def _curve(calibrator: Any, graph: Graph, column: str) -> str:
    if hasattr(calibrator, "X_thresholds_"):
        return interpolate(calibrator, graph, column)
    scaled = graph.add("Mul", column, constant(graph, calibrator.a_))
    return sigmoid(
        graph,
        graph.add("Neg", graph.add("Add", scaled, constant(graph, calibrator.b_))),
    )


def _uses_probabilities(estimator: Any, fitted: Any) -> bool:
    method = estimator.response_method
    if method == "auto":
        return hasattr(fitted, "predict_proba")
    return bool(method == "predict_proba")


def _thresholded(
    estimator: Any,
    fitted: Any,
    graph: Graph,
    matrix: str,
    n_columns: int,
    threshold: float,
    positive: Any,
) -> Outputs:
    """Label the positive class where its score reaches the threshold."""
    outputs = emit(fitted, graph, matrix, n_columns)
    classes = list(estimator.classes_)
    place = 1 if positive is None else classes.index(positive)
    if _uses_probabilities(estimator, fitted):
        scores = columns(graph, probabilities(outputs), [place])
    else:
        scores = decision(outputs)
        scores = scores if place else graph.add("Neg", scores)
    label = at_least(graph, scores, threshold)
    if place == 0:
        label = graph.add("Sub", graph.constant(1, np.int64), label)
    return outputs._replace(label_index=label)
