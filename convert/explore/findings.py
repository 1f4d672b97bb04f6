"""Ranks what goes with the target, and says it in words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from convert.explore import effects
from convert.explore.association import association
from convert.explore.columns import Floats, Variable
from convert.explore.effects import Estimate, Groups
from convert.explore.outcome import Outcome, unit_of
from convert.report import wording

SIGNIFICANT = 0.05
MIN_GROUP_ROWS = 5
"""A group of fewer rows is not named as the highest or the lowest."""

COMPANION = 0.5
"""Correlation with the target from which a number counts as moving with it."""

TOGETHER = 0.7
"""Association from which two features are reported as saying much the same."""


@dataclass(frozen=True, eq=False)
class _Effect:
    """How one feature goes with an outcome.

    Attributes
    ----------
    share
        Of the outcome's variance: r² for a numeric feature, ε² for a category.
    p_value
        Of no association at all, corrected for all the looks (Holm).
    size
        The highest group's mean minus the lowest one's, or the outcome's change
        for one `step` of a numeric feature; in the outcome's unit.
    standardized
        Cohen's d of that difference, or Pearson's r.
    """

    feature: Variable
    outcome: Outcome
    share: Estimate
    p_value: float
    size: Estimate
    standardized: Estimate

    @property
    def is_clear(self) -> bool:
        return self.p_value < SIGNIFICANT


@dataclass(frozen=True, eq=False)
class GroupEffect(_Effect):
    """A category's effect; `high` and `low` are positions in its levels."""

    groups: Groups
    high: int
    low: int
    n_pairs: int


@dataclass(frozen=True, eq=False)
class TrendEffect(_Effect):
    """A number's effect; `step` is a round figure near its standard deviation."""

    step: float


Effect = GroupEffect | TrendEffect


def rank_effects(
    features: Sequence[Variable], outcomes: Sequence[Outcome]
) -> list[Effect]:
    """Return each feature's strongest effect, the largest share first."""
    found = [
        effect
        for feature in features
        for outcome in outcomes
        if (effect := _effect(feature, outcome)) is not None
    ]
    adjusted = effects.holm([effect.p_value for effect in found])
    strongest: dict[int, Effect] = {}
    for effect, p_value in zip(found, adjusted, strict=True):
        known = strongest.get(id(effect.feature))
        if known is None or effect.share.value > known.share.value:
            strongest[id(effect.feature)] = replace(effect, p_value=p_value)
    return sorted(strongest.values(), key=lambda effect: -effect.share.value)


def _effect(feature: Variable, outcome: Outcome) -> Effect | None:
    if feature.is_numeric:
        return _trend_effect(feature, outcome)
    return _group_effect(feature, outcome)


def _trend_effect(feature: Variable, outcome: Outcome) -> TrendEffect | None:
    both = feature.present & ~np.isnan(outcome.values)
    x, y = feature.numbers[both], outcome.values[both]
    if len(x) < MIN_GROUP_ROWS or x.std() == 0:
        return None
    r, p_value = effects.correlation_estimate(x, y)
    step = round_step(float(x.std()))
    slope, _ = effects.slope_estimate(x, y)
    size = Estimate(slope.value * step, slope.low * step, slope.high * step)
    return TrendEffect(feature, outcome, _squared(r), p_value, size, r, step)


def _group_effect(feature: Variable, outcome: Outcome) -> GroupEffect | None:
    groups = effects.group(feature.codes, outcome.values, len(feature.levels))
    large = np.flatnonzero(groups.counts >= MIN_GROUP_ROWS)
    if len(large) < 2:
        return None
    share, p_value = effects.share_between(groups)
    high = int(large[np.argmax(groups.means[large])])
    low = int(large[np.argmin(groups.means[large])])
    if high == low:  # all means are equal
        high, low = int(large[1]), int(large[0])
    n_pairs = len(large) * (len(large) - 1) // 2
    return GroupEffect(
        feature,
        outcome,
        share,
        p_value,
        effects.mean_difference(groups, high, low, n_pairs),
        effects.cohens_d(groups, high, low, n_pairs),
        groups,
        high,
        low,
        n_pairs,
    )


def _squared(r: Estimate) -> Estimate:
    ends = sorted([r.low**2, r.high**2])
    return Estimate(r.value**2, ends[0] if r.excludes_zero else 0.0, ends[1])


def round_step(spread: float) -> float:
    """Return 1, 2 or 5 times a power of ten, the nearest to `spread`."""
    if not 0 < spread < np.inf:
        return 1.0
    power = 10.0 ** np.floor(np.log10(spread))
    steps = [1 * power, 2 * power, 5 * power, 10 * power]
    return float(min(steps, key=lambda step: abs(np.log(step / spread))))


