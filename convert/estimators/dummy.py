"""Estimators that predict one constant."""

from typing import Any

import numpy as np

from convert.estimators import Outputs, emits
from convert.estimators.links import argmax, from_probabilities, repeat
from convert.graph import Graph
from convert.refusal import Refusal


@emits("sklearn.DummyRegressor")
def emit_regressor(
    estimator: Any, graph: Graph, matrix: str, n_columns: int
) -> Outputs:
    return Outputs(repeat(graph, estimator.constant_, matrix))


@emits("sklearn.DummyClassifier")
def emit_classifier(
    estimator: Any, graph: Graph, matrix: str, n_columns: int
) -> Outputs:
    if estimator.strategy in ("stratified", "uniform"):
        raise Refusal(
            f"DummyClassifier(strategy={estimator.strategy!r}) draws at random: use "
            "strategy='prior'"
        )
    row = estimator.predict_proba(np.zeros((1, n_columns)))
    if isinstance(row, list):
        raise Refusal(
            "DummyClassifier was fitted on several labels a row: fit one classifier "
            "for each label"
        )
    return from_probabilities(graph, repeat(graph, row, matrix))


@emits("sklearn._ConstantPredictor")
def emit_constant(estimator: Any, graph: Graph, matrix: str, n_columns: int) -> Outputs:
    """Stand in for a class that every training row, or none, belongs to."""
    value = float(np.ravel(estimator.y_)[0])
    probabilities = repeat(graph, [1 - value, value], matrix)
    label = argmax(graph, probabilities)
    return Outputs(None, probabilities, label, repeat(graph, [value], matrix))
