"""What a candidate is scored by, and how sure a mean over folds is."""

import math
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from sklearn.metrics import (
    mean_absolute_error,
    mean_squared_error,
    r2_score,
    root_mean_squared_error,
)

SCORES = {
    score.__name__: score
    for score in (
        r2_score,
        mean_absolute_error,
        mean_squared_error,
        root_mean_squared_error,
    )
}
"""By scikit-learn's own names; each takes the actual and the predicted values."""


class FoldMean(msgspec.Struct, frozen=True):
    """A mean over the folds of a repeated cross-validation."""

    mean: float
    standard_error: float


def estimate(values: Sequence[float], n_folds: int) -> FoldMean:
    """Return the mean and the corrected standard error over all folds of all repeats.

    Parameters
    ----------
    values
        One a fold, `n_folds` for each repeat.

    Notes
    -----
    Folds share most of their training rows, so that s / √n is too small, and
    smaller with every repeat. The correction of Nadeau and Bengio adds the ratio
    of tested to fitted rows, 1 / (n_folds − 1): s · √(1/n + 1/(n_folds − 1)).

    References
    ----------
    Nadeau and Bengio, Inference for the Generalization Error, Machine Learning 52
    (2003), https://doi.org/10.1023/A:1024068626366
    """
    spread = float(np.std(values, ddof=1))
    factor = math.sqrt(1 / len(values) + 1 / (n_folds - 1))
    return FoldMean(float(np.mean(values)), spread * factor)


def estimates(
    folds: Mapping[str, Sequence[float]], n_folds: int
) -> dict[str, FoldMean]:
    return {name: estimate(values, n_folds) for name, values in folds.items()}
