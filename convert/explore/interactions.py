"""Where the effect of one column depends on another.

Two questions. Does a feature's effect on the outcome differ between the groups of
another feature? And do two groups change places from one number to another one
that otherwise moves with it? Both are answered from sums over all rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from convert.explore import effects, findings
from convert.explore.association import association, contingency
from convert.explore.columns import NO_NUMBERS, Codes, Floats, Variable
from convert.explore.effects import Estimate
from convert.explore.findings import GroupEffect
from convert.explore.outcome import Outcome, unit_of
from convert.report import wording

MAX_FEATURES = 8
"""Pairs of the features with the largest effects: 28 looks at most."""

MAX_GROUPS = 12
"""A category with more levels leaves too few rows in each pair of levels."""

MIN_SHARE = 0.005
"""An interaction that explains less of the variance is left out, however certain:
with a million rows everything is certain."""

THIRDS = ("low third", "middle third", "high third")


@dataclass(frozen=True, eq=False)
class Interaction:
    """How far the effect of `feature` depends on `moderator`.

    Attributes
    ----------
    moderator
        A category; a number is cut into thirds.
    share
        Of the outcome's variance, beyond what the two explain when added.
    p_value
        Corrected for all pairs (Holm).
    """

    feature: Variable
    moderator: Variable
    share: float
    p_value: float

    @property
    def matters(self) -> bool:
        return self.p_value < findings.SIGNIFICANT and self.share >= MIN_SHARE


@dataclass(frozen=True, eq=False)
class Reversal:
    """Two groups of a category that change places between numbers.

    Attributes
    ----------
    differences
        Of `high` minus `low` in each number, the target first, in its unit.
    standardized
        The same as Cohen's d.
    """

    feature: Variable
    high: int
    low: int
    numbers: list[Variable]
    differences: list[Estimate]
    standardized: list[Estimate]


def find_interactions(
    features: Sequence[Variable], outcome: Outcome
) -> list[Interaction]:
    """Return the interactions of all pairs of features, the largest share first.

    Parameters
    ----------
    features
        The largest effect first; beyond MAX_FEATURES they are left out.
    outcome
        A number, or a class as zeros and ones.
    """
    able = [
        in_thirds(feature) if outcome.is_share else feature
        for feature in features
        if feature.is_numeric or feature.n_distinct <= MAX_GROUPS
    ][:MAX_FEATURES]
    found = [_interaction(a, b, outcome) for a, b in combinations(able, 2)]
    adjusted = effects.holm([interaction.p_value for interaction in found])
    corrected = [
        replace(interaction, p_value=p_value)
        for interaction, p_value in zip(found, adjusted, strict=True)
    ]
    return sorted(corrected, key=lambda interaction: -interaction.share)


def _interaction(a: Variable, b: Variable, outcome: Outcome) -> Interaction:
    feature, moderator = (b, a) if b.is_numeric and not a.is_numeric else (a, b)
    moderator = in_thirds(moderator)
    if feature.is_numeric:
        tested = slopes_differ(feature.numbers, moderator.codes, outcome.values)
    else:
        tested = means_differ(feature.codes, moderator.codes, outcome.values)
    return Interaction(feature, moderator, *tested)


def in_thirds(column: Variable) -> Variable:
    """Return a numeric column as three groups of rows; a category as it is."""
    if not column.is_numeric:
        return column
    cuts = np.quantile(column.numbers[column.present], [1 / 3, 2 / 3])
    codes = np.searchsorted(cuts, column.numbers).astype(np.int64)
    codes[~column.present] = -1
    return replace(
        column, kind="category", numbers=NO_NUMBERS, codes=codes, levels=THIRDS
    )


def means_differ(a: Codes, b: Codes, y: Floats) -> tuple[float, float]:
    """Test two categories' interaction in a two-way analysis of variance.

    Returns
    -------
    share
        Of the variance, that the cells' means explain beyond the added effects.
    p_value
        Of the F test against the added effects.
    """
    present = (a >= 0) & (b >= 0) & ~np.isnan(y)
    a, b, y = a[present], b[present], y[present]
    if len(y) == 0:
        return 0.0, 1.0
    counts = contingency(a, b)
    cells = effects.group(a * counts.shape[1] + b, y, counts.size)
    rows, columns = np.nonzero(counts)
    weights = np.sqrt(counts[rows, columns])
    means = cells.means.reshape(counts.shape)[rows, columns]
    dummies = np.hstack(
        [np.eye(counts.shape[0])[rows], np.eye(counts.shape[1])[columns]]
    )
    fit, _, rank, _ = np.linalg.lstsq(
        dummies * weights[:, None], means * weights, rcond=None
    )
    extra = float(np.sum(weights**2 * (means - dummies @ fit) ** 2))
    p_value = effects.nested_p_value(
        extra, len(rows) - int(rank), cells.within, len(y) - len(rows)
    )
    return _share(extra, cells.within + cells.between), p_value


def slopes_differ(x: Floats, codes: Codes, y: Floats) -> tuple[float, float]:
    """Test whether the slope of y on x differs between groups.

    Returns
    -------
    share
        Of the variance, that a slope for each group explains beyond a shared one.
    p_value
        Of the F test against a shared slope.
    """
    present = (codes >= 0) & ~np.isnan(x) & ~np.isnan(y)
    x, codes, y = x[present], codes[present], y[present]
    if len(y) == 0:
        return 0.0, 1.0
    n_groups = int(codes.max()) + 1
    counts = np.bincount(codes, minlength=n_groups)
    x = x - (np.bincount(codes, x, n_groups) / np.maximum(counts, 1))[codes]
    groups = effects.group(codes, y, n_groups)
    centred = y - groups.means[codes]
    xx, xy = np.bincount(codes, x * x), np.bincount(codes, x * centred)
    sloped = xx > 1e-12 * xx.sum()
    if not sloped.any():
        return 0.0, 1.0
    explained = float(np.sum(xy[sloped] ** 2 / xx[sloped]))
    extra = explained - float(xy.sum() ** 2 / xx.sum())
    freedom = len(y) - int((counts > 0).sum()) - int(sloped.sum())
    residual = max(groups.within - explained, 0.0)
    p_value = effects.nested_p_value(extra, int(sloped.sum()) - 1, residual, freedom)
    return _share(extra, groups.within + groups.between), p_value


def _share(extra: float, total: float) -> float:
    return max(extra / total, 0.0) if total > 0 else 0.0


def find_reversals(
    group_effects: Sequence[GroupEffect], target: Variable, others: Sequence[Variable]
) -> list[Reversal]:
    """Return the categories whose two groups change places.

    Parameters
    ----------
    group_effects
        On the target; each gives the two groups that are followed.
    others
        Numbers that move with the target; where one moves against it, the groups
        are expected to change places, and it is not counted.
    """
    if not others:
        return []
    n_looks = len(group_effects) * (len(others) + 1)
    return [
        _follow(effect, [target, *others])
        for effect in group_effects
        if _changes_places(_follow(effect, [target, *others], n_looks))
    ]


def _changes_places(reversal: Reversal) -> bool:
    target = reversal.numbers[0]
    directions = {
        float(np.sign(d.value) * np.sign(association(target, column)))
        for d, column in zip(reversal.standardized, reversal.numbers, strict=True)
        if d.excludes_zero
    }
    return {1.0, -1.0} <= directions


def _follow(effect: GroupEffect, columns: list[Variable], n_looks: int = 1) -> Reversal:
    """Compare the effect's groups in each column that has enough rows of both."""
    numbers, differences, standardized = [], [], []
    feature, high, low = effect.feature, effect.high, effect.low
    for column in columns:
        groups = effects.group(feature.codes, column.numbers, len(feature.levels))
        if min(groups.counts[[high, low]]) < findings.MIN_GROUP_ROWS:
            continue
        n_pairs = effect.n_pairs * n_looks
        numbers.append(column)
        differences.append(effects.mean_difference(groups, high, low, n_pairs))
        standardized.append(effects.cohens_d(groups, high, low, n_pairs))
    return Reversal(feature, high, low, numbers, differences, standardized)


def reversal_headline(reversal: Reversal) -> str:
    """Say where each of the two groups is ahead."""
    levels = reversal.feature.levels
    high, low = levels[reversal.high], levels[reversal.low]
    ahead = [_lead(reversal, index) for index in _order(reversal, 1)]
    behind = [_lead(reversal, index) for index in _order(reversal, -1)]
    return (
        f"{wording.capitalise(reversal.feature.title)} differs by column: "
        f"{wording.quote(high)} is ahead in {wording.listing(ahead)}; "
        f"{wording.quote(low)} in {wording.listing(behind)}."
    )


def _order(reversal: Reversal, sign: int) -> list[int]:
    return [
        index
        for index, size in enumerate(reversal.differences)
        if size.value * sign > 0
    ]


def _lead(reversal: Reversal, index: int) -> str:
    column, size = reversal.numbers[index], reversal.differences[index].upright
    spread = float(np.nanstd(column.numbers))
    amount = f"{wording.number(size.value, spread)}{unit_of(column)}"
    low, high = wording.number(size.low, spread), wording.number(size.high, spread)
    return f"{column.title} by {amount} (95 % CI {low} to {high})"
