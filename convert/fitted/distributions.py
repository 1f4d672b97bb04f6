"""Counts how the values of a column are spread, so that the server can tell a drift."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from convert.fitted.oracle import Oracle
from convert.fitted.plain import plain
from server.signature import Distribution, Kind, Value

DECILES = np.arange(1, 10) / 10

N_DIGITS = 6
"""Of an edge: as many as a float32 has, so that every machine writes the same."""

MAX_COUNTED = 50
"""Categories; beyond them the rarer ones are counted together."""

MAX_PREDICTED_ROWS = 10_000

Floats = npt.NDArray[np.float64]


def of_column(
    column: "pd.Series[Any]", kind: Kind, categories: Sequence[Value]
) -> Distribution:
    """Return the distribution of a column of the training rows.

    Parameters
    ----------
    categories
        Of the feature; none for numbers and texts.
    """
    n_missing, present = int(column.isna().sum()), column.dropna()
    if kind == "text":
        n_rows, counts = len(column), (len(present),)
        return Distribution(n_rows=n_rows, n_missing=n_missing, counts=counts)
    if kind in ("number", "integer"):
        return of_numbers(present.to_numpy(float), n_missing)
    known = categories or (False, True)
    return of_values(Counter(map(plain, present)), known, n_missing)


def of_predictions(oracle: Oracle, frame: pd.DataFrame) -> list[Distribution]:
    """Return the distribution of each target's predictions for evenly chosen rows."""
    step = -(-len(frame) // MAX_PREDICTED_ROWS)
    columns = oracle.answer(frame.iloc[::step]).values.T
    if not oracle.classes:
        return [of_numbers(column) for column in columns]
    labels = Counter(oracle.classes[int(index)] for index in columns[0])
    return [of_values(labels, oracle.classes)]


def of_numbers(numbers: Floats, n_missing: int = 0) -> Distribution:
    """Return the distribution of numbers in the bins between their deciles.

    Infinite ones, which a pipeline may take and the server does not, are left out.
    """
    numbers = numbers[np.isfinite(numbers)]
    edges = _edges(numbers) if numbers.size else []
    bins = np.searchsorted(edges, numbers, side="left")
    counts = np.bincount(bins, minlength=len(edges) + 1).tolist()
    return Distribution(
        n_rows=len(numbers) + n_missing,
        n_missing=n_missing,
        edges=tuple(edges),
        counts=tuple(counts),
    )


def of_values(
    counted: "Counter[Value]", known: Sequence[Value], n_missing: int = 0
) -> Distribution:
    """Return the distribution of categories: of all, or of the most frequent ones."""
    values: Sequence[Value] = known
    if len(known) > MAX_COUNTED:
        often = sorted(known, key=lambda value: -counted[value])[:MAX_COUNTED]
        values = [value for value in known if value in set(often)]
    return Distribution(
        n_rows=counted.total() + n_missing,
        n_missing=n_missing,
        values=() if values is known else tuple(values),
        counts=tuple(counted[value] for value in values),
    )


def _edges(numbers: Floats) -> list[float]:
    """Return the deciles that differ, below the largest number, which needs no edge."""
    deciles = np.quantile(numbers, DECILES, method="inverted_cdf").tolist()
    rounded = {float(f"{decile:.{N_DIGITS}g}") for decile in deciles}
    edges = rounded if len(rounded) == len(set(deciles)) else set(deciles)
    return sorted(edge for edge in edges if edge < numbers.max())
