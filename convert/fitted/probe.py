"""Asks a fitted transformer what it makes of rows that differ from a known one."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

Floats = npt.NDArray[np.float64]

REJECTIONS = (
    *(ValueError, TypeError, LookupError, AttributeError, ArithmeticError),
    UnboundLocalError,  # where no branch is for what a file says was fitted
)
"""What transformers raise on a value that they do not take."""


class NotNumbers(ValueError):
    """The transformer gives something else than numbers."""


class Probe:
    """A fitted transformer and one row of the sample, to be varied.

    Parameters
    ----------
    sample
        A frame, or an array of two dimensions, that the transformer takes.
    """

    def __init__(self, transformer: Any, sample: Any) -> None:
        self._transformer = transformer
        self._is_frame = isinstance(sample, pd.DataFrame)
        self.frame = sample if self._is_frame else pd.DataFrame(sample)
        self._dtype = None if self._is_frame else sample.dtype

    def answers(self, changes: Sequence[Mapping[int, Any]]) -> list[Floats | None]:
        """Return the outputs for the first row with each of the changes made.

        Parameters
        ----------
        changes
            Column position → value, one mapping for each row to try.

        Returns
        -------
        list
            One array of shape (n_outputs,) a row; None where it is rejected.

        Raises
        ------
        NotNumbers
            If the transformer gives something else than numbers.
        """
        try:
            return list(self.transform(self._rows(changes)))
        except NotNumbers:
            raise
        except REJECTIONS:
            if len(changes) == 1:
                return [None]
        middle = len(changes) // 2
        return self.answers(changes[:middle]) + self.answers(changes[middle:])

    def transform(self, frame: pd.DataFrame) -> Floats:
        rows = frame if self._is_frame else frame.to_numpy(self._dtype_for(frame))
        with warnings.catch_warnings():
            # an encoder warns of unknown categories, which are asked for on purpose
            warnings.simplefilter("ignore")
            return to_numbers(self._transformer.transform(rows))

    def _dtype_for(self, frame: pd.DataFrame) -> Any:
        if self._dtype == np.dtype(object) or self._dtype is None:
            return self._dtype
        return np.result_type(self._dtype, *frame.dtypes)

    def _rows(self, changes: Sequence[Mapping[int, Any]]) -> pd.DataFrame:
        columns = {}
        for position in range(self.frame.shape[1]):
            column = self.frame.iloc[:, position]
            base = column.iloc[0]
            values = [change.get(position, base) for change in changes]
            columns[position] = _like(column, values)
        rows = pd.DataFrame(columns)
        rows.columns = self.frame.columns
        return rows


def to_numbers(output: Any) -> Floats:
    """Return what a transformer gave as a float64 array of two dimensions.

    Raises
    ------
    NotNumbers
        If it is not numbers, or has not two dimensions.
    """
    if sparse.issparse(output):
        output = output.toarray()
    try:
        array = np.asarray(output, np.float64)
    except (ValueError, TypeError) as error:
        raise NotNumbers(str(error)) from error
    if array.ndim != 2:
        raise NotNumbers(f"{array.ndim} dimensions")
    return array


def _like(column: "pd.Series[Any]", values: list[Any]) -> "pd.Series[Any]":
    """Return values as a column of the same dtype, or a wider one that holds them."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        known = list(column.dtype.categories)
        extra = [v for v in dict.fromkeys(values) if not pd.isna(v) and v not in known]
        return pd.Series(pd.Categorical(values, [*known, *extra]))
    if column.dtype == bool and not all(isinstance(v, bool | np.bool_) for v in values):
        # pandas would make True of NaN
        return pd.Series(values, dtype=object)
    try:
        return pd.Series(values, dtype=column.dtype)
    except (ValueError, TypeError):
        return pd.Series(values, dtype=object).infer_objects()
