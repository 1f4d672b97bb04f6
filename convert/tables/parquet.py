"""Reads a Parquet table: its numbers, texts and truths; the rest is named.

A Parquet file holds more than a pipeline can be asked in: lists, dates, decimals.
"""

from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.api import types

from convert.errors import Refusal, Unreadable

DATES = "derive numbers (year, month, days since a day) before the pipeline"
ELSE = "make columns of numbers or texts of it before the pipeline"

REMEDIES = {
    "dates": DATES,
    "durations": "make a number of one unit of it, such as days, before the pipeline",
    "periods": DATES,
    "times of day": DATES,
}


KINDS = {"M": "dates", "m": "durations", "c": "complex numbers"}
"""numpy's letter of a dtype → what a column holds."""

INFERRED = {
    "bytes": "bytes",
    "date": "dates",
    "datetime": "dates",
    "interval": "intervals",
    "period": "periods",
    "time": "times of day",
    "timedelta": "durations",
}
"""As pandas calls what is in a column of objects → the same."""

LISTS = dict.fromkeys(("list", "ndarray", "tuple"), "lists")

PLAIN = (str, bool, int, float, np.generic, Decimal)


UNREADABLE = (
    *(ArithmeticError, LookupError, MemoryError, NotImplementedError),
    *(OSError, TypeError, ValueError),
)
"""What pyarrow raises on a file that it cannot read, or a type that pandas has not."""


class Parquet(NamedTuple):
    """A table, and for each column that ONNX has no type for what it holds."""

    frame: pd.DataFrame
    unknown: dict[str, str]


def read_parquet(path: Path) -> Parquet:
    """Read every column: numbers become float64 or int64, a missing value NaN.

    Raises
    ------
    Unreadable
        It is no Parquet file, has no row, or two columns of one name.
    """
    try:
        frame = pd.read_parquet(path)
    except ImportError:
        raise Unreadable(f"{path} is a Parquet table: pip install pyarrow") from None
    except UNREADABLE as error:
        reason = " ".join(str(error).split())
        raise Unreadable(
            f"{path} cannot be read as Parquet ({reason}): write it again with "
            "columns of numbers and texts only"
        ) from error
    frame.columns = pd.Index([str(name) for name in frame.columns])
    if frame.empty:
        raise Unreadable(f"{path} has no row: add rows that the pipeline can predict")
    if not frame.columns.is_unique:
        name = frame.columns[frame.columns.duplicated()][0]
        raise Unreadable(
            f"{path} has several columns called {name!r}: rename or remove all but one"
        )
    kinds = {str(name): _unknown_kind(frame[name]) for name in frame}
    unknown = {name: kind for name, kind in kinds.items() if kind}
    frame = frame.reset_index(drop=True)
    plain = {n: c if n in unknown else _plain(c) for n, c in frame.items()}
    return Parquet(pd.DataFrame(plain), unknown)


def refuse_column(name: str, kind: str) -> Refusal:
    """Return the refusal of a column that the pipeline cannot do without."""
    remedy = REMEDIES.get(kind, ELSE)
    return Unreadable(
        f"column {name!r} holds {kind}, which ONNX does not know: {remedy}"
    )


def _unknown_kind(column: "pd.Series[Any]") -> str:
    """Say what a column holds, where it is nothing that a graph can be given."""
    dtype: Any = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _unknown_kind(pd.Series(dtype.categories))
    if isinstance(dtype, pd.PeriodDtype | pd.IntervalDtype):
        return "periods" if isinstance(dtype, pd.PeriodDtype) else "intervals"
    if dtype.kind in KINDS:
        return KINDS[dtype.kind]
    if types.is_numeric_dtype(dtype) or isinstance(dtype, pd.StringDtype):
        return ""
    present = column.astype(object).dropna()
    inferred = types.infer_dtype(present)
    if inferred in INFERRED:
        return INFERRED[inferred]
    others = (value for value in present if not isinstance(value, PLAIN))
    kind = type(next(others, "")).__name__
    return {"str": "", "dict": "records", **LISTS}.get(kind, f"values of type {kind}")


def _plain(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return numpy's own dtypes in the place of pandas's and pyarrow's."""
    dtype: Any = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return column.cat.rename_categories(list(_plain(pd.Series(dtype.categories))))
    if types.is_bool_dtype(dtype) and column.notna().all():
        return column.astype(bool)
    if types.is_numeric_dtype(dtype) and not types.is_bool_dtype(dtype):
        return _numbers(column)
    if types.infer_dtype(column, skipna=True) == "decimal":
        return column.astype(float)
    if isinstance(dtype, np.dtype) or getattr(dtype, "na_value", None) is np.nan:
        return column
    return column.astype(object).where(column.notna(), np.nan)


def _numbers(column: "pd.Series[Any]") -> "pd.Series[Any]":
    is_whole = types.is_integer_dtype(column.dtype) and column.notna().all()
    if is_whole and column.max() <= np.iinfo(np.int64).max:
        return column.astype(np.int64)
    return pd.Series(column.to_numpy(np.float64, na_value=np.nan), column.index)
