"""Measures how far predictions are from the truth: scores, and an interval."""

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt
from sklearn.metrics import accuracy_score, mean_absolute_error, r2_score

from convert.plain import is_same_label
from server.signature import Interval, Value

Floats = npt.NDArray[np.float64]

COVERAGE = 0.9

STEADY_ROWS = 100
"""Residuals from which on the scatter of the coverage is 3 % or less."""


def calibrate(truth: Floats, predictions: Floats) -> Interval | None:
    """Return the conformal interval of labelled rows, both shape (n_rows,).

    The half width is the ⌈(n + 1) · coverage⌉-th smallest residual. None where there
    are too few rows for that, which is below 9, or too many without a finite one.

    Notes
    -----
    Where one model that was not fitted on the rows predicted them all, at least
    `COVERAGE` of exchangeable new rows lie within (Lei et al. 2018,
    https://arxiv.org/abs/1604.04173, section 2.2). Where each fold's rows were
    predicted by the model fitted without it, as by cross-validation, the theory
    promises less (Barber et al. 2021, https://arxiv.org/abs/1905.02928); what was
    found on held-out rows is said instead (`measure`).
    """
    residuals = np.sort(np.abs(truth - predictions))  # NaN last
    rank = math.ceil((len(residuals) + 1) * COVERAGE)
    if rank > len(residuals) or not np.isfinite(residuals[rank - 1]):
        return None
    half_width = float(residuals[rank - 1])
    return Interval(half_width=half_width, coverage=COVERAGE, n_rows=len(residuals))


def measure(interval: Interval, truth: Floats, predictions: Floats) -> Interval:
    """Add the share of further rows, shape (n_rows,), that lie within an interval."""
    is_within = np.abs(truth - predictions) <= interval.half_width
    return msgspec.structs.replace(
        interval,
        measured_coverage=float(is_within.mean()),
        n_measured_rows=len(is_within),
    )


def scatter(interval: Interval) -> float:
    """Return by how much the true coverage differs between samples, one deviation.

    With n residuals, and the k-th smallest taken, it is distributed as Beta(k,
    n + 1 − k) (Vovk 2012, https://arxiv.org/abs/1209.2673, proposition 2a).
    """
    n = interval.n_rows
    k = math.ceil((n + 1) * interval.coverage)
    return math.sqrt(k * (n + 1 - k) / (n + 2)) / (n + 1)


def observe(truth: Floats) -> tuple[float, float]:
    """Return the smallest and the largest of the true values."""
    return float(truth.min()), float(truth.max())


def score_regression(truth: Floats, predictions: Floats) -> dict[str, float]:
    """Return scores by scikit-learn's names; shape (n_rows, n_targets).

    A target that is the same in every row leaves nothing to explain, so no R².
    """
    squared = ((truth - predictions) ** 2).mean(axis=0)
    is_same = (truth == truth[0]).all(axis=0).any()
    explained = {} if is_same else {"r2_score": float(r2_score(truth, predictions))}
    return explained | {
        "mean_absolute_error": float(mean_absolute_error(truth, predictions)),
        "root_mean_squared_error": float(np.sqrt(squared).mean()),
    }


def score_classification(
    truth: Sequence[Value], labels: Sequence[Value]
) -> dict[str, float]:
    hits = list(map(is_same_label, truth, labels))
    return {"accuracy_score": float(accuracy_score([True] * len(hits), hits))}
