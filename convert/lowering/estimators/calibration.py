"""Calibrated probabilities, and thresholds other than a half."""

from typing import Any

import numpy as np

from convert.fitted.structure import calibrated_member
from convert.graph.arithmetic import (
    at_least,
    columns,
    complement,
    concat,
    mean,
    normalized,
    opposite,
    repeat,
    sigmoid,
    softmax,
)
from convert.graph.builder import Graph, Tensor
from convert.lowering.estimators import emit
from convert.lowering.estimators.isotonic import interpolate_isotonic
from convert.lowering.outputs import (
    Outputs,
    decision,
    from_probabilities,
    probabilities,
)
from convert.lowering.registry import emits


@emits("sklearn.CalibratedClassifierCV")
def emit_calibrated(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit the average of what the calibrated members say.

    Platt (1999) 1 / (1 + exp(a·f + b)), Zadrozny and Elkan (2002) isotonic, Guo et al.
    (2017) softmax(β · logits); scikit-learn's user guide, "Probability calibration".
    """
    members = [
        _calibrated(graph, member, matrix, n_columns)
        for member in estimator.calibrated_classifiers_
    ]
    return from_probabilities(graph, mean(graph, members))


@emits("sklearn.FixedThresholdClassifier")
def emit_fixed(graph: Graph, estimator: Any, matrix: Tensor, n_columns: int) -> Outputs:
    """Emit the positive class where its score is at least the threshold that was given.

    scikit-learn's user guide, "Tuning the decision threshold for class prediction".
    """
    fitted = getattr(estimator, "estimator_", estimator.estimator)
    threshold = estimator.threshold
    if threshold == "auto":
        threshold = 0.5 if _uses_probabilities(estimator, fitted) else 0.0
    return _thresholded(
        graph, estimator, fitted, matrix, n_columns, threshold, estimator.pos_label
    )


@emits("sklearn.TunedThresholdClassifierCV")
def emit_tuned(graph: Graph, estimator: Any, matrix: Tensor, n_columns: int) -> Outputs:
    """Emit the positive class where its score is at least the threshold that was found.

    scikit-learn's user guide, "Tuning the decision threshold for class prediction".
    """
    positive = estimator._curve_scorer._get_pos_label()
    return _thresholded(
        graph,
        estimator,
        estimator.estimator_,
        matrix,
        n_columns,
        estimator.best_threshold_,
        positive,
    )


def _calibrated(graph: Graph, member: Any, matrix: Tensor, n_columns: int) -> Tensor:
    outputs = emit(graph, calibrated_member(member), matrix, n_columns)
    if member.method == "temperature":
        beta = graph.constant(member.calibrators[0].beta_)
        shares = softmax(
            graph, graph.add("Mul", _logits(graph, outputs, len(member.classes)), beta)
        )
    else:
        shares = _one_by_one(graph, member, outputs, matrix)
    is_above = graph.add("Greater", shares, graph.constant(1.0))
    return graph.add("Where", is_above, graph.constant(1.0), shares)


def _logits(graph: Graph, outputs: Outputs, n_classes: int) -> Tensor:
    if outputs.decision is None:
        logs = graph.add("Add", probabilities(outputs), graph.constant(1e-12))
        return graph.add("Log", logs)
    if n_classes == 2:
        return opposite(graph, outputs.decision)
    return outputs.decision


def _one_by_one(graph: Graph, member: Any, outputs: Outputs, matrix: Tensor) -> Tensor:
    """Each class against the rest, then divided by their sum."""
    n_classes = len(member.classes)
    fitted = calibrated_member(member).classes_
    if n_classes == 2:
        scores = outputs.decision or columns(graph, probabilities(outputs), [1])
        positive = _curve(graph, member.calibrators[0], scores)
        return complement(graph, positive)
    scores = outputs.decision or probabilities(outputs)
    if len(fitted) == 2:
        fitted = fitted[1:]
        scores = outputs.decision or columns(graph, scores, [1])
    shares = [repeat(graph, [[0.0]], matrix)] * n_classes
    for column, (name, curve) in enumerate(
        zip(fitted, member.calibrators, strict=False)
    ):
        place = int(np.flatnonzero(member.classes == name)[0])
        shares[place] = _curve(graph, curve, columns(graph, scores, [column]))
    return normalized(graph, concat(graph, shares), n_classes)


def _curve(graph: Graph, calibrator: Any, column: Tensor) -> Tensor:
    if hasattr(calibrator, "X_thresholds_"):
        return interpolate_isotonic(graph, calibrator, column)
    scaled = graph.add("Mul", column, graph.constant(calibrator.a_))
    return sigmoid(
        graph,
        graph.add("Neg", graph.add("Add", scaled, graph.constant(calibrator.b_))),
    )


def _uses_probabilities(estimator: Any, fitted: Any) -> bool:
    method = estimator.response_method
    if method == "auto":
        return hasattr(fitted, "predict_proba")
    return bool(method == "predict_proba")


def _thresholded(
    graph: Graph,
    estimator: Any,
    fitted: Any,
    matrix: Tensor,
    n_columns: int,
    threshold: float,
    positive: Any,
) -> Outputs:
    """Label the positive class where its score reaches the threshold."""
    outputs = emit(graph, fitted, matrix, n_columns)
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
