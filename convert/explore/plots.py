"""Draws the pictures of the exploratory report.

Every function returns an <svg> element. `name` is unique in the page, `label` is
what a person hears who cannot see the picture.
"""

from collections.abc import Sequence

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_rgba
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from convert.explore import effects, wording
from convert.explore.columns import Codes, Column, Floats
from convert.explore.effects import Estimate
from convert.explore.findings import Effect
from convert.explore.interactions import Interaction, Reversal
from convert.explore.outcome import Outcome
from convert.figure import INK, MUTED, PAPER, SERIES, new_figure, svg

WIDTH, HEIGHT = 4.6, 2.7
MAX_BARS = 12
MAX_BINS = 40
MAX_RANKED = 20
MAX_POINTS = 1000
"""A scatter plot shows this many rows, drawn with a fixed seed; the line is fitted
on all of them."""

MAX_LINES = len(SERIES)
LABEL_LETTERS = 24
AXIS_LETTERS = 44
ROW_INCHES = 0.29


def univariate(column: Column, name: str, label: str) -> str:
    if column.is_numeric:
        return _histogram(column, name, label)
    if column.kind == "text":
        return _lengths(column, name, label)
    return _bars(column, name, label)


def _histogram(column: Column, name: str, label: str) -> str:
    numbers = column.numbers[column.present]
    with new_figure(WIDTH, HEIGHT) as figure:
        axes = figure.subplots()
        _draw_histogram(axes, numbers)
        axes.axvline(float(np.median(numbers)), color=SERIES[1], linewidth=1.6)
        _label(axes, column)
        return svg(figure, name, label)


def _lengths(column: Column, name: str, label: str) -> str:
    by_level = np.array([len(text) for text in column.levels], dtype=np.float64)
    with new_figure(WIDTH, HEIGHT) as figure:
        axes = figure.subplots()
        _draw_histogram(axes, by_level[column.codes[column.present]])
        axes.set(xlabel="letters", ylabel="rows")
        return svg(figure, name, label)


def _draw_histogram(axes: Axes, numbers: Floats) -> None:
    sns.histplot(
        x=numbers,
        bins=list(bin_edges(numbers)),
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


def _bars(column: Column, name: str, label: str) -> str:
    counts = np.bincount(column.codes[column.present], minlength=len(column.levels))
    order = np.argsort(-counts, kind="stable")
    shown = order[:MAX_BARS]
    labels = [_short(column.levels[code]) for code in shown]
    heights = [int(counts[code]) for code in shown]
    if len(order) > MAX_BARS:
        labels.append(f"{len(order) - MAX_BARS:,} others")
        heights.append(int(counts[order[MAX_BARS:]].sum()))
    with new_figure(WIDTH, _rows_height(len(labels))) as figure:
        axes = figure.subplots()
        rows = np.arange(len(labels))
        bars = axes.barh(rows, heights, 0.68, color=SERIES[0], alpha=0.75)
        shares = [_count(height, column.n_present) for height in heights]
        axes.bar_label(bars, shares, padding=4, color=MUTED, fontsize=9)
        axes.set_xlim(0, max(heights) * 1.32)
        _list_rows(axes, labels)
        axes.grid(visible=False)
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        return svg(figure, name, label)


def _count(n_rows: int, n_all: int) -> str:
    return f"{n_rows:,} ({wording.percent(n_rows / n_all)})"


def boxes(
    codes: Codes,
    levels: Sequence[str],
    values: Floats,
    axis: str,
    name: str,
    label: str,
) -> str:
    """Draw the spread of `values` in each group, the highest mean on top."""
    groups = effects.group(codes, values, len(levels))
    order = _shown_groups(groups.counts, groups.means)
    known = ~np.isnan(values)
    spreads = [_spread(values[known & (codes == code)]) for code in order]
    with new_figure(WIDTH, _rows_height(len(order)) + 0.35) as figure:
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
        _list_rows(
            axes,
            [f"{_short(levels[code])} ({groups.counts[code]:,})" for code in order],
        )
        axes.grid(visible=False, axis="y")
        axes.set(xlabel=_short(axis, AXIS_LETTERS), ylabel="")
        axes.locator_params(axis="x", nbins=5)
        return svg(figure, name, label)


def _spread(values: Floats) -> dict[str, float]:
    shares = [0.05, 0.25, 0.5, 0.75, 0.95]
    names = ["whislo", "q1", "med", "q3", "whishi"]
    quantiles = dict(zip(names, map(float, np.quantile(values, shares)), strict=True))
    return {**quantiles, "mean": float(values.mean())}


def _shown_groups(counts: Codes, means: Floats) -> Codes:
    """Return the MAX_BARS largest groups, the highest mean first."""
    largest = np.argsort(-counts, kind="stable")[:MAX_BARS]
    filled = largest[counts[largest] > 0]
    return filled[np.argsort(-means[filled], kind="stable")]


def scatter(feature: Column, outcome: Outcome, name: str, label: str) -> str:
    """Draw a sample of the rows, and the line with its band that all rows give."""
    x, y = feature.numbers, outcome.values
    both = np.flatnonzero(~np.isnan(x) & ~np.isnan(y))
    with new_figure(WIDTH, HEIGHT + 0.3) as figure:
        axes = figure.subplots()
        _draw_points(axes, x, y, both, SERIES[0], MAX_POINTS)
        _draw_line(axes, x[both], y[both])
        _label(axes, feature)
        axes.set_ylabel(_short(outcome.title, AXIS_LETTERS))
        return svg(figure, name, label)


def _draw_points(
    axes: Axes, x: Floats, y: Floats, rows: Codes, colour: str, n_most: int
) -> None:
    if len(rows) > n_most:
        rows = np.sort(np.random.default_rng(0).choice(rows, n_most, replace=False))
    sns.scatterplot(
        x=x[rows],
        y=y[rows],
        ax=axes,
        s=13,
        color=colour,
        alpha=0.4,
        linewidth=0,
        legend=False,
    )


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


def shares(feature: Column, target: Column, name: str, label: str) -> str:
    """Draw the shares of the target's classes in each group of the feature."""
    counts = np.bincount(feature.codes[feature.present], minlength=len(feature.levels))
    order = np.argsort(-counts, kind="stable")[:MAX_BARS]
    classes = frequent(target)
    with new_figure(WIDTH, _rows_height(len(order)) + 0.7) as figure:
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
                label=_short(target.levels[code]),
            )
            left += widths
        axes.set_xlim(0, 1)
        axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
        _list_rows(
            axes, [f"{_short(feature.levels[c])} ({counts[c]:,})" for c in order]
        )
        axes.grid(visible=False, axis="y")
        _legend_above(figure, axes)
        return svg(figure, name, label)


