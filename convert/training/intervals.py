"""Measures how far predictions are from the truth: scores, and an interval."""

import math

import msgspec
import numpy as np
import numpy.typing as npt

from server.signature import Interval

Floats = npt.NDArray[np.float64]

COVERAGE = 0.9


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


def observe(truth: Floats) -> tuple[float, float]:
    """Return the smallest and the largest of the true values."""
    return float(truth.min()), float(truth.max())
