"""Estimators that hold one fitted estimator and change what goes in or comes out."""

from typing import Any

import numpy as np

from convert.estimators import Outputs, emit, emits
from convert.estimators.combined import prediction
from convert.estimators.links import columns
from convert.graph import Graph
from convert.preprocessing.inverse import invert


@emits("sklearn.RANSACRegressor")
def emit_ransac(estimator: Any, graph: Graph, matrix: str, n_columns: int) -> Outputs:
    return emit(estimator.estimator_, graph, matrix, n_columns)


@emits(
    "sklearn.GridSearchCV",
    "sklearn.HalvingGridSearchCV",
    "sklearn.HalvingRandomSearchCV",
    "sklearn.RandomizedSearchCV",
)
def emit_search(estimator: Any, graph: Graph, matrix: str, n_columns: int) -> Outputs:
    return emit(estimator.best_estimator_, graph, matrix, n_columns)


@emits("sklearn.RFE", "sklearn.RFECV")
def emit_elimination(
    estimator: Any, graph: Graph, matrix: str, n_columns: int
) -> Outputs:
    kept = np.flatnonzero(estimator.support_)
    chosen = columns(graph, matrix, kept)
    return emit(estimator.estimator_, graph, chosen, len(kept))


@emits("sklearn.TransformedTargetRegressor")
def emit_target(estimator: Any, graph: Graph, matrix: str, n_columns: int) -> Outputs:
    outputs = emit(estimator.regressor_, graph, matrix, n_columns)
    return Outputs(invert(estimator.transformer_, graph, prediction(outputs)))


@emits("sklearn.Pipeline")
def emit_pipeline(estimator: Any, graph: Graph, matrix: str, n_columns: int) -> Outputs:
    """Lower every step but the last, as a block over a matrix of doubles."""
    from convert.lower import lower_matrix

    for _, step in estimator.steps[:-1]:
        if step is not None and step != "passthrough":
            matrix, n_columns = lower_matrix(step, graph, matrix, n_columns)
    return emit(estimator.steps[-1][1], graph, matrix, n_columns)
