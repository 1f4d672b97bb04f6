"""Reads each column of a table as a number, a category, a date or text."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from convert.report import wording

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Kind = Literal["number", "category", "date", "text", "empty"]

ISO_DATE = r"\d{4}-\d{2}-\d{2}(?:[T ].*)?"
FEW_LEVELS = 20
MAX_LEVELS = 1000
ROWS_PER_LEVEL = 5
"""Up to FEW_LEVELS different strings are categories; up to MAX_LEVELS they are if
each has ROWS_PER_LEVEL rows on average; beyond, they are text."""

NEAR_UNIQUE = 0.95
"""Share of different values from which a column names its rows."""

NEAR_UNIQUE_ROWS = 20
"""In fewer rows than this, different values are no surprise."""


TITLE_LETTERS = 60
LARGEST = 1e100
"""A larger number counts as infinite: sums of its squares would be."""


@dataclass(frozen=True, eq=False)
class Variable:
    """One column, as the statistics need it.

    Attributes
    ----------
    dtype
        As pandas names it.
    numbers
        Shape (n_rows,), missing and infinite values are NaN, dates are days since
        1970; shape (0,) for a column that is not numeric.
    codes
        Shape (n_rows,), positions in `levels`, -1 where missing; shape (0,) for a
        numeric column.
    n_infinite
        Rows.
    """

    name: str
    kind: Kind
    dtype: str
    numbers: Floats
    codes: Codes
    levels: tuple[str, ...] = ()
    n_infinite: int = 0

    @property
    def title(self) -> str:
        return wording.shorten(wording.humanise(self.name), TITLE_LETTERS)

    @property
    def is_numeric(self) -> bool:
        """Whether the column lies on a scale: a number or a date."""
        return self.kind in ("number", "date")

    @cached_property
    def present(self) -> npt.NDArray[np.bool_]:
        """Which rows have a finite value, shape (n_rows,)."""
        return ~np.isnan(self.numbers) if self.is_numeric else self.codes >= 0

    @cached_property
    def n_present(self) -> int:
        return int(self.present.sum())

    @property
    def n_missing(self) -> int:
        return len(self.present) - self.n_present - self.n_infinite

    @cached_property
    def n_distinct(self) -> int:
        values = self.numbers if self.is_numeric else self.codes
        return len(pd.unique(values[self.present]))

    @cached_property
    def is_near_unique(self) -> bool:
        """Whether it names rows, as a key or a row number does."""
        if self.n_present < NEAR_UNIQUE_ROWS or self.kind == "date":
            return False
        if self.kind == "number":
            return self.n_distinct == self.n_present and self._is_consecutive
        return self.n_distinct >= NEAR_UNIQUE * self.n_present

    @property
    def _is_consecutive(self) -> bool:
        present = self.numbers[self.present]
        return bool(present.max() - present.min() == len(present) - 1)

    @property
    def is_comparable(self) -> bool:
        """Whether it can be set against another column."""
        known = self.kind not in ("text", "empty")
        return known and self.n_distinct > 1 and not self.is_near_unique


NO_NUMBERS: Floats = np.empty(0)
NO_CODES: Codes = np.empty(0, np.int64)


def read_columns(frame: pd.DataFrame) -> list[Variable]:
    return [
        _read(str(name), frame.iloc[:, position])
        for position, name in enumerate(frame.columns)
    ]


def as_numbers(texts: tuple[str, ...]) -> Floats:
    """Return texts as numbers, NaN where a text is none."""
    parsed = pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce")
    return parsed.to_numpy(dtype=np.float64)


def _read(name: str, series: "pd.Series[Any]") -> Variable:
    dtype = series.dtype
    if pd.api.types.is_bool_dtype(dtype):
        return _categories(name, series)
    if pd.api.types.is_numeric_dtype(dtype):
        numbers = series.to_numpy(dtype=np.float64, na_value=np.nan)
        return _numbers(name, str(dtype), numbers)
    if pd.api.types.is_datetime64_any_dtype(dtype):
        days = _days(series.dt.tz_localize(None))  # as its clocks showed
        kind: Kind = "empty" if np.isnan(days).all() else "date"
        return Variable(name, kind, str(dtype), days, NO_CODES)
    return _strings(_categories(name, series))


def _numbers(name: str, dtype: str, numbers: Floats) -> Variable:
    infinite = np.abs(numbers) > LARGEST
    finite = np.where(infinite, np.nan, numbers)
    distinct = np.unique(finite[~np.isnan(finite)])
    if len(distinct) == 0:
        codes, n_infinite = np.full(len(numbers), -1), int(infinite.sum())
        return Variable(name, "empty", dtype, NO_NUMBERS, codes, n_infinite=n_infinite)
    if len(distinct) == 2:  # two groups say more than a line through two points
        codes = np.searchsorted(distinct, finite).astype(np.int64)
        codes[np.isnan(finite)] = -1
        levels = tuple(
            np.format_float_positional(value, trim="-") for value in distinct
        )
        return Variable(name, "category", dtype, NO_NUMBERS, codes, levels)
    return Variable(
        name, "number", dtype, finite, NO_CODES, n_infinite=int(infinite.sum())
    )


def _categories(name: str, series: "pd.Series[Any]") -> Variable:
    codes, values = pd.factorize(series)
    texts = np.array([str(value) for value in values], dtype=object)
    levels, level_codes = np.unique(texts.astype(str), return_inverse=True)
    found = np.append(level_codes, -1)[codes].astype(np.int64)
    kind: Kind = "category" if len(levels) else "empty"
    names = tuple(map(str, levels))
    return Variable(name, kind, str(series.dtype), NO_NUMBERS, found, names)


def _strings(column: Variable) -> Variable:
    """Look into strings for numbers, dates and free text."""
    levels, codes = column.levels, column.codes
    if not levels:
        return column
    numbers = as_numbers(levels)
    if not np.isnan(numbers).any():
        return _numbers(column.name, column.dtype, np.append(numbers, np.nan)[codes])
    texts = pd.Series(levels, dtype=object)
    if texts.str.fullmatch(ISO_DATE).all():
        days = _days(pd.to_datetime(texts, format="ISO8601", utc=True, errors="coerce"))
        if not np.isnan(days).any():
            numbers = np.append(days, np.nan)[codes]
            return Variable(column.name, "date", column.dtype, numbers, NO_CODES)
    if not _are_categories(len(levels), column.n_present):
        return Variable(column.name, "text", column.dtype, NO_NUMBERS, codes, levels)
    return column


def _are_categories(n_levels: int, n_rows: int) -> bool:
    repeats = n_rows >= ROWS_PER_LEVEL * n_levels
    return n_levels <= FEW_LEVELS or (repeats and n_levels <= MAX_LEVELS)


def _days(series: "pd.Series[Any]") -> Floats:
    moments = pd.to_datetime(series, utc=True)
    # in microseconds: nanoseconds end in 2262
    days = (moments - pd.Timestamp(0, tz="UTC").as_unit("us")) / pd.Timedelta(days=1)
    return np.asarray(days.to_numpy(dtype=np.float64, na_value=np.nan), np.float64)
