"""Draws one column, and one column against the target.

Every function returns an <svg> element. `name` is unique in the page, `label` is
what a person hears who cannot see the picture.
"""

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba

from convert.explore import effects
from convert.explore.axes import (
    AXIS_LETTERS,
    MAX_GROUPS,
    MAX_LINES,
    MAX_POINTS,
    draw_points,
    label_axis,
    place_legend,
    shown_groups,
)
from convert.explore.columns import Codes, Floats, Variable
from convert.explore.outcome import Outcome
from convert.report import wording
from convert.report.figure import (
    HEIGHT,
    INK,
    MUTED,
    PAPER,
    SERIES,
    WIDTH,
    list_rows,
    new_figure,
    rows_height,
    short,
    svg,
)

MAX_BINS = 40


def univariate(column: Variable, name: str, label: str) -> str:
    if column.is_numeric:
        return _histogram(column, name, label)
    if column.kind == "text":
        return _lengths(column, name, label)
    return _bars(column, name, label)


def _histogram(column: Variable, name: str, label: str) -> str:
    numbers = column.numbers[column.present]
    with new_figure(WIDTH, HEIGHT) as figure:
        axes = figure.subplots()
        _draw_histogram(axes, numbers)
        axes.axvline(float(np.median(numbers)), color=SERIES[1], linewidth=1.6)
        label_axis(axes, column)
        return svg(figure, name, label)


def _lengths(column: Variable, name: str, label: str) -> str:
    by_level = np.array([len(text) for text in column.levels], dtype=np.float64)
    with new_figure(WIDTH, HEIGHT) as figure:
        axes = figure.subplots()
        _draw_histogram(axes, by_level[column.codes[column.present]])
        axes.set(xlabel="letters", ylabel="rows")
        return svg(figure, name, label)


def _draw_histogram(axes: Axes, numbers: Floats) -> None:
    counts, edges = np.histogram(numbers, bin_edges(numbers))
    sns.histplot(  # of the bins: seaborn takes a second to count a million rows
        x=(edges[:-1] + edges[1:]) / 2,
        weights=counts,
        bins=list(edges),
        ax=axes,
        color=SERIES[0],
        edgecolor=PAPER,
        linewidth=0.6,
        alpha=0.75,
    )
    axes.grid(visible=False, axis="x")
    axes.locator_params(axis="y", nbins=5)


def bin_edges(numbers: Floats) -> Floats:
    """Return at most MAX_BINS + 1 edges; whole numbers get bins of whole width."""
    low, high = float(numbers.min()), float(numbers.max())
    if low == high:
        return np.array([low - 0.5, low + 0.5])
    if high - low < 2**53 and np.array_equal(numbers, np.round(numbers)):
        width = np.ceil((high - low + 1) / MAX_BINS)
        return np.arange(low - 0.5, high + width, width)
    n_bins = int(np.clip(np.ceil(2 * np.cbrt(len(numbers))), 5, MAX_BINS))
    return np.linspace(low, high, n_bins + 1)


def _bars(column: Variable, name: str, label: str) -> str:
    counts = np.bincount(column.codes[column.present], minlength=len(column.levels))
    order = np.argsort(-counts, kind="stable")
    shown = order[:MAX_GROUPS]
    labels = [short(column.levels[code]) for code in shown]
    heights = [int(counts[code]) for code in shown]
    if len(order) > MAX_GROUPS:
        labels.append(f"{len(order) - MAX_GROUPS:,} others")
        heights.append(int(counts[order[MAX_GROUPS:]].sum()))
    with new_figure(WIDTH, rows_height(len(labels))) as figure:
        axes = figure.subplots()
        rows = np.arange(len(labels))
        bars = axes.barh(rows, heights, 0.68, color=SERIES[0], alpha=0.75)
        shares = [_count(height, column.n_present) for height in heights]
        axes.bar_label(bars, shares, padding=4, color=MUTED, fontsize=9)
        axes.set_xlim(0, max(heights) * 1.32)
        list_rows(axes, labels)
        axes.grid(visible=False)
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        return svg(figure, name, label)


def _count(n_rows: int, n_all: int) -> str:
    return f"{n_rows:,} ({wording.percent(n_rows / n_all)})"


