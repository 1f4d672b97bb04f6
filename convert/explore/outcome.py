"""What is explained: a number, or how frequent a class is."""

from dataclasses import dataclass

import numpy as np

from convert.explore.columns import Floats, Variable
from convert.report import wording

MAX_CLASSES = 12
"""Of a target with more classes, the most frequent ones are looked at."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """A target as a number of each row; a class is 1 where the row has it, else 0.

    Attributes
    ----------
    values
        Shape (n_rows,), NaN where the target is missing.
    is_share
        Whether the mean is the share of a class.
    """

    title: str
    values: Floats
    is_share: bool
    unit: str = ""

    @property
    def spread(self) -> float:
        return float(np.nanstd(self.values))

    @property
    def mean_title(self) -> str:
        return self.title if self.is_share else f"mean {self.title}"

    def level(self, value: float) -> str:
        """Return a mean in words: "70.0" or "43 %"."""
        if self.is_share:
            return wording.percent(value)
        return wording.number(value, self.spread)

    def amount(self, value: float) -> str:
        """Return a difference in words: "11.1" or "13.1"."""
        if self.is_share:
            return wording.percent(value, 1).removesuffix(f"{wording.NO_BREAK}%")
        return wording.number(value, self.spread)

    def interval(self, low: float, high: float) -> str:
        return f"{self.amount(low)} to {self.amount(high)}"


def outcomes_of(target: Variable) -> list[Outcome]:
    """Return one outcome for a number or two classes, else one for each class."""
    if target.is_numeric:
        unit = unit_of(target)
        return [Outcome(target.title, target.numbers, is_share=False, unit=unit)]
    counts = np.bincount(target.codes[target.present], minlength=len(target.levels))
    found = np.flatnonzero(counts)
    if len(found) == 2:
        return [_share_of(target, int(found[1]))]
    frequent = found[np.argsort(-counts[found], kind="stable")][:MAX_CLASSES]
    return [_share_of(target, int(code)) for code in frequent]


def unit_of(column: Variable) -> str:
    """Return " points" for a column that is called a score; a table has no units."""
    return " points" if "score" in column.title.lower().split() else ""


def _share_of(target: Variable, code: int) -> Outcome:
    values = np.where(target.present, target.codes == code, np.nan)
    title = f"share of {wording.quote(target.levels[code])}"
    return Outcome(title, values, is_share=True, unit=" percentage points")