def frequent(target: Column) -> Codes:
    counts = np.bincount(target.codes[target.present], minlength=len(target.levels))
    return np.argsort(-counts, kind="stable")[:MAX_LINES]


def ranking(ranked: Sequence[Effect], name: str, label: str) -> str:
    """Draw the share of variation that each feature accounts for, with intervals."""
    with new_figure(WIDTH, _rows_height(len(ranked)) + 0.45) as figure:
        axes = figure.subplots()
        for row, effect in enumerate(ranked):
            colour = SERIES[0] if effect.is_clear else MUTED
            _draw_estimate(axes, row, effect.share, colour)
        _list_rows(axes, [_short(effect.feature.title, 28) for effect in ranked])
        axes.set_xlim(left=0)
        axes.locator_params(axis="x", nbins=6)
        axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
        axes.set_xlabel("share of the variation")
        axes.grid(visible=False, axis="y")
        return svg(figure, name, label)


def _draw_estimate(axes: Axes, row: int, estimate: Estimate, colour: str) -> None:
    if np.isfinite(estimate.low):
        axes.plot([estimate.low, estimate.high], [row, row], color=colour, linewidth=2)
    axes.plot(
        estimate.value,
        row,
        marker="o",
        markersize=6.5,
        color=colour,
        markeredgecolor=PAPER,
    )


