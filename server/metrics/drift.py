"""What the rows of a model are like, beside those that it was trained on.

Of each column a few counts are kept, and none of its values. Bins are those of training
(`server.signature.Distribution`), and those of the window of the stability index are
counted twice: what came in the last whole window, and what has come since.
"""

import math
from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Sequence
from itertools import pairwise
from time import monotonic
from typing import Any

from server.signature import Distribution, Feature, Signature, Target, Value

WINDOW_SECONDS, WINDOW_ROWS = 3600, 5000
"""What both have passed of, a window is full: the stability index is of one to two."""


def stability_index(expected: Sequence[float], found: Sequence[float]) -> float:
    """Return the population stability index of two counts of the same bins.

    It is Σ (qᵢ − pᵢ) ln(qᵢ / pᵢ), where pᵢ and qᵢ are the shares of bin i, and is
    Jeffreys' divergence of the two. Half a row is added to each bin, so that an empty
    one is no infinity. Below 0.1 nothing has changed by the usual reading, above 0.25
    much has; n rows of the same population give about (number of bins − 1) / n.

    N. Siddiqi, Credit Risk Scorecards, Wiley 2006, chapter 9; B. Yurdakul, Statistical
    Properties of Population Stability Index, Western Michigan University 2018.
    """
    p, q = _shares(expected), _shares(found)
    return sum((b - a) * math.log(b / a) for a, b in zip(p, q, strict=True))


def _shares(counts: Sequence[float]) -> list[float]:
    total = sum(counts) + len(counts) / 2
    return [(count + 0.5) / total for count in counts]


class Column(ABC):
    """What came of one column.

    Parameters
    ----------
    distribution
        Of training, if it is known.

    Attributes
    ----------
    n_missing, n_unknown, n_outside
        Rows without a value, with a category that training had not, and with a number
        outside of what was observed there.
    """

    def __init__(self, distribution: Distribution | None, expected: list[int]) -> None:
        self.n_missing = self.n_unknown = self.n_outside = 0
        self._expected = expected if distribution else None
        self._bins = [0] * len(expected)
        self._before = [0] * len(expected)

    @abstractmethod
    def add(self, values: Sequence[Any], weight: int) -> None:
        """Count values, None where one is missing, each as many as `weight`."""

    def turn(self) -> None:
        """Begin a window, and forget the one before the last."""
        self._before, self._bins = self._bins, [0] * len(self._bins)

    def stability_index(self) -> float | None:
        """Return that of the window; None where nothing came, or training is unknown."""
        found = list(map(sum, zip(self._before, self._bins, strict=True)))
        if self._expected is None or not any(found):
            return None
        return stability_index(self._expected, found)


class Numbers(Column):
    """A column of numbers; its bins are those of training, and the missing ones."""

    def __init__(
        self,
        distribution: Distribution | None,
        observed: tuple[float, float] | None,
    ) -> None:
        known = distribution or Distribution(n_rows=0, counts=(0,))
        super().__init__(distribution, [*known.counts, known.n_missing])
        self._edges = known.edges
        self.observed = observed
        self._low, self._high = observed or (-math.inf, math.inf)

    def add(self, values: Sequence[Any], weight: int) -> None:
        numbers = sorted(values if _are_finite(values) else filter(_is_finite, values))
        ends = [bisect_right(numbers, edge) for edge in self._edges]
        for place, (start, end) in enumerate(pairwise([0, *ends, len(numbers)])):
            self._bins[place] += (end - start) * weight
        n_missing = (len(values) - len(numbers)) * weight
        self._bins[-1] += n_missing
        self.n_missing += n_missing
        n_below = bisect_left(numbers, self._low)
        n_above = len(numbers) - bisect_right(numbers, self._high)
        self.n_outside += (n_below + n_above) * weight


class Categories(Column):
    """A column of categories or classes.

    Its bins are those that are counted in training, all others, and the missing ones.

    Parameters
    ----------
    known
        All that training had.
    """

    def __init__(
        self, distribution: Distribution | None, known: Sequence[Value]
    ) -> None:
        spread = distribution or Distribution(n_rows=0, counts=(0,) * len(known))
        n_other = spread.n_rows - spread.n_missing - sum(spread.counts)
        super().__init__(distribution, [*spread.counts, n_other, spread.n_missing])
        counted = spread.values or known
        self._places = {value: place for place, value in enumerate(counted)}
        self._known: Collection[Value] = frozenset(known)

    def add(self, values: Sequence[Any], weight: int) -> None:
        for value, n in Counter(values).items():
            if value is None:
                self.n_missing += n * weight
                self._bins[-1] += n * weight
                continue
            self._bins[self._places.get(value, -2)] += n * weight
            if value not in self._known:
                self.n_unknown += n * weight


class Texts(Column):
    """A column of texts, of which there is one or none."""

    def __init__(self, distribution: Distribution | None) -> None:
        known = distribution or Distribution(n_rows=0, counts=(0,))
        super().__init__(distribution, [*known.counts, known.n_missing])

    def add(self, values: Sequence[Any], weight: int) -> None:
        n_missing = values.count(None) * weight
        self.n_missing += n_missing
        self._bins[1] += n_missing
        self._bins[0] += len(values) * weight - n_missing


class Drift:
    """What the rows of one model were like, and the predictions for them.

    Attributes
    ----------
    features, targets
        In the order of the signature.
    n_rows
        How many rows were counted, those included that others stood for.
    """

    def __init__(self, signature: Signature) -> None:
        self.n_rows = 0
        self.features = [_of_feature(each) for each in signature.features]
        self.targets = [_of_target(each) for each in signature.targets]
        self._names = [target.name for target in signature.targets]
        self._began, self._n_rows_before, self._n_rows = monotonic(), 0, 0

    @property
    def n_window_rows(self) -> int:
        """Rows that the stability index is of."""
        return self._n_rows_before + self._n_rows

    def add(
        self, rows: Sequence[tuple[Any, ...]], predictions: Sequence[Any], weight: int
    ) -> None:
        """Count rows in signature order, each as many as `weight`."""
        if not rows:
            return
        for column, values in zip(self.features, zip(*rows, strict=True), strict=True):
            column.add(values, weight)
        for name, column in zip(self._names, self.targets, strict=True):
            several = len(self.targets) > 1
            numbers = [each[name] for each in predictions] if several else predictions
            column.add(numbers, weight)
        self.n_rows += len(rows) * weight
        self._n_rows += len(rows) * weight
        self._turn_in_time()

    def _turn_in_time(self) -> None:
        now = monotonic()
        if now - self._began < WINDOW_SECONDS or self._n_rows < WINDOW_ROWS:
            return
        for column in (*self.features, *self.targets):
            column.turn()
        self._began, self._n_rows_before, self._n_rows = now, self._n_rows, 0


def _of_feature(feature: Feature) -> Column:
    if feature.kind == "boolean" or feature.categories:
        return Categories(feature.distribution, feature.categories or (False, True))
    if feature.kind == "text":
        return Texts(feature.distribution)
    return Numbers(feature.distribution, feature.observed)


def _of_target(target: Target) -> Column:
    if target.kind == "classification":
        return Categories(target.distribution, target.classes)
    return Numbers(target.distribution, target.observed)


def _are_finite(values: Sequence[Any]) -> bool:
    """Tell whether all are numbers; of values that are, it may be wrong about some."""
    try:
        return math.isfinite(sum(values))
    except (TypeError, OverflowError):
        return False


def _is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
