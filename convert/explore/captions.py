"""The sentences under the pictures and in the tables, computed like the findings."""

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.stats import rankdata

from convert.explore import axes, effects, findings, plots
from convert.explore import interactions as interacting
from convert.explore.association import association, measure
from convert.explore.columns import Floats, Variable
from convert.explore.exploration import Exploration
from convert.explore.findings import Effect
from convert.explore.interactions import Interaction, Reversal
from convert.explore.outcome import Outcome
from convert.report import page, wording
from convert.report.page import Markup

MAX_TOGETHER = 3
MAX_TABLE_GROUPS = 12
MAX_TABLE_INTERACTIONS = 8

MEASURES = (
    "One measure for each kind of pair, chosen so that the cells can be compared. "
    "Two numbers: Pearson's correlation r, from −1 to 1. A category and a number: the "
    "correlation ratio η. Two categories: Cramér's V. All three are the same idea: η is "
    "the largest r that any numbering of the groups could reach, and V of two yes/no "
    "columns is their r. η and V are corrected for bias, since both grow with the "
    "number of groups even where nothing is there. Dates count as numbers."
)

METHOD = (
    "Intervals are 95 % confidence intervals. A difference of two means has Welch's "
    "interval (groups may vary differently); r has Fisher's; the share of variation has "
    "the one that inverts the noncentral F distribution.",
    "The share of variation is r² for a number and ε² for a category, which is η² "
    "without its bias. It is what the column accounts for alone; shares of columns that "
    "overlap do not add up.",
    "Looking at many columns finds something by luck. The p-values of the F and t tests "
    "are corrected for all looks (Holm); where the highest and the lowest of several "
    "groups are compared, the interval is widened for all pairs (Bonferroni).",
    "A class is counted as 1 and any other as 0, so that a mean is a share and a slope "
    "is the change of a share; their intervals are normal approximations.",
    f"A group of fewer than {findings.MIN_GROUP_ROWS} rows is not named as the highest "
    "or the lowest.",
    f"An interaction is reported if it explains at least "
    f"{wording.percent(interacting.MIN_SHARE)} of the variation beyond what the two "
    f"columns explain when added, with p < {findings.SIGNIFICANT} after correction. "
    f"Pairs of the {interacting.MAX_FEATURES} columns with the largest effects are "
    f"tested, categories of at most {interacting.MAX_GROUPS} groups; a number that "
    "divides the rows is cut into thirds, and so is every number where the target is a "
    "class.",
    f"All figures are computed on all rows. Only the points of scatter plots are a "
    f"sample: at most {axes.MAX_POINTS:,} rows, drawn with a fixed seed.",
    "Columns that are constant, empty, free text, or different in nearly every row are "
    "left out of the comparisons. Rows without a value are left out of the comparisons "
    "with that column.",
)


def ranking(shown: Sequence[Effect], n_all: int) -> str:
    first = shown[0]
    left_out = (
        f" The {len(shown)} largest of {n_all:,} are shown."
        if n_all > len(shown)
        else ""
    )
    return (
        f"Dot: share of the variation that the column accounts for alone. Line: its "
        f"95 % confidence interval. Grey: not clear of chance. The largest is "
        f"{first.feature.title}, {wording.percent(first.share.value)}.{left_out}"
    )


def left_out(rest: Sequence[Effect]) -> str:
    names = wording.listing([effect.feature.title for effect in rest])
    return f"Clear, but smaller than those above: {names}."


def reversal(found: Reversal, outcome: Outcome) -> str:
    """Say what the two groups' difference is at equal values of another number."""
    target, others = found.numbers[0], found.numbers[1:]
    levels = found.feature.levels
    said = []
    for other in others:
        size = effects.adjusted_difference(
            found.feature.codes, found.high, found.low, other.numbers, target.numbers
        )
        ahead = levels[found.high if size.value > 0 else found.low]
        size = size.upright
        said.append(
            f"At the same {other.title}, {wording.quote(ahead)} is "
            f"{outcome.amount(size.value)}{outcome.unit} higher in {target.title} "
            f"(95 % CI {outcome.interval(size.low, size.high)})."
        )
    return " ".join(said[:2])


def together(columns: Sequence[Variable], matrix: Floats) -> Iterator[tuple[str, str]]:
    """Yield a sentence and its detail for features that say much the same.

    `columns` are those of `matrix`, the target first.
    """
    pairs = list(findings.together(columns[1:], matrix[1:, 1:]))
    for a, b, strength in pairs[:MAX_TOGETHER]:
        sentence = (
            f"{wording.capitalise(a.title)} and {b.title} say much the same: "
            f"{measure(a, b)} = {wording.correlation(strength)}"
        )
        if a.is_numeric and b.is_numeric:
            r, _ = effects.correlation_estimate(a.numbers, b.numbers)
            low, high = wording.correlation(r.low), wording.correlation(r.high)
            sentence += f" (95 % CI {low} to {high})"
        yield (
            f"{sentence}.",
            "A model gains little from the second of them, and cannot tell their effects "
            "apart well.",
        )


