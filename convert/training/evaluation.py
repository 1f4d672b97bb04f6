"""Looks at a fitted pipeline on the rows that were held out, beyond its scores."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import mean_absolute_error
from sklearn.pipeline import Pipeline

from convert.tables.holdout import Split
from convert.training.groups import CONFIDENCE, GroupError, GroupMean, group_errors

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

N_RESAMPLES = 1000
N_SHUFFLES = 20
MAX_SHUFFLED_ROWS = 1000
"""Of the rows that were held out, the first: a shuffle is a prediction for all."""

N_ROWS_AT_ONCE = 4000
"""More would be slow to compare with each fitted row, where the estimator does that."""


class Importance(NamedTuple):
    """What a column is worth.

    Parameters
    ----------
    loss
        By how much the mean absolute error grows, in the target's unit, when the
        column's values are shuffled: the mean, lowest and highest of N_SHUFFLES.
    """

    column: str
    loss: GroupMean


class Evaluation(NamedTuple):
    """What the model card says beyond the signature.

    Parameters
    ----------
    scores
        By scikit-learn's names.
    importances
        The highest first.
    picture
        Name of the file, beside the card, that shows the importances.
    """

    scores: dict[str, GroupMean]
    groups: list[GroupError]
    importances: list[Importance]
    picture: str


def evaluate(pipeline: Pipeline, split: Split, seed: int, picture: str) -> Evaluation:
    """Evaluate a pipeline on the rows that it was not fitted on."""
    actual = split.y_test.to_numpy(float)
    predicted = np.asarray(pipeline.predict(split.X_test), float).reshape(len(actual))
    return Evaluation(
        scores=bootstrap(actual, predicted, seed),
        groups=group_errors(split.X_test, split.categories, actual, predicted),
        importances=_importances(pipeline, split.X_test, split.y_test, seed),
        picture=picture,
    )


def bootstrap(actual: Floats, predicted: Floats, seed: int) -> dict[str, GroupMean]:
    """Return each score with its percentile interval over resampled rows."""
    rng = np.random.default_rng(seed)
    samples = [_scores(actual, predicted)]
    for _ in range(N_RESAMPLES):
        rows = rng.integers(len(actual), size=len(actual))
        samples.append(_scores(actual[rows], predicted[rows]))
    scores, *resampled = np.array(samples)
    tails = [50 * (1 - CONFIDENCE), 50 * (1 + CONFIDENCE)]
    lows, highs = np.percentile(resampled, tails, axis=0)
    names = ("r2_score", "mean_absolute_error", "root_mean_squared_error")
    return {
        name: GroupMean(float(value), float(low), float(high))
        for name, value, low, high in zip(names, scores, lows, highs, strict=True)
    }


def _scores(actual: Floats, predicted: Floats) -> tuple[float, float, float]:
    """Return R², MAE and RMSE, a hundred times faster than with checks.

    R² of rows with one true value is what scikit-learn says: 1 or 0.
    """
    errors = actual - predicted
    squares, total = errors @ errors, actual.var() * len(actual)
    r2 = float(1 - squares / total) if total else float(squares == 0)
    return r2, float(np.abs(errors).mean()), float(np.sqrt(squares / len(errors)))


def _importances(
    pipeline: Pipeline, X: pd.DataFrame, y: pd.Series, seed: int
) -> list[Importance]:
    X, y = X.head(MAX_SHUFFLED_ROWS), y.head(MAX_SHUFFLED_ROWS)
    rng = np.random.default_rng(seed)
    error = mean_absolute_error(y, pipeline.predict(X))
    found = []
    for column in X:
        orders = [rng.permutation(len(X)) for _ in range(N_SHUFFLES)]
        shuffled = _predictions(pipeline, _shuffled(X, str(column), orders))
        losses = [
            mean_absolute_error(y, predicted) - error
            for predicted in np.split(shuffled, N_SHUFFLES)
        ]
        loss = GroupMean(float(np.mean(losses)), min(losses), max(losses))
        found.append(Importance(str(column), loss))
    return sorted(found, key=lambda one: -one.loss.mean)


def _shuffled(X: pd.DataFrame, column: str, orders: list[Places]) -> pd.DataFrame:
    """Return the table once for each order, with one column in that order."""
    repeated = X.iloc[np.tile(np.arange(len(X)), len(orders))].reset_index(drop=True)
    values = X[column].iloc[np.concatenate(orders)].reset_index(drop=True)
    return repeated.assign(**{column: values})


def _predictions(pipeline: Pipeline, X: pd.DataFrame) -> Floats:
    """Return predictions of many rows at once: a call costs as much as some hundred."""
    starts = range(0, len(X), N_ROWS_AT_ONCE)
    pieces = [pipeline.predict(X[start : start + N_ROWS_AT_ONCE]) for start in starts]
    return np.concatenate(pieces)
