"""Reads a linear regressor as the weighted sum that it computes."""

import warnings
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from convert.fitted.oracle import Oracle

Floats = npt.NDArray[np.float64]


class Sum(NamedTuple):
    """matrix @ weights + intercept, over some rows.

    Parameters
    ----------
    matrix
        What the preprocessing makes of the rows, shape (n_rows, n_columns).
    """

    matrix: Floats
    weights: Floats
    intercept: float

    def exact(self) -> Floats:
        """Return the sums, rounded once; scikit-learn rounds at every addition."""
        weights = [Fraction(weight) for weight in self.weights.tolist()]
        return np.array([self._exact_row(row, weights) for row in self.matrix.tolist()])

    def _exact_row(self, row: list[float], weights: list[Fraction]) -> float:
        terms = (Fraction(x) * w for x, w in zip(row, weights, strict=True) if x)
        return float(sum(terms, Fraction(self.intercept)))


def read_sum(oracle: Oracle, frame: pd.DataFrame) -> Sum | None:
    """Return the sum, if it is all that the regressor computes for the rows."""
    regressor: Any = oracle.estimator
    weights = np.ravel(getattr(regressor, "coef_", ()))
    intercept = np.ravel(getattr(regressor, "intercept_", ()))
    if oracle.classes or len(weights) == 0 or len(intercept) != 1:
        return None
    with warnings.catch_warnings(action="ignore"):
        X = oracle.transform(frame)
    if X.shape[1:] != weights.shape or not np.isfinite(X).all():
        return None
    differences = oracle.answer(frame).values[:, 0] - (X @ weights + intercept)
    sizes = np.abs(X) @ np.abs(weights) + np.abs(intercept)
    if not (np.abs(differences) <= 1e-9 * sizes).all():
        return None
    return Sum(X, weights, float(intercept[0]))