def row_checks(found: Exploration) -> list[str]:
    checks = []
    if found.n_duplicates:
        share = wording.percent(found.n_duplicates / found.n_rows)
        rows = wording.plural(found.n_duplicates, "row")
        checks.append(f"{rows} ({share}) repeat an earlier row in every column.")
    n_without = found.n_rows - found.target.n_present
    if n_without:
        rows = wording.plural(n_without, "row")
        checks.append(
            f"{rows} have no value of {found.target.title}; they are left out of every "
            "comparison with it."
        )
    return checks


def column_row(column: Variable, n_rows: int) -> list[str]:
    n_missing = column.n_missing
    missing = (
        f"{n_missing:,} ({wording.percent(n_missing / n_rows)})" if n_missing else "0"
    )
    return [
        column.title,
        f"{column.kind} ({column.dtype})",
        missing,
        f"{column.n_distinct:,}",
        _values(column),
    ]


def _values(column: Variable) -> str:
    if column.kind == "empty":
        return "none"
    if column.kind == "date":
        return f"{_day(column.numbers, 0)} to {_day(column.numbers, 1)}"
    if column.kind == "number":
        numbers = column.numbers[column.present]
        spread = float(numbers.std())
        return (
            f"{wording.number(numbers.min())} to {wording.number(numbers.max())}, mean "
            f"{wording.number(numbers.mean(), spread)}, standard deviation "
            f"{wording.number(spread, spread)}"
        )
    counts = np.bincount(column.codes[column.present], minlength=len(column.levels))
    largest = np.argsort(-counts, kind="stable")[:3]
    shown = [f"{wording.quote(column.levels[c])} ({counts[c]:,})" for c in largest]
    return wording.listing([*shown, "…"] if len(counts) > 3 else shown)


def _day(days: Floats, share: float) -> str:
    return str(np.datetime64(int(np.floor(np.nanquantile(days, share))), "D"))


def group_means(outcome: Outcome) -> str:
    mean = outcome.level(float(np.nanmean(outcome.values)))
    return (
        f"Dot: the group's {outcome.mean_title}. Line: its 95 % confidence interval. "
        f"Dashed: the mean of all rows, {mean}."
    )


def group_table(shown: Sequence[Variable], found: Exploration) -> Markup:
    """Return the target's distribution in each group as a table."""
    target = found.target
    if target.is_numeric:
        heads = ["Group", "Rows", "Mean (95 % CI)", "Std. dev.", "Quartiles", "Range"]
    else:
        classes = [
            wording.quote(target.levels[code]) for code in plots.frequent(target)
        ]
        heads = ["Group", "Rows", *classes]
    rows = [row for column in shown for row in _group_rows(column, target, found)]
    caption = f"{wording.capitalise(target.title)} in each group"
    return page.table(caption, heads, rows)


def _group_rows(
    column: Variable, target: Variable, found: Exploration
) -> Iterator[list[str]]:
    known = column.present & target.present
    counts = np.bincount(column.codes[known], minlength=len(column.levels))
    largest = np.argsort(-counts, kind="stable")[:MAX_TABLE_GROUPS]
    for code in np.sort(largest[counts[largest] > 0]):
        rows = known & (column.codes == code)
        level = wording.shorten(wording.clean(column.levels[code]), 60)
        name = f"{wording.capitalise(column.title)}: {level}"
        if target.is_numeric:
            cells = _distribution(target.numbers[rows], found.outcomes[0])
        else:
            shares = np.bincount(target.codes[rows], minlength=len(target.levels))
            cells = [
                wording.percent(shares[c] / rows.sum()) for c in plots.frequent(target)
            ]
        yield [name, f"{counts[code]:,}", *cells]


def _distribution(numbers: Floats, outcome: Outcome) -> list[str]:
    whole = effects.group(np.zeros(len(numbers), np.int64), numbers, 1)
    mean = effects.mean_estimate(whole, 0)
    quartiles = np.quantile(numbers, [0.25, 0.5, 0.75])
    interval = (
        f" ({outcome.interval(mean.low, mean.high)})" if np.isfinite(mean.low) else ""
    )
    return [
        f"{outcome.level(mean.value)}{interval}",
        outcome.amount(float(numbers.std())),
        ", ".join(wording.number(float(value)) for value in quartiles),
        f"{wording.number(numbers.min())} to {wording.number(numbers.max())}",
    ]


def univariate(column: Variable) -> str:
    missing = f" {column.n_missing:,} missing." if column.n_missing else ""
    if column.kind == "date":
        return f"From {_values(column)}. Vertical line: the median day.{missing}"
    if column.kind == "number":
        low, middle, high = np.quantile(
            column.numbers[column.present], [0.25, 0.5, 0.75]
        )
        return (
            f"Half of the rows lie from {wording.number(low)} to {wording.number(high)}; "
            f"vertical line: the median, {wording.number(middle)}.{missing}"
        )
    if column.kind == "text":
        return f"Lengths of {column.n_distinct:,} different texts.{missing}"
    groups = wording.plural(column.n_distinct, "group")
    return f"{groups} in {wording.plural(column.n_present, 'row')}.{missing}"


