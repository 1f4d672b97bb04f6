"""Draws what many columns say together.

Every function returns an <svg> element. `name` is unique in the page, `label` is
what a person hears who cannot see the picture.
"""

from collections.abc import Sequence

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_rgba

from convert.explore import effects
from convert.explore.axes import (
    AXIS_LETTERS,
    MAX_LINES,
    MAX_POINTS,
    draw_estimate,
    draw_points,
    label_axis,
    place_legend,
    shown_groups,
)
from convert.explore.columns import Codes, Floats, Variable
from convert.explore.effects import Estimate
from convert.explore.findings import Effect
from convert.explore.interactions import Interaction, Reversal
from convert.explore.outcome import Outcome
from convert.report import wording
from convert.report.figure import (
    HEIGHT,
    INK,
    MUTED,
    SERIES,
    WIDTH,
    list_rows,
    new_figure,
    rows_height,
    short,
    svg,
)

MAX_RANKED = 20
"""Columns in the picture of the shares: one more row is one too many to read."""


def ranking(ranked: Sequence[Effect], name: str, label: str) -> str:
    """Draw the share of variation that each feature accounts for, with intervals."""
    with new_figure(WIDTH, rows_height(len(ranked)) + 0.45) as figure:
        axes = figure.subplots()
        for row, effect in enumerate(ranked):
            colour = SERIES[0] if effect.is_clear else MUTED
            draw_estimate(axes, row, effect.share, colour)
        list_rows(axes, [short(effect.feature.title, 28) for effect in ranked])
        axes.set_xlim(-0.015 * axes.get_xlim()[1])
        axes.locator_params(axis="x", nbins=6)
        axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
        axes.set_xlabel("share of the variation")
        axes.grid(visible=False, axis="y")
        return svg(figure, name, label)


