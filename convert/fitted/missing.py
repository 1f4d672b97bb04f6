"""What a missing value is, on scikit-learn's side of the comparison."""

from typing import Any

import numpy as np
import pandas as pd


def is_missing(value: Any) -> bool:
    """Tell whether a value is None, NaN, NaT or pandas.NA."""
    return value is None or value is pd.NA or bool(value != value)


def missing_value(column: "pd.Series[Any]") -> Any:
    """Return what stands for a missing value in a column: its own, or NaN."""
    own = [value for value in column if is_missing(value)]
    return own[0] if own else np.nan


def keeps_empty(imputer: Any) -> bool:
    """Whether it keeps a column that held no value; before 1.2 none does."""
    return bool(getattr(imputer, "keep_empty_features", False))
