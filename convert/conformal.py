"""Measures how far predictions are from the truth: scores, and an interval."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.metrics import accuracy_score, mean_absolute_error, r2_score

from server.signature import Interval, Value

Floats = npt.NDArray[np.float64]

COVERAGE = 0.9


def calibrate(truth: Floats, predictions: Floats) -> Interval | None:
    """Return the split-conformal interval of labelled rows, both shape (n_rows,).

    Of exchangeable rows that the pipeline was not fitted on, prediction ±
    half_width covers at least `COVERAGE`: the ⌈(n + 1) · coverage⌉-th smallest
    residual (Lei et al. 2018, https://arxiv.org/abs/1604.04173, section 2.2).
    None where there are too few rows for that, which is below 9.
    """
    residuals = np.sort(np.abs(truth - predictions))
    rank = math.ceil((len(residuals) + 1) * COVERAGE)
    if rank > len(residuals):
        return None
    half_width = float(residuals[rank - 1])
    return Interval(half_width=half_width, coverage=COVERAGE, n_rows=len(residuals))


def score_regression(truth: Floats, predictions: Floats) -> dict[str, float]:
    """Return scores by scikit-learn's names; shape (n_rows, n_targets)."""
    squared = ((truth - predictions) ** 2).mean(axis=0)
    return {
        "r2_score": float(r2_score(truth, predictions)),
        "mean_absolute_error": float(mean_absolute_error(truth, predictions)),
        "root_mean_squared_error": float(np.sqrt(squared).mean()),
    }


def score_classification(
    truth: Sequence[Value], labels: Sequence[Value]
) -> dict[str, float]:
    hits = [str(here) == str(there) for here, there in zip(truth, labels, strict=True)]
    return {"accuracy_score": float(accuracy_score([True] * len(hits), hits))}
