"""Fits candidates on a part of the training rows and scores them on the rest."""

import time
import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import RepeatedKFold
from sklearn.pipeline import Pipeline

from convert.tables.holdout import Split
from convert.training.estimates import SCORES
from convert.training.regressors import Parameters, make_candidate

Floats = npt.NDArray[np.float64]

N_FOLDS = 5
MIN_TRAIN_ROWS = 2 * N_FOLDS
"""R² of a fold needs two rows."""


@dataclass(frozen=True)
class Folds:
    """What cross-validation found.

    Parameters
    ----------
    scores
        By the names of `SCORES`, one value a fold.
    predictions
        For each training row, by models that were fitted without it: the mean
        over the repeats, shape (n_train_rows,).
    fit_seconds
        Median over the folds, preprocessing included.
    """

    scores: dict[str, list[float]]
    predictions: Floats
    fit_seconds: float


def cross_validate(
    split: Split, name: str, parameters: Parameters, n_repeats: int, seed: int
) -> Folds:
    """Score a candidate on the training part; the held-out rows are not touched."""
    folds = RepeatedKFold(n_splits=N_FOLDS, n_repeats=n_repeats, random_state=seed)
    X, y = split.X_train, split.y_train
    scores: dict[str, list[float]] = {score: [] for score in SCORES}
    total = np.zeros(len(X))
    seconds = []
    for fitted, scored in folds.split(X):
        pipeline = _unfitted(split, name, parameters, seed)
        started = time.perf_counter()
        _fit(pipeline, split, fitted)
        seconds.append(time.perf_counter() - started)
        predictions = predict(pipeline, X.iloc[scored])
        total[scored] += predictions
        for key, score in SCORES.items():
            scores[key].append(float(score(y.iloc[scored], predictions)))
    return Folds(scores, total / n_repeats, float(np.median(seconds)))


def fit(split: Split, name: str, parameters: Parameters, seed: int) -> Pipeline:
    """Fit a candidate on the whole training part."""
    pipeline = make_candidate(name, split.numbers, split.categories, seed, parameters)
    with warnings.catch_warnings(action="ignore"):  # of convergence; scores tell
        return pipeline.fit(split.X_train, split.y_train)


def predict(pipeline: Pipeline, rows: pd.DataFrame) -> Floats:
    """Return the predictions, shape (n_rows,), without warnings of rare categories."""
    with warnings.catch_warnings(action="ignore"):
        return np.asarray(pipeline.predict(rows), float).reshape(len(rows))


def _unfitted(split: Split, name: str, parameters: Parameters, seed: int) -> Pipeline:
    """Return the pipeline; a rare category may be missing from a fold's fitted rows."""
    pipeline = make_candidate(name, split.numbers, split.categories, seed, parameters)
    key = "preprocessor__categories__onehotencoder__handle_unknown"
    return pipeline.set_params(**{key: "ignore"})


def _fit(pipeline: Pipeline, split: Split, rows: npt.NDArray[np.int64]) -> None:
    with warnings.catch_warnings(action="ignore"):
        pipeline.fit(split.X_train.iloc[rows], split.y_train.iloc[rows])
