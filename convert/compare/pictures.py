"""Draws a comparison.

Every function returns an <svg> element. `name` is unique in the page, `label` is
what a person hears who cannot see the picture.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from convert.compare.comparison import Comparison, Entry
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
from convert.training.groups import GroupError

CHOSEN, OTHER = SERIES[1], SERIES[0]
NEAR_INCHES = 0.17
LETTER_INCHES, LINE_INCHES = 0.085, 0.09
"""Points that are nearer, or under each other's label, share one."""

DOTS_PER_INCH = 100  # matplotlib's default


def scores(comparison: Comparison, ranked: Sequence[Entry], name: str) -> str:
    """Draw R² with one standard error, and the line that has to be reached."""
    with new_figure(WIDTH, rows_height(len(ranked)) + 0.45) as figure:
        axes = figure.subplots()
        axes.axvline(
            comparison.choice.threshold, color=MUTED, linewidth=1, linestyle=(0, (4, 3))
        )
        for row, entry in enumerate(ranked):
            score = entry.cross_validated["r2_score"]
            ends = [
                score.mean - score.standard_error,
                score.mean + score.standard_error,
            ]
            colour = _colour(comparison, entry)
            axes.plot(ends, [row, row], color=colour, linewidth=2)
            _point(axes, score.mean, row, colour)
        list_rows(axes, [entry.title for entry in ranked])
        axes.locator_params(axis="x", nbins=6)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("R², mean ± standard error")
        return svg(figure, name, "R² of every regressor with its standard error")


def trade_off(comparison: Comparison, name: str) -> str:
    """Draw R² against size and against latency, each with its Pareto front."""
    entries = [entry for entry in comparison.entries if entry.conversion]
    sizes = [one.conversion.n_bytes for one in entries if one.conversion]
    latencies = [one.conversion.latency_us for one in entries if one.conversion]
    with new_figure(WIDTH, 2 * HEIGHT + 0.6) as figure:
        panels = figure.subplots(2, 1)
        pairs: list[tuple[Sequence[float], str]] = [
            (sizes, "bytes as ONNX"),
            (latencies, "µs for one prediction"),
        ]
        for axes, (costs, title) in zip(panels, pairs, strict=True):
            _draw_trade_off(axes, comparison, entries, costs)
            axes.set(xlabel=title, ylabel="R²")
        figure.draw_without_rendering()  # only now it is known which points touch
        for axes, (costs, _) in zip(panels, pairs, strict=True):
            _label_points(axes, entries, costs)
        return svg(figure, name, "R² against size and latency, with the Pareto front")


def _draw_trade_off(
    axes: Axes, comparison: Comparison, entries: Sequence[Entry], costs: Sequence[float]
) -> None:
    values = [entry.cross_validated["r2_score"].mean for entry in entries]
    front = pareto_front(costs, values)
    axes.set_xscale("log")
    axes.axhline(
        comparison.choice.threshold, color=MUTED, linewidth=1, linestyle=(0, (4, 3))
    )
    low, high = min(costs), max(costs)
    right = high * (high / low) ** 0.6 * 1.05
    axes.set_xlim(low / (high / low) ** 0.08 / 1.02, right)
    axes.margins(y=0.12)
    axes.step(
        [costs[front[0]], *(costs[i] for i in front), right],
        [min(values), *(values[i] for i in front), values[front[-1]]],
        where="post",
        color=SERIES[2],
        linewidth=1.6,
    )
    for entry, cost, value in zip(entries, costs, values, strict=True):
        _point(axes, cost, value, _colour(comparison, entry))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.minorticks_off()
    if high / low < 30:
        axes.set_xticks(_ticks(low, right))


def pareto_front(costs: Sequence[float], values: Sequence[float]) -> list[int]:
    """Return who is not beaten, cheapest first: nobody is cheaper and better."""
    order = sorted(range(len(costs)), key=lambda i: (costs[i], -values[i]))
    front: list[int] = []
    for i in order:
        if not front or values[i] > values[front[-1]]:
            front.append(i)
    return front


def _ticks(low: float, high: float) -> list[float]:
    steps = [step * 10.0**power for power in range(-1, 9) for step in (1, 2, 3, 5)]
    return [step for step in steps if 0.9 * low <= step <= high]


def _label_points(axes: Axes, entries: Sequence[Entry], xs: Sequence[float]) -> None:
    """Write names to the right of the points, one for points and labels that touch."""
    ys = [entry.cross_validated["r2_score"].mean for entry in entries]
    places = axes.transData.transform(np.column_stack([xs, ys])) / DOTS_PER_INCH
    clusters: list[list[int]] = []
    for i in sorted(range(len(xs)), key=lambda i: (places[i][0], places[i][1])):
        for cluster in clusters:
            label = ", ".join(entries[one].title for one in cluster)
            right, up = places[i] - places[cluster[-1]]
            is_near = max(abs(right), abs(up)) < NEAR_INCHES
            if is_near or (
                abs(up) < LINE_INCHES and right < LETTER_INCHES * len(label)
            ):
                cluster.append(i)
                break
        else:
            clusters.append([i])
    for cluster in clusters:
        last = max(cluster, key=lambda i: places[i][0])
        written = axes.annotate(
            ", ".join(entries[i].title for i in sorted(cluster)),
            (xs[last], float(np.mean([ys[i] for i in cluster]))),
            xytext=(6, 0),
            textcoords="offset points",
            verticalalignment="center",
            fontsize=9,
            color=INK,
            bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1, "alpha": 0.85},
        )
        written.set_in_layout(False)


