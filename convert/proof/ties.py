"""Finds the rows on which scikit-learn's own answer is a matter of chance."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from convert.fitted.oracle import Oracle
from convert.fitted.probe import REJECTIONS

Bools = npt.NDArray[np.bool_]

CLASS_GAP = 1e-12
"""Two classes that are as probable as that fall either way."""


def tied_neighbours(oracle: Oracle, frame: pd.DataFrame) -> Bools:
    """Tell the rows of which two neighbours are equally near, and one is left out."""
    tied = np.full(len(frame), False)
    if not any(_neighbours(oracle.estimator, None)):
        return tied
    with warnings.catch_warnings(action="ignore"):
        try:
            rows = oracle.transform(frame)
        except REJECTIONS:
            return tied
        for estimator, read in _neighbours(oracle.estimator, rows):
            if read.shape[1] == estimator.n_features_in_:
                tied |= has_ties(estimator, read)
    return tied


def tied_classes(probabilities: npt.NDArray[np.float64]) -> Bools:
    """Tell the rows of which two classes are the most probable."""
    best = np.sort(probabilities, axis=1)[:, -2:]
    return np.asarray(best[:, 1] - best[:, 0] <= CLASS_GAP)


def _neighbours(estimator: Any, rows: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the estimators of neighbours inside, each with the columns that it reads."""
    if isinstance(estimator, KNeighborsClassifier | KNeighborsRegressor):
        yield estimator, rows
    chosen = getattr(estimator, "estimators_features_", None)  # of a bagging
    for name in ("estimators_", "estimator_", "best_estimator_", "regressor_"):
        inner = getattr(estimator, name, None)
        members = inner if isinstance(inner, list) else [inner]
        for position, member in enumerate(members):
            if hasattr(member, "n_features_in_"):
                read = rows
                if chosen is not None and rows is not None:
                    read = rows[:, chosen[position]]
                yield from _neighbours(member, read)


def has_ties(estimator: Any, rows: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Find the rows whose last neighbour is as near as the first one left out.

    scikit-learn's own algorithms answer differently for these, so no graph can
    promise to agree.

    Returns
    -------
    One boolean a row.
    """
    n_neighbors = estimator.n_neighbors
    if n_neighbors >= estimator.n_samples_fit_:
        return np.zeros(len(rows), np.bool_)
    distances = estimator.kneighbors(rows, n_neighbors + 1)[0]
    gap = distances[:, n_neighbors] - distances[:, n_neighbors - 1]
    return np.asarray(gap <= 1e-9 * distances[:, n_neighbors], np.bool_)
