"""Counts by bucket, as Prometheus adds them up."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise


class Histogram:
    """How many values there were up to each bound, and their sum.

    Parameters
    ----------
    bounds
        Ascending; each belongs to its bucket, and one more bucket is above the last.

    Attributes
    ----------
    counts
        One a bucket, not added up.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add_all(self, values: Sequence[float]) -> None:
        """Add many, for less than one by one."""
        ordered = sorted(values)
        ends = [bisect_right(ordered, bound) for bound in self.bounds]
        for place, (start, end) in enumerate(pairwise([0, *ends, len(ordered)])):
            self.counts[place] += end - start
        self.total += sum(ordered)

    def add(self, value: float, times: int = 1) -> None:
        self.counts[bisect_left(self.bounds, value)] += times
        self.total += value * times
