"""Makes a frame of what people hold rows in: arrays, records, other libraries' frames."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from convert.errors import Unreadable

WANTED = "give a DataFrame with a column for each that the pipeline reads"


def frame_of(rows: Any, names: Sequence[str] | None = None) -> pd.DataFrame:
    """Return rows as a frame whose columns have texts for names.

    Parameters
    ----------
    rows
        A frame of pandas or polars, an array (n_rows, n_columns), a list of dicts, or
        a Series or list of texts, which is one column.
    names
        Of the columns of an array: those that the pipeline was fitted on, where it
        knows any; else they are x0, x1, ….

    Raises
    ------
    Unreadable
        It is none of these, or has other columns than the names say.
    """
    if hasattr(rows, "toarray"):
        raise Unreadable(f"X is a sparse {type(rows).__name__}: give it .toarray()")
    if isinstance(rows, pd.Series):
        return _one_column(rows, names)
    if not isinstance(rows, pd.DataFrame) and hasattr(rows, "to_pandas"):
        rows = rows.to_pandas()
    if isinstance(rows, pd.DataFrame):
        return _with_names(rows)
    if isinstance(rows, list | tuple) and rows and isinstance(rows[0], dict):
        return _with_names(pd.DataFrame(list(rows)))
    if isinstance(rows, list | tuple):
        rows = np.asarray(rows, object)
    if isinstance(rows, np.ndarray):
        return _of_array(rows, names)
    raise Unreadable(f"X is a {type(rows).__name__}: {WANTED}")


def _with_names(frame: pd.DataFrame) -> pd.DataFrame:
    if isinstance(frame.columns, pd.MultiIndex):
        raise Unreadable(f"X has columns with {frame.columns.nlevels} levels: {WANTED}")
    named = frame.set_axis(frame.columns.map(str), axis=1).reset_index(drop=True)
    doubled = named.columns[named.columns.duplicated()]
    if len(doubled):
        raise Unreadable(f"X has two columns {doubled[0]!r}: rename one")
    return named


def _one_column(column: "pd.Series[Any]", names: Sequence[str] | None) -> pd.DataFrame:
    """Take texts for a column; numbers may as well be a row.

    Raises
    ------
    Unreadable
        If they are numbers.
    """
    if pd.api.types.is_numeric_dtype(column):
        raise Unreadable(
            "X is a Series of numbers: give X.to_frame() if it is a column, or "
            "X.to_frame().T if it is a row"
        )
    name = names[0] if names else "text" if column.name is None else str(column.name)
    return pd.DataFrame({name: column.to_numpy()})


def _of_array(
    array: "np.ndarray[Any, Any]", names: Sequence[str] | None
) -> pd.DataFrame:
    if array.ndim == 1 and all(isinstance(value, str) for value in array):
        return _one_column(pd.Series(array, dtype=object), names)
    if array.ndim != 2:
        raise Unreadable(
            f"X has {array.ndim} dimensions and rows have 2: give it the shape (n_rows, "
            "n_columns)"
        )
    n_columns = array.shape[1]
    chosen = list(names or (f"x{position}" for position in range(n_columns)))
    if len(chosen) != n_columns:
        raise Unreadable(
            f"X has {n_columns} columns and the pipeline was fitted on {len(chosen)}: "
            f"{', '.join(chosen)}"
        )
    return pd.DataFrame(array, columns=pd.Index(chosen)).infer_objects()
