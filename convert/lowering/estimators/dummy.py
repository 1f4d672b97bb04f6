"""Estimators that predict one constant."""

from typing import Any

import numpy as np

from convert.errors import Unsupported
from convert.graph.arithmetic import argmax, repeat
from convert.graph.builder import Graph, Tensor
from convert.lowering.outputs import Outputs, from_probabilities
from convert.lowering.registry import emits


@emits("sklearn.DummyRegressor")
def emit_regressor(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit the constant, whatever the row."""
    return Outputs(repeat(graph, estimator.constant_, matrix))


@emits("sklearn.DummyClassifier")
def emit_classifier(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit the same probabilities for every row.

    Raises
    ------
    Unsupported
        It draws at random, or was fitted on several labels a row.
    """
    if estimator.strategy in ("stratified", "uniform"):
        raise Unsupported(
            f"DummyClassifier(strategy={estimator.strategy!r}) draws at random: use "
            "strategy='prior'"
        )
    row = estimator.predict_proba(np.zeros((1, n_columns)))
    if isinstance(row, list):
        raise Unsupported(
            "DummyClassifier was fitted on several labels a row: fit one classifier "
            "for each label"
        )
    return from_probabilities(graph, repeat(graph, row, matrix))


@emits("sklearn._ConstantPredictor")
def emit_constant(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Stand in for a class that every training row, or none, belongs to."""
    value = float(np.ravel(estimator.y_)[0])
    probabilities = repeat(graph, [[1 - value, value]], matrix)
    label = argmax(graph, probabilities)
    return Outputs(None, probabilities, label, repeat(graph, [[value]], matrix))
