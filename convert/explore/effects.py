"""Effect sizes with their 95 % confidence intervals.

Every function leaves out rows where either value is missing. Group statistics
are sums over all rows, never a sample.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special, stats
from scipy.optimize import brentq

from convert.explore.columns import Codes, Floats

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A figure and its confidence interval."""

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0

    @property
    def upright(self) -> "Estimate":
        """The same size counted in the direction in which it is positive."""
        if self.value >= 0:
            return self
        return Estimate(-self.value, -self.high, -self.low)


@dataclass(frozen=True, eq=False)
class Groups:
    """Rows, mean and variance (with n - 1) by group, each of shape (n_groups,).

    A group without rows has mean NaN, a group of one row variance NaN.
    """

    counts: Codes
    means: Floats
    variances: Floats

    @property
    def within(self) -> float:
        """Sum of squares around the groups' own means."""
        spread = (self.counts - 1) * self.variances
        return float(np.nansum(spread))

    @property
    def between(self) -> float:
        """Sum of squares of the groups' means around the mean of all rows."""
        filled = self.counts > 0
        counts, means = self.counts[filled], self.means[filled]
        grand = np.average(means, weights=counts)
        return float(np.sum(counts * (means - grand) ** 2))


def group(codes: Codes, values: Floats, n_groups: int) -> Groups:
    """Return the statistics of `values` by `codes` (-1 is missing)."""
    present = (codes >= 0) & ~np.isnan(values)
    codes, values = codes[present], values[present]
    counts = np.bincount(codes, minlength=n_groups)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.bincount(codes, values, n_groups) / counts
        squares = np.bincount(codes, (values - means[codes]) ** 2, n_groups)
        variances = np.where(counts > 1, squares / (counts - 1), np.nan)
    return Groups(counts, means, variances)


def mean_estimate(groups: Groups, index: int) -> Estimate:
    """Return one group's mean with Student's interval."""
    count, mean = int(groups.counts[index]), float(groups.means[index])
    if count < 2:
        return Estimate(mean, -np.inf, np.inf)
    error = np.sqrt(groups.variances[index] / count)
    reach = float(stats.t.ppf(0.5 + CONFIDENCE / 2, count - 1) * error)
    return Estimate(mean, mean - reach, mean + reach)


def mean_difference(groups: Groups, high: int, low: int, n_pairs: int = 1) -> Estimate:
    """Return the difference of two groups' means with Welch's interval.

    Parameters
    ----------
    groups
        At least two rows in both.
    high, low
        Positions of the groups; the difference is `high` minus `low`.
    n_pairs
        How many pairs were looked at before this one was picked; the interval is
        widened for all of them (Bonferroni).
    """
    difference = float(groups.means[high] - groups.means[low])
    error_high = float(groups.variances[high] / groups.counts[high])
    error_low = float(groups.variances[low] / groups.counts[low])
    squared = error_high + error_low
    if squared == 0:
        return Estimate(difference, difference, difference)
    freedom = squared**2 / (
        error_high**2 / (groups.counts[high] - 1)
        + error_low**2 / (groups.counts[low] - 1)
    )
    tail = (1 - CONFIDENCE) / 2 / n_pairs
    reach = float(stats.t.isf(tail, freedom) * np.sqrt(squared))
    return Estimate(difference, difference - reach, difference + reach)


def cohens_d(groups: Groups, high: int, low: int, n_pairs: int = 1) -> Estimate:
    """Return the difference of two means in pooled standard deviations.

    Notes
    -----
    Large-sample interval of Hedges and Olkin, widened like `mean_difference`.
    """
    n_high, n_low = int(groups.counts[high]), int(groups.counts[low])
    pooled = (
        (n_high - 1) * groups.variances[high] + (n_low - 1) * groups.variances[low]
    ) / (n_high + n_low - 2)
    difference = float(groups.means[high] - groups.means[low])
    if pooled == 0:
        return Estimate(np.copysign(np.inf, difference), -np.inf, np.inf)
    d = float(difference / np.sqrt(pooled))
    n_rows = n_high + n_low
    error = float(np.sqrt(n_rows / (n_high * n_low) + d**2 / (2 * n_rows)))
    reach = float(stats.norm.isf((1 - CONFIDENCE) / 2 / n_pairs)) * error
    return Estimate(d, d - reach, d + reach)


def share_between(groups: Groups) -> tuple[Estimate, float]:
    """Return the share of variance between groups, and the p-value of the F test.

    Notes
    -----
    The share is ε², η² without its bias (an unrelated column with many levels has
    an η² well above 0); the interval inverts the noncentral F distribution.

    References
    ----------
    T. Kelley, PNAS 21 (1935); J. Steiger, Psychological Methods 9 (2004).
    """
    n_rows, n_groups = int(groups.counts.sum()), int((groups.counts > 0).sum())
    freedom, between = n_rows - n_groups, n_groups - 1
    total = groups.within + groups.between
    if freedom < 1 or between < 1 or total == 0:
        return Estimate(0.0, 0.0, 1.0), 1.0
    if groups.within <= 1e-12 * total:  # the groups say all: F is infinite
        return Estimate(1.0, 1.0, 1.0), 0.0
    ratio = (groups.between / between) / (groups.within / freedom)
    share = 1 - groups.within / total * (n_rows - 1) / freedom
    low, high = _share_interval(ratio, between, freedom, n_rows)
    p_value = float(stats.f.sf(ratio, between, freedom))
    value = max(share, 0.0)
    return Estimate(value, min(low, value), max(high, value)), p_value


