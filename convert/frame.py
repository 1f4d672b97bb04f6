"""Turns made-up rows into frames, and frames into what the graph is fed."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from server.signature import MISSING_TEXT, Feature, Value

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
            name: _column([row[name] for row in rows], sample[name].dtype)
            for name in sample.columns
        }
    )


def _column(values: list[Value | None], dtype: Any) -> pd.Series:
    present = [np.nan if value is None else value for value in values]
    if pd.api.types.is_integer_dtype(dtype):
        floats = np.array(present, float)
        is_whole = (floats == np.round(floats)) & (np.abs(floats) < LARGEST_INTEGER)
        return pd.Series(floats).astype(dtype if is_whole.all() else float)
    if pd.api.types.is_bool_dtype(dtype) and None in values:
        dtype = object
    return pd.Series(present, dtype=object).astype(dtype)


def make_feed(
    frame: pd.DataFrame, features: Iterable[Feature]
) -> dict[str, np.ndarray[tuple[int, int], np.dtype[np.float64 | np.object_]]]:
    """Return the graph's inputs, each of shape (n_rows, 1)."""
    return {
        feature.input: _tensor(frame[feature.name], feature).reshape(-1, 1)
        for feature in features
    }


def is_text(feature: Feature) -> bool:
    """Whether the graph's input for the feature holds strings."""
    return feature.kind == "text" or isinstance((*feature.categories, 0)[0], str)


def _tensor(column: pd.Series, feature: Feature) -> np.ndarray:
    if is_text(feature):
        return (
            column.astype(object).where(column.notna(), MISSING_TEXT).to_numpy(object)
        )
    return column.astype(float).to_numpy()