def pairs(found: Exploration) -> str:
    boxes = (
        "Box: the middle half of the rows; line across it: the median; dot: the mean; "
        "whiskers: from 5 % to 95 % of the rows. In brackets: the rows of the group."
    )
    if not found.target.is_numeric:
        return (
            f"{boxes} Bars: the shares of the classes, the {axes.MAX_LINES} most frequent "
            "at most."
        )
    return (
        f"{boxes} Points: at most {axes.MAX_POINTS:,} rows; line: the least-squares fit "
        "on all rows with its 95 % confidence band."
    )


def pair(feature: Variable, target: Variable) -> str:
    strength = association(feature, target)
    said = f"{measure(feature, target)} = {wording.correlation(strength)}."
    if feature.is_numeric and target.is_numeric:
        rank = _spearman(feature, target)
        said = f"r = {wording.correlation(strength)}, by ranks (Spearman) "
        said += f"{wording.correlation(rank)}."
        if abs(rank) - abs(strength) > 0.1:
            said += " The ranks agree better than the values: the relation is curved."
    hidden = max(feature.n_distinct - axes.MAX_GROUPS, 0) if feature.levels else 0
    if hidden:
        said += f" The {axes.MAX_GROUPS} largest groups; {hidden:,} are not drawn."
    return said


def _spearman(a: Variable, b: Variable) -> float:
    both = a.present & b.present
    return effects.pearson(rankdata(a.numbers[both]), rankdata(b.numbers[both]))


def interactions(found: Exploration) -> str:
    if len(found.outcomes) > 1:
        return "Interactions are tested for a number or for two classes only."
    tested = found.interactions
    if not tested:
        return "There are not two features to set against each other."
    changing = [reversal.feature.title for reversal in found.reversals]
    first = (
        f"Which group of {wording.listing(changing)} is ahead depends on the column "
        "(pictures below). "
    )
    return (first if changing else "") + _tested(tested)


def _tested(tested: Sequence[Interaction]) -> str:
    matter = [one for one in tested if one.matters]
    most = interacting.MAX_FEATURES
    pairs = f"{wording.plural(len(tested), 'pair')} of columns"
    if len(tested) == most * (most - 1) // 2:
        pairs = f"{len(tested)} pairs of the {most} columns with the largest effects"
    floor = wording.percent(interacting.MIN_SHARE)
    if matter:
        names = [f"{one.feature.title} × {one.moderator.title}" for one in matter]
        explain = "one explains" if len(matter) == 1 else f"{len(matter)} explain"
        return (
            f"Of {pairs}, {explain} at least {floor} more of the variation together than "
            f"added up: {wording.listing(names)}."
        )
    return (
        f"None of {pairs} explains at least {floor} more of the variation together than "
        "added up, beyond chance: these effects add up, so a linear model loses little "
        "by adding them."
    )


def interaction_table(tested: Sequence[Interaction]) -> Markup:
    if not tested:
        return Markup("")
    rows = [
        [
            f"{wording.capitalise(one.feature.title)} × {one.moderator.title}",
            wording.percent(one.share, 2),
            "< 0.001" if one.p_value < 0.001 else f"{one.p_value:.3f}",
        ]
        for one in tested[:MAX_TABLE_INTERACTIONS]
    ]
    heads = ["Pair", "Variation beyond adding", "p, corrected"]
    return page.table("The pairs that come closest to an interaction", heads, rows)


def interaction(one: Interaction) -> str:
    n_hidden = max(one.moderator.n_distinct - axes.MAX_LINES, 0)
    hidden = f" {n_hidden} smaller groups are not drawn." if n_hidden else ""
    lines = "Lines: one fit for" if one.feature.is_numeric else "Lines: means of"
    return (
        f"{lines} each group of {one.moderator.title}. Together the two explain "
        f"{wording.percent(one.share)} more of the variation than added up "
        f"({wording.p_value(one.p_value)}, corrected).{hidden}"
    )


def matrix_table(columns: Sequence[Variable], matrix: Floats) -> Markup:
    """Return the heatmap's figures for those who cannot see it."""
    rows = [
        [
            wording.capitalise(column.title),
            *(wording.correlation(value) for value in values),
        ]
        for column, values in zip(columns, matrix.tolist(), strict=True)
    ]
    heads = ["Column", *(column.title for column in columns)]
    return page.table("Association of each pair", heads, rows)


def heatmap(n_left_out: int) -> str:
    text = (
        "The fuller the colour, the closer the two columns; a minus: one falls as the "
    )
    text += "other rises."
    if n_left_out > 0:
        text += (
            f" Shown are the target and the columns that go with it most; {n_left_out:,} "
            "are left out."
        )
    return text