def _share_interval(
    ratio: float, between: int, freedom: int, n_rows: int
) -> tuple[float, float]:
    tail = (1 - CONFIDENCE) / 2

    def noncentrality(probability: float) -> float:
        def excess(size: float) -> float:
            return _noncentral_f(ratio, between, freedom, size) - probability

        most = 10.0 * between * ratio + 100.0
        if excess(0.0) <= 0:
            return 0.0
        return float(brentq(excess, 0.0, most, xtol=1e-9 * most))

    low, high = noncentrality(1 - tail), noncentrality(tail)
    return low / (low + n_rows), high / (high + n_rows)


def _noncentral_f(ratio: float, between: int, freedom: int, size: float) -> float:
    """Return the distribution function of the noncentral F.

    Notes
    -----
    SciPy's is NaN at scattered points of long tables; there the normal
    approximation 26.6.27 of Abramowitz and Stegun is within 0.0003 in the share.
    """
    exact = float(special.ncfdtr(between, freedom, size, ratio))
    if not np.isnan(exact):
        return exact
    scaled = np.cbrt(between * ratio / (between + size))
    variance = 2 * (between + 2 * size) / (9 * (between + size) ** 2)
    error = np.sqrt(variance + 2 / (9 * freedom) * scaled**2)
    return float(
        special.ndtr(((1 - 2 / (9 * freedom)) * scaled - (1 - variance)) / error)
    )


def correlation_estimate(x: Floats, y: Floats) -> tuple[Estimate, float]:
    """Return Pearson's r with Fisher's interval, and the p-value of r = 0."""
    present = ~np.isnan(x) & ~np.isnan(y)
    n_rows = int(present.sum())
    r = pearson(x[present], y[present])
    if n_rows < 4:
        return Estimate(r, -1.0, 1.0), 1.0
    if abs(r) > 1 - 1e-12:
        return Estimate(r, r, r), 0.0
    reach = float(stats.norm.ppf(0.5 + CONFIDENCE / 2)) / np.sqrt(n_rows - 3)
    low, high = np.tanh(np.arctanh(r) - reach), np.tanh(np.arctanh(r) + reach)
    t = r * np.sqrt((n_rows - 2) / (1 - r**2))
    p_value = float(2 * stats.t.sf(abs(t), n_rows - 2))
    return Estimate(r, float(low), float(high)), p_value


def pearson(x: Floats, y: Floats) -> float:
    """Return Pearson's r of complete pairs; 0 where one of them is constant."""
    if len(x) < 2:
        return 0.0
    x, y = x - x.mean(), y - y.mean()
    scale = np.sqrt(x @ x) * np.sqrt(y @ y)
    return float(np.clip(x @ y / scale, -1.0, 1.0)) if scale > 0 else 0.0


def slope_estimate(x: Floats, y: Floats) -> tuple[Estimate, float]:
    """Return the slope of the least-squares line with its interval, and its intercept.

    Where x is constant or there are fewer than three pairs, the slope is 0 and its
    interval unbounded.
    """
    present = ~np.isnan(x) & ~np.isnan(y)
    x, y = x[present], y[present]
    centred = x - x.mean() if len(x) else x
    spread = float(centred @ centred)
    if len(x) < 3 or spread == 0:
        mean = float(y.mean()) if len(y) else 0.0
        return Estimate(0.0, -np.inf, np.inf), mean
    slope = float(centred @ y) / spread
    residuals = y - y.mean() - slope * centred
    error = np.sqrt(float(residuals @ residuals) / (len(x) - 2) / spread)
    reach = float(stats.t.ppf(0.5 + CONFIDENCE / 2, len(x) - 2) * error)
    intercept = float(y.mean() - slope * x.mean())
    return Estimate(slope, slope - reach, slope + reach), intercept


def nested_p_value(extra: float, n_extra: int, residual: float, freedom: int) -> float:
    """Return the p-value of the F test that `n_extra` more terms explain nothing.

    Parameters
    ----------
    extra, residual
        Sum of squares that the terms explain, and the rest of the larger model.
    n_extra, freedom
        Their degrees of freedom.
    """
    if n_extra < 1 or freedom < 1:
        return 1.0
    if residual <= 0:
        return 0.0 if extra > 0 else 1.0
    return float(stats.f.sf(extra / n_extra / (residual / freedom), n_extra, freedom))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for having looked this many times (Holm 1979)."""
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty(len(p_values))
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, (len(p_values) - rank) * p_values[index])
        adjusted[index] = min(highest, 1.0)
    return [float(value) for value in adjusted]


def adjusted_difference(
    codes: Codes, high: int, low: int, x: Floats, y: Floats
) -> Estimate:
    """Return two groups' difference in y at equal x, with its interval.

    Notes
    -----
    Analysis of covariance: one slope for both groups, at least two rows in each.
    """
    present = ((codes == high) | (codes == low)) & ~np.isnan(x) & ~np.isnan(y)
    is_high = (codes[present] == high).astype(np.int64)
    x, y = x[present], y[present]
    of_x, of_y = group(is_high, x, 2), group(is_high, y, 2)
    within_x = x - of_x.means[is_high]
    within_y = y - of_y.means[is_high]
    spread = float(within_x @ within_x)
    slope = float(within_x @ within_y) / spread if spread > 0 else 0.0
    shift = float(of_x.means[1] - of_x.means[0])
    difference = float(of_y.means[1] - of_y.means[0]) - slope * shift
    residuals = within_y - slope * within_x
    freedom = len(y) - 3
    leverage = 1 / of_x.counts[0] + 1 / of_x.counts[1]
    leverage += shift**2 / spread if spread > 0 else 0.0
    error = np.sqrt(float(residuals @ residuals) / freedom * leverage)
    reach = float(stats.t.ppf(0.5 + CONFIDENCE / 2, freedom) * error)
    return Estimate(difference, difference - reach, difference + reach)
