"""Draws what each column is worth, as an SVG file beside the model card."""

from collections.abc import Sequence

from convert.report.figure import (
    DARK,
    LIGHT,
    PAPER,
    SERIES,
    WIDTH,
    list_rows,
    new_figure,
    rows_height,
    short,
    svg,
)
from convert.training.evaluation import Importance

MAX_SHOWN = 15


def draw_importances(found: Sequence[Importance], unit: str) -> str:
    """Return the content of an SVG file for light and dark."""
    shown = found[:MAX_SHOWN]
    with new_figure(WIDTH, rows_height(len(shown)) + 0.45) as figure:
        axes = figure.subplots()
        for row, one in enumerate(shown):
            ends = [one.loss.low, one.loss.high]
            axes.plot(ends, [row, row], color=SERIES[0], linewidth=2)
            axes.plot(
                one.loss.mean,
                row,
                marker="o",
                markersize=6.5,
                color=SERIES[0],
                markeredgecolor=PAPER,
            )
        list_rows(axes, [short(one.column, 30) for one in shown])
        axes.locator_params(axis="x", nbins=6)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(f"error added by shuffling{f', {unit}' if unit else ''}")
        return _stand_alone(svg(figure, "importances", "What each column is worth"))


def _stand_alone(drawing: str) -> str:
    """Give an inline SVG what it takes from a page: namespace, colours, font."""
    light, dark = (
        " ".join(f"--{name}: {colour};" for name, colour in colours.items())
        for colours in (LIGHT, DARK)
    )
    style = (
        f"<style>svg {{ {light} background: var(--paper); }} "
        f"@media (prefers-color-scheme: dark) {{ svg {{ {dark} }} }} "
        "text { font-family: system-ui, sans-serif !important; }</style>"
    )
    start, end, rest = drawing.partition(">")
    return f'{start} xmlns="http://www.w3.org/2000/svg"{end}{style}{rest}\n'
