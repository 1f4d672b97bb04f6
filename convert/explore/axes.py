"""What the pictures share: sizes, labels, rows, points and legends."""

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from convert.explore.columns import Codes, Floats, Variable
from convert.explore.effects import Estimate
from convert.report.figure import PAPER, SERIES, short

MAX_GROUPS = 12
"""Larger groups come first; beyond, they are left out or counted together."""

MAX_LINES = len(SERIES)
MAX_POINTS = 1000
"""A scatter plot shows this many rows, drawn with a fixed seed; the line is fitted
on all of them."""

AXIS_LETTERS = 44
FIRST_DAY, LAST_DAY = -719161, 2932895
"""Days since 1970 of 0001-01-02 and 9999-12-30: matplotlib fails beyond."""


def draw_points(
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


def draw_estimate(axes: Axes, row: int, estimate: Estimate, colour: str) -> None:
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


def label_axis(axes: Axes, column: Variable) -> None:
    axes.set_xlabel(short(column.title, AXIS_LETTERS))
    if axes.get_ylabel() == "Count":
        axes.set_ylabel("rows")
    if column.kind == "date":
        first, last = axes.get_xlim()
        axes.set_xlim(max(first, FIRST_DAY), min(last, LAST_DAY))
        locator = AutoDateLocator(maxticks=6)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        formatter = ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_formatter(formatter)
    else:
        axes.locator_params(axis="x", nbins=6)


def place_legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    longest = max(map(len, labels), default=0)
    n_columns = 3 if longest <= 10 else 2 if longest <= 18 else 1
    figure.legend(
        handles, labels, loc="outside upper left", ncols=n_columns, borderaxespad=0.1
    )


def shown_groups(counts: Codes, means: Floats) -> Codes:
    """Return the MAX_GROUPS largest groups, the highest mean first."""
    largest = np.argsort(-counts, kind="stable")[:MAX_GROUPS]
    filled = largest[counts[largest] > 0]
    return filled[np.argsort(-means[filled], kind="stable")]