def actual_against_predicted(comparison: Comparison, entry: Entry, name: str) -> str:
    """Draw a point for each held-out row, on the line where the two are equal."""
    with new_figure(WIDTH, 3.4) as figure:
        axes = figure.subplots()
        _draw_predictions(axes, comparison, entry)
        axes.set(xlabel="predicted", ylabel="actual")
        return svg(figure, name, f"Actual against predicted values of {entry.title}")


def all_predictions(comparison: Comparison, entries: Sequence[Entry], name: str) -> str:
    """Draw the same for several candidates, on the same scales."""
    n_rows = -(-len(entries) // 2)
    with new_figure(WIDTH, 0.4 + 1.75 * n_rows) as figure:
        panels = figure.subplots(n_rows, 2, sharex=True, sharey=True).ravel()
        for axes, entry in zip(panels, entries, strict=False):
            _draw_predictions(axes, comparison, entry)
            axes.set_title(
                f"{entry.title}, {entry.test['r2_score']:.3f}", fontsize=9.5, loc="left"
            )
        for axes in panels[len(entries) :]:
            axes.set_visible(False)
        figure.supxlabel("predicted", color=MUTED, fontsize=10)
        figure.supylabel("actual", color=MUTED, fontsize=10)
        return svg(figure, name, "Actual against predicted values of the others")


def _draw_predictions(axes: Axes, comparison: Comparison, entry: Entry) -> None:
    actual, predicted = np.array(comparison.actual), np.array(entry.predictions)
    low = min(actual.min(), predicted.min())
    high = max(actual.max(), predicted.max())
    axes.plot([low, high], [low, high], color=MUTED, linewidth=1)
    _scatter(axes, predicted, actual, _colour(comparison, entry))


def residuals(comparison: Comparison, entry: Entry, name: str) -> str:
    """Draw actual less predicted against predicted, for each held-out row."""
    predicted = np.array(entry.predictions)
    difference = np.array(comparison.actual) - predicted
    with new_figure(WIDTH, 3.4) as figure:
        axes = figure.subplots()
        axes.axhline(0, color=MUTED, linewidth=1)
        _scatter(axes, predicted, difference, _colour(comparison, entry))
        axes.set(xlabel="predicted", ylabel="actual − predicted")
        return svg(figure, name, f"Residuals of {entry.title}")


def groups(found: Sequence[GroupError], overall: float, unit: str, name: str) -> str:
    """Draw the mean absolute error of each group with its interval."""
    labels: list[str] = []
    places: list[tuple[int, GroupError]] = []
    headings: list[int] = []
    for index, one in enumerate(found):
        if index == 0 or one.column != found[index - 1].column:
            headings.append(len(labels))
            labels.append(short(one.column, 28))
        places.append((len(labels), one))
        labels.append(f"{short(one.group)} ({one.n_rows:,})")
    with new_figure(WIDTH, 0.5 + 0.245 * len(labels)) as figure:
        axes = figure.subplots()
        axes.axvline(overall, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        for row, one in places:
            colour = CHOSEN if one.excess.is_clear else OTHER
            ends = [one.error.low, one.error.high]
            axes.plot(ends, [row, row], color=colour, linewidth=2)
            _point(axes, one.error.mean, row, colour)
        list_rows(axes, labels)
        for row in headings:
            axes.get_yticklabels()[row].set_fontweight("bold")
        axes.grid(visible=False, axis="y")
        axes.locator_params(axis="x", nbins=6)
        axes.set_xlabel(f"mean absolute error{f', {unit}' if unit else ''}")
        return svg(figure, name, "Mean absolute error of each group")


def _colour(comparison: Comparison, entry: Entry) -> str:
    return CHOSEN if entry.name == comparison.choice.name else OTHER


def _point(axes: Axes, x: float, y: float, colour: str) -> None:
    axes.plot(
        x,
        y,
        marker="o",
        markersize=6.5,
        color=colour,
        markeredgecolor=PAPER,
        zorder=4 if colour == CHOSEN else 3,
    )


def _scatter(
    axes: Axes,
    x: "np.typing.NDArray[np.float64]",
    y: "np.typing.NDArray[np.float64]",
    colour: str,
) -> None:
    axes.scatter(x, y, s=13, color=colour, alpha=0.55, linewidth=0)
    axes.locator_params(nbins=6)