def group_means(
    features: Sequence[Column], outcome: Outcome, name: str, label: str
) -> str:
    """Draw the mean of every group of every category, on one axis."""
    labels: list[str] = []
    headings: list[int] = []
    estimates: list[tuple[int, Estimate]] = []
    for feature in features:
        headings.append(len(labels))
        labels.append(_short(wording.capitalise(feature.title), 28))
        groups = effects.group(feature.codes, outcome.values, len(feature.levels))
        for code in _shown_groups(groups.counts, groups.means):
            estimates.append((len(labels), effects.mean_estimate(groups, int(code))))
            labels.append(_short(feature.levels[code]))
    with new_figure(WIDTH, 0.5 + 0.245 * len(labels)) as figure:
        axes = figure.subplots()
        mean = float(np.nanmean(outcome.values))
        axes.axvline(mean, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        for row, estimate in estimates:
            _draw_estimate(axes, row, estimate, SERIES[0])
        _list_rows(axes, labels)
        for row in headings:
            axes.get_yticklabels()[row].set_fontweight("bold")
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(_short(f"mean {outcome.title}", AXIS_LETTERS))
        if outcome.is_share:
            axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
        axes.locator_params(axis="x", nbins=6)
        return svg(figure, name, label)


def heatmap(columns: Sequence[Column], matrix: Floats, name: str, label: str) -> str:
    """Draw the associations below the diagonal, the stronger the fuller."""
    n_columns = len(columns)
    side = max(3.2, 0.44 * n_columns)
    titles = [_short(column.title, 30) for column in columns]
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
    high, low = (_short(found.feature.levels[c], 18) for c in (found.high, found.low))
    with new_figure(WIDTH, _rows_height(len(found.numbers)) + 0.6) as figure:
        axes = figure.subplots()
        axes.axvline(0, color=MUTED, linewidth=1)
        for row, estimate in enumerate(found.standardized):
            _draw_estimate(axes, row, estimate, SERIES[0 if estimate.value > 0 else 1])
        _list_rows(axes, [_short(column.title) for column in found.numbers])
        reach = max(abs(limit) for limit in axes.get_xlim())
        axes.set_xlim(-reach, reach)
        axes.set_ylim(len(found.numbers) - 0.4, -0.6)
        axes.locator_params(axis="x", nbins=5)
        axes.set_xlabel(f"← {low} ahead · standard deviations · {high} ahead →")
        axes.grid(visible=False, axis="y")
        return svg(figure, name, label)


def lines_by_group(
    feature: Column,
    codes: Codes,
    levels: Sequence[str],
    outcome: Outcome,
    name: str,
    label: str,
) -> str:
    """Draw the outcome against a number, with one line for each group."""
    x, y = feature.numbers, outcome.values
    present = ~np.isnan(x) & ~np.isnan(y) & (codes >= 0)
    with new_figure(WIDTH, HEIGHT + 0.7) as figure:
        axes = figure.subplots()
        for colour, code in zip(SERIES, _largest(codes, levels), strict=False):
            rows = np.flatnonzero(present & (codes == code))
            if len(rows) < 3:
                continue
            _draw_points(axes, x, y, rows, colour, MAX_POINTS // 3)
            slope, intercept = effects.slope_estimate(x[rows], y[rows])
            ends = np.array([x[rows].min(), x[rows].max()])
            fitted = intercept + slope.value * ends
            axes.plot(
                ends, fitted, color=colour, linewidth=2, label=_short(levels[code])
            )
        _label(axes, feature)
        axes.set_ylabel(_short(outcome.title, AXIS_LETTERS))
        _legend_above(figure, axes)
        return svg(figure, name, label)


def means_by_group(found: Interaction, outcome: Outcome, name: str, label: str) -> str:
    """Draw the mean of each pair of levels, one line for each level of the second."""
    levels = found.feature.levels
    with new_figure(WIDTH, HEIGHT + 0.9) as figure:
        axes = figure.subplots()
        largest = _largest(found.moderator_codes, found.moderator_levels)
        for colour, code in zip(SERIES, largest, strict=False):
            codes = np.where(found.moderator_codes == code, found.feature.codes, -1)
            means = effects.group(codes, outcome.values, len(levels)).means
            text = _short(found.moderator_levels[code])
            axes.plot(
                means, np.arange(len(levels)), marker="o", color=colour, label=text
            )
        _list_rows(axes, [_short(level) for level in levels])
        axes.set_xlabel(_short(f"mean {outcome.title}", AXIS_LETTERS))
        axes.locator_params(axis="x", nbins=5)
        _legend_above(figure, axes)
        return svg(figure, name, label)


def _largest(codes: Codes, levels: Sequence[str]) -> Codes:
    counts = np.bincount(codes[codes >= 0], minlength=len(levels))
    largest = np.argsort(-counts, kind="stable")[:MAX_LINES]
    return np.sort(largest[counts[largest] > 0])


def _label(axes: Axes, column: Column) -> None:
    axes.set_xlabel(_short(column.title, AXIS_LETTERS))
    if axes.get_ylabel() == "Count":
        axes.set_ylabel("rows")
    if column.kind == "date":
        locator = AutoDateLocator(maxticks=6)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        formatter = ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_formatter(formatter)
    else:
        axes.locator_params(axis="x", nbins=6)


def _list_rows(axes: Axes, labels: Sequence[str]) -> None:
    axes.set_yticks(np.arange(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.45, -0.55)


def _legend_above(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=2, borderaxespad=0.1)


def _short(text: str, n_letters: int = LABEL_LETTERS) -> str:
    return wording.shorten(wording.clean(text), n_letters)


def _rows_height(n_rows: int) -> float:
    return 0.35 + ROW_INCHES * max(n_rows, 2)