def group_means(
    features: Sequence[Variable], outcome: Outcome, name: str, label: str
) -> str:
    """Draw the mean of every group of every category, on one axis."""
    labels: list[str] = []
    headings: list[int] = []
    estimates: list[tuple[int, Estimate]] = []
    for feature in features:
        headings.append(len(labels))
        labels.append(short(wording.capitalise(feature.title), 28))
        groups = effects.group(feature.codes, outcome.values, len(feature.levels))
        for code in shown_groups(groups.counts, groups.means):
            estimates.append((len(labels), effects.mean_estimate(groups, int(code))))
            labels.append(short(feature.levels[code]))
    with new_figure(WIDTH, 0.5 + 0.245 * len(labels)) as figure:
        axes = figure.subplots()
        mean = float(np.nanmean(outcome.values))
        axes.axvline(mean, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        for row, estimate in estimates:
            draw_estimate(axes, row, estimate, SERIES[0])
        list_rows(axes, labels)
        for row in headings:
            axes.get_yticklabels()[row].set_fontweight("bold")
        axes.grid(visible=False, axis="y")
        _label_means(axes, outcome)
        return svg(figure, name, label)


def heatmap(columns: Sequence[Variable], matrix: Floats, name: str, label: str) -> str:
    """Draw the associations below the diagonal, the stronger the fuller."""
    n_columns = len(columns)
    side = max(3.2, 0.44 * n_columns)
    titles = [short(column.title, 30) for column in columns]
    shades = [to_rgba(SERIES[0], 0.62 * step / 255) for step in range(256)]
    texts = np.vectorize(_association, otypes=[str])(matrix)
    with new_figure(side + 2.4, side + 1.9) as figure:
        axes = figure.subplots()
        sns.heatmap(
            np.abs(matrix)[1:, :-1],
            mask=np.triu(np.ones_like(matrix))[1:, :-1].astype(bool),
            vmin=0,
            vmax=1,
            cmap=ListedColormap(shades),
            annot=texts[1:, :-1],
            fmt="",
            annot_kws={"color": INK, "fontsize": 9},
            cbar=False,
            square=True,
            linewidths=0,
            xticklabels=titles[:-1],
            yticklabels=titles[1:],
            ax=axes,
        )
        axes.grid(visible=False)
        axes.tick_params(axis="x", labelrotation=90, labelcolor=INK)
        axes.tick_params(length=0)
        return svg(figure, name, label)


def _association(value: float) -> str:
    return wording.correlation(value).replace("0.", ".")


def reversal(found: Reversal, name: str, label: str) -> str:
    """Draw the two groups' difference in each number, in standard deviations."""
    high, low = (short(found.feature.levels[c], 18) for c in (found.high, found.low))
    colours = dict(zip(sorted([found.high, found.low]), SERIES, strict=False))
    with new_figure(WIDTH, rows_height(len(found.numbers)) + 0.6) as figure:
        axes = figure.subplots()
        axes.axvline(0, color=MUTED, linewidth=1)
        for row, estimate in enumerate(found.standardized):
            ahead = found.high if estimate.value > 0 else found.low
            draw_estimate(axes, row, estimate, colours[ahead])
        list_rows(axes, [short(column.title) for column in found.numbers])
        reach = max(abs(limit) for limit in axes.get_xlim())
        axes.set_xlim(-reach, reach)
        axes.set_ylim(len(found.numbers) - 0.4, -0.6)
        axes.locator_params(axis="x", nbins=5)
        axes.set_xlabel(f"← {low} ahead · standard deviations · {high} ahead →")
        axes.grid(visible=False, axis="y")
        return svg(figure, name, label)


def lines_by_group(
    feature: Variable, grouping: Variable, outcome: Outcome, name: str, label: str
) -> str:
    """Draw the outcome against a number, with one line for each group."""
    x, y = feature.numbers, outcome.values
    codes, levels = grouping.codes, grouping.levels
    present = ~np.isnan(x) & ~np.isnan(y) & (codes >= 0)
    with new_figure(WIDTH, HEIGHT + 0.7) as figure:
        axes = figure.subplots()
        for colour, code in zip(SERIES, _largest(grouping), strict=False):
            rows = np.flatnonzero(present & (codes == code))
            if len(rows) < 3:
                continue
            draw_points(axes, x, y, rows, colour, MAX_POINTS // 3)
            slope, intercept = effects.slope_estimate(x[rows], y[rows])
            ends = np.array([x[rows].min(), x[rows].max()])
            fitted = intercept + slope.value * ends
            axes.plot(
                ends, fitted, color=colour, linewidth=2, label=short(levels[code])
            )
        label_axis(axes, feature)
        axes.set_ylabel(short(outcome.title, AXIS_LETTERS))
        place_legend(figure, axes)
        return svg(figure, name, label)


def means_by_group(found: Interaction, outcome: Outcome, name: str, label: str) -> str:
    """Draw the mean of each pair of levels, one line for each level of the second."""
    levels = found.feature.levels
    with new_figure(WIDTH, HEIGHT + 0.9) as figure:
        axes = figure.subplots()
        grouping = found.moderator
        for colour, code in zip(SERIES, _largest(grouping), strict=False):
            codes = np.where(grouping.codes == code, found.feature.codes, -1)
            means = effects.group(codes, outcome.values, len(levels)).means
            text = short(grouping.levels[code])
            axes.plot(
                means, np.arange(len(levels)), marker="o", color=colour, label=text
            )
        list_rows(axes, [short(level) for level in levels])
        _label_means(axes, outcome)
        place_legend(figure, axes)
        return svg(figure, name, label)


def _label_means(axes: Axes, outcome: Outcome) -> None:
    axes.set_xlabel(short(outcome.mean_title, AXIS_LETTERS))
    axes.locator_params(axis="x", nbins=5)
    if outcome.is_share:
        axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")


def _largest(grouping: Variable) -> Codes:
    codes = grouping.codes[grouping.present]
    counts = np.bincount(codes, minlength=len(grouping.levels))
    largest = np.argsort(-counts, kind="stable")[:MAX_LINES]
    return np.sort(largest[counts[largest] > 0])
