"""Finds the groups of rows for which a model errs more than for the others."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import t as student

Floats = npt.NDArray[np.float64]

CONFIDENCE = 0.95
MIN_ROWS = 10
"""Nothing is said about smaller groups."""

MAX_GROUPS = 12
"""Of one column, the largest."""


class GroupMean(msgspec.Struct, frozen=True):
    """A mean and its confidence interval, in the target's unit."""

    mean: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        return not self.low <= 0 <= self.high


class GroupError(msgspec.Struct, frozen=True):
    """How a model errs on the rows that share a category.

    Parameters
    ----------
    error
        Mean absolute error.
    excess
        That, less the mean absolute error on all other rows.
    bias
        Mean of predicted less actual: above zero the model flatters the group.
    """

    column: str
    group: str
    n_rows: int
    error: GroupMean
    excess: GroupMean
    bias: GroupMean


def group_errors(
    rows: pd.DataFrame, columns: Sequence[str], actual: Floats, predicted: Floats
) -> list[GroupError]:
    """Measure the error in every group of at least MIN_ROWS rows.

    Parameters
    ----------
    columns
        That hold categories; a missing value is no group.
    actual, predicted
        Shape (n_rows,), the predictions of models that have not seen the rows.

    Notes
    -----
    Intervals of `excess` and `bias` share one CONFIDENCE between all groups
    (Bonferroni): a table with many groups does not accuse by chance.
    """
    chosen = list(_groups(rows, columns))
    one = _Level(1 - CONFIDENCE)
    shared = _Level((1 - CONFIDENCE) / max(1, 2 * len(chosen)))
    bias = predicted - actual
    errors = np.abs(bias)
    return [
        GroupError(
            column=column,
            group=group,
            n_rows=int(is_member.sum()),
            error=one.mean(errors[is_member]),
            excess=shared.difference(errors[is_member], errors[~is_member]),
            bias=shared.mean(bias[is_member]),
        )
        for column, group, is_member in chosen
    ]


def say(groups: Sequence[GroupError], unit: str) -> list[str]:
    """Return a sentence for each group that differs beyond chance, the worst first.

    If none does, one sentence says so, and where the widest gap is.
    """
    unit = f" {unit}" if unit else ""
    by_excess = sorted(groups, key=lambda one: -abs(one.excess.mean))
    by_bias = sorted(groups, key=lambda one: -abs(one.bias.mean))
    said = [_say_excess(one, unit) for one in by_excess if one.excess.is_clear]
    said += [_say_bias(one, unit) for one in by_bias if one.bias.is_clear]
    if groups and not said:
        widest = by_excess[0]
        said.append(
            "In no group does the model err more or less than elsewhere, or predict too "
            "high or too low, by more than chance explains. The widest gap is where "
            f"{_name(widest)}: {signed(widest.excess.mean)}{unit} "
            f"({signed(widest.excess.low)} to {signed(widest.excess.high)})."
        )
    return said


def signed(value: float) -> str:
    return f"{round(value, 2) + 0:+.2f}".replace("-", "−")  # never "−0.00"


def _say_excess(one: GroupError, unit: str) -> str:
    word = "more" if one.excess.mean > 0 else "less"
    return (
        f"The model errs {word} where {_name(one)}: by {one.error.mean:.3g}{unit} on "
        f"average, {abs(one.excess.mean):.2g} {word} than elsewhere "
        f"({_range(one.excess)})."
    )


def _say_bias(one: GroupError, unit: str) -> str:
    word = "high" if one.bias.mean > 0 else "low"
    return (
        f"The model predicts too {word} where {_name(one)}: by "
        f"{abs(one.bias.mean):.2g}{unit} on average ({_range(one.bias)})."
    )


class _Level(NamedTuple):
    """Student's intervals that miss with probability `alpha`."""

    alpha: float

    def mean(self, values: Floats) -> GroupMean:
        n = len(values)
        return self._around(
            float(values.mean()), float(values.var(ddof=1)) / n, float(n - 1)
        )

    def difference(self, values: Floats, others: Floats) -> GroupMean:
        """Return Welch's interval of a difference of means."""
        a, b = (float(x.var(ddof=1)) / len(x) for x in (values, others))
        parts = a**2 / (len(values) - 1) + b**2 / (len(others) - 1)
        freedom = (a + b) ** 2 / parts if parts else math.inf
        return self._around(float(values.mean() - others.mean()), a + b, freedom)

    def _around(self, mean: float, variance: float, freedom: float) -> GroupMean:
        half = float(student.ppf(1 - self.alpha / 2, freedom)) * math.sqrt(variance)
        return GroupMean(mean, mean - half, mean + half)


def _groups(
    rows: pd.DataFrame, columns: Sequence[str]
) -> Iterator[tuple[str, str, npt.NDArray[np.bool_]]]:
    for column in columns:
        counts = rows[column].value_counts()  # the largest first
        shown = sorted(counts.index[:MAX_GROUPS], key=str)
        for group in shown:
            n_rows = int(counts[group])
            if n_rows >= MIN_ROWS and len(rows) - n_rows >= MIN_ROWS:
                yield column, str(group), (rows[column] == group).to_numpy(bool)


def _name(one: GroupError) -> str:
    return f"{one.column} is “{one.group}”"


def _range(interval: GroupMean) -> str:
    low, high = sorted((abs(interval.low), abs(interval.high)))
    return f"{low:.2g} to {high:.2g}"
