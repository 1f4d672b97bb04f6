"""Makes frames of made-up rows, and the columns that a graph is given of a frame."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from server.signature import MISSING_TEXT, Feature, Value, is_text

Row = Mapping[str, Value | None]

LARGEST_INTEGER = 2**53
"""Below it float64 holds every whole number."""


def make_frame(rows: Sequence[Row], sample: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with the columns and dtypes of `sample`; None is missing.

    A column of whole numbers becomes float64 where it has to hold a fraction
    or a missing value, as pandas itself does.
    """
    return pd.DataFrame(
        {
            name: _column([row[name] for row in rows], sample[name])
            for name in sample.columns
        }
    )


def make_columns(
    frame: pd.DataFrame, features: Iterable[Feature]
) -> list[list[str] | list[float]]:
    """Return one list for each input of the graph, missing values as it expects them."""
    return [_values(frame[feature.name], feature) for feature in features]


def _column(values: list[Value | None], sample: pd.Series) -> pd.Series:
    dtype: Any = sample.dtype
    missing = _missing(sample)
    present = [missing if value is None else value for value in values]
    if pd.api.types.is_integer_dtype(dtype):
        floats = np.array(present, float)
        is_whole = (floats == np.round(floats)) & (np.abs(floats) < LARGEST_INTEGER)
        return pd.Series(floats).astype(dtype if is_whole.all() else float)
    if pd.api.types.is_bool_dtype(dtype) and None in values:
        dtype = object
    return pd.Series(present, dtype=object).astype(dtype)


def _missing(sample: pd.Series) -> object:
    """Return what stands for a missing value: to scikit-learn None is not NaN."""
    is_missing = sample.isna()
    has_own = sample.dtype == object and is_missing.any()
    return sample[is_missing].iloc[0] if has_own else np.nan


def _values(column: pd.Series, feature: Feature) -> list[str] | list[float]:
    if is_text(feature):
        return column.astype(object).where(column.notna(), MISSING_TEXT).to_list()
    return column.astype(float).to_list()