def boxes(grouping: Variable, measured: Variable, name: str, label: str) -> str:
    """Draw the spread of a number in each group, the highest mean on top."""
    codes, levels, values = grouping.codes, grouping.levels, measured.numbers
    groups = effects.group(codes, values, len(levels))
    order = shown_groups(groups.counts, groups.means)
    known = ~np.isnan(values)
    spreads = [_spread(values[known & (codes == code)]) for code in order]
    with new_figure(WIDTH, rows_height(len(order)) + 0.35) as figure:
        axes = figure.subplots()
        axes.bxp(
            spreads,
            positions=list(range(len(order))),
            widths=0.62,
            orientation="horizontal",
            patch_artist=True,
            showfliers=False,
            showmeans=True,
            boxprops={"facecolor": to_rgba(SERIES[0], 0.28), "edgecolor": SERIES[0]},
            whiskerprops={"color": SERIES[0]},
            capprops={"color": SERIES[0]},
            medianprops={"color": INK, "linewidth": 1.6},
            meanprops={
                "marker": "o",
                "markerfacecolor": SERIES[1],
                "markeredgecolor": PAPER,
                "markersize": 6,
            },
        )
        list_rows(
            axes,
            [f"{short(levels[code])} ({groups.counts[code]:,})" for code in order],
        )
        axes.grid(visible=False, axis="y")
        label_axis(axes, measured)
        return svg(figure, name, label)


def _spread(values: Floats) -> dict[str, float]:
    shares = [0.05, 0.25, 0.5, 0.75, 0.95]
    names = ["whislo", "q1", "med", "q3", "whishi"]
    quantiles = dict(zip(names, map(float, np.quantile(values, shares)), strict=True))
    return {**quantiles, "mean": float(values.mean())}


def scatter(feature: Variable, outcome: Outcome, name: str, label: str) -> str:
    """Draw a sample of the rows, and the line with its band that all rows give."""
    x, y = feature.numbers, outcome.values
    both = np.flatnonzero(~np.isnan(x) & ~np.isnan(y))
    with new_figure(WIDTH, HEIGHT + 0.3) as figure:
        axes = figure.subplots()
        draw_points(axes, x, y, both, SERIES[0], MAX_POINTS)
        _draw_line(axes, x[both], y[both])
        label_axis(axes, feature)
        axes.set_ylabel(short(outcome.title, AXIS_LETTERS))
        return svg(figure, name, label)


def _draw_line(axes: Axes, x: Floats, y: Floats) -> None:
    slope, intercept = effects.slope_estimate(x, y)
    ends = np.linspace(x.min(), x.max(), 25)
    fitted = intercept + slope.value * ends
    axes.plot(ends, fitted, color=SERIES[1], linewidth=2)
    if not np.isfinite(slope.low):
        return
    residuals = y - intercept - slope.value * x
    error_of_mean = residuals.std() / np.sqrt(len(x))
    slope_reach = (slope.high - slope.value) * np.abs(ends - x.mean())
    reach = np.hypot(1.96 * error_of_mean, slope_reach)
    axes.fill_between(
        ends, fitted - reach, fitted + reach, color=SERIES[1], alpha=0.2, linewidth=0
    )


def shares(feature: Variable, target: Variable, name: str, label: str) -> str:
    """Draw the shares of the target's classes in each group of the feature."""
    counts = np.bincount(feature.codes[feature.present], minlength=len(feature.levels))
    order = np.argsort(-counts, kind="stable")[:MAX_GROUPS]
    classes = frequent(target)
    with new_figure(WIDTH, rows_height(len(order)) + 0.7) as figure:
        axes = figure.subplots()
        left = np.zeros(len(order))
        for colour, code in zip(SERIES, classes, strict=False):
            is_class = np.where(target.present, target.codes == code, np.nan)
            means = effects.group(feature.codes, is_class, len(feature.levels)).means
            widths = np.nan_to_num(means[order])
            axes.barh(
                np.arange(len(order)),
                widths,
                0.68,
                left,
                color=colour,
                alpha=0.75,
                edgecolor=PAPER,
                label=short(target.levels[code]),
            )
            left += widths
        axes.set_xlim(0, 1)
        axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
        list_rows(axes, [f"{short(feature.levels[c])} ({counts[c]:,})" for c in order])
        axes.grid(visible=False, axis="y")
        place_legend(figure, axes)
        return svg(figure, name, label)


def frequent(target: Variable) -> Codes:
    counts = np.bincount(target.codes[target.present], minlength=len(target.levels))
    return np.argsort(-counts, kind="stable")[:MAX_LINES]