def headline(effect: Effect) -> str:
    """Say the effect in one plain sentence with its interval."""
    if isinstance(effect, GroupEffect):
        return _group_headline(effect)
    return _trend_headline(effect)


def _group_headline(effect: GroupEffect) -> str:
    outcome, levels = effect.outcome, effect.feature.levels
    interval = outcome.interval(effect.size.low, effect.size.high)
    high, low = wording.quote(levels[effect.high]), wording.quote(levels[effect.low])
    return (
        f"{wording.capitalise(outcome.title)} is "
        f"{outcome.amount(effect.size.value)}{outcome.unit} higher on average for "
        f"{effect.feature.title} {high} than for {low} (95 % CI {interval})."
    )


def _trend_headline(effect: TrendEffect) -> str:
    outcome = effect.outcome
    rises, size = effect.size.value >= 0, effect.size.upright
    more = " days later" if effect.feature.kind == "date" else " more"
    if effect.feature.kind == "number":
        more = f"{unit_of(effect.feature)} more"
    return (
        f"{wording.capitalise(outcome.title)} {'rises' if rises else 'falls'} with "
        f"{effect.feature.title}: {outcome.amount(size.value)}{outcome.unit} "
        f"{'higher' if rises else 'lower'} for every {wording.number(effect.step)}"
        f"{more} (95 % CI {outcome.interval(size.low, size.high)})."
    )


def detail(effect: Effect, n_looks: int) -> str:
    """Say how strong and how certain the effect is, for a reader of statistics."""
    share = effect.share
    said = (
        f"{wording.capitalise(effect.feature.title)} alone accounts for "
        f"{wording.percent(share.value)} of the variation "
        f"({wording.percent(share.low)} to {wording.percent(share.high)})"
    )
    symbol = "Cohen's d" if isinstance(effect, GroupEffect) else "r"
    standardized = effect.standardized
    sizes = (
        f"{symbol} = {wording.correlation(standardized.value)} "
        f"({wording.correlation(standardized.low)} to "
        f"{wording.correlation(standardized.high)})"
    )
    looks = f"{wording.p_value(effect.p_value)} after Holm's correction for " + (
        wording.plural(n_looks, "look")
    )
    return f"{said}; {sizes}; {looks}."


def comparison(effect: GroupEffect) -> str:
    """Say the means of the two groups that the headline compares."""
    level = effect.outcome.level
    high = level(float(effect.groups.means[effect.high]))
    low = level(float(effect.groups.means[effect.low]))
    if effect.n_pairs == 1:
        return f"{high} against {low}."
    n_groups = int((effect.groups.counts >= MIN_GROUP_ROWS).sum())
    return (
        f"{high} against {low}, the highest and the lowest of {n_groups} groups; the "
        f"interval is widened for all {effect.n_pairs} pairs."
    )


def companions(target: Variable, features: Sequence[Variable]) -> list[Variable]:
    """Return the numbers that move with the target, the closest first."""
    if target.kind != "number":
        return []
    strengths = [
        (abs(association(target, feature)), feature)
        for feature in features
        if feature.kind == "number"
    ]
    close = [pair for pair in strengths if pair[0] >= COMPANION]
    return [feature for _, feature in sorted(close, key=lambda pair: -pair[0])]


def same_groups(effect: GroupEffect, others: Sequence[Variable]) -> str:
    """Say how the effect's two groups differ in other numbers."""
    differences = []
    for other in others:
        groups = effects.group(
            effect.feature.codes, other.numbers, len(effect.feature.levels)
        )
        if min(groups.counts[effect.high], groups.counts[effect.low]) < MIN_GROUP_ROWS:
            continue
        size = effects.mean_difference(groups, effect.high, effect.low, effect.n_pairs)
        differences.append(f"{other.title} {_signed(size, other.numbers)}")
    if not differences:
        return ""
    return f"The same two groups in {wording.listing(differences)}."


def _signed(size: Estimate, numbers: Floats) -> str:
    spread = float(np.nanstd(numbers))
    sign = "+" if size.value >= 0 else ""
    low, high = wording.number(size.low, spread), wording.number(size.high, spread)
    return f"{sign}{wording.number(size.value, spread)} ({low} to {high})"


def together(
    columns: Sequence[Variable], matrix: Floats
) -> Iterator[tuple[Variable, Variable, float]]:
    """Yield the pairs of columns that say much the same, the closest first.

    Parameters
    ----------
    columns
        In the order of `matrix`.
    matrix
        Their associations, shape (n_columns, n_columns).
    """
    pairs = [
        (columns[a], columns[b], float(matrix[a, b]))
        for a, b in combinations(range(len(columns)), 2)
        if abs(matrix[a, b]) >= TOGETHER
    ]
    yield from sorted(pairs, key=lambda pair: -abs(pair[2]))
