"""Turns a matplotlib figure into inline SVG that takes its colours from the page.

Figures are drawn in the light colours. In the SVG each of these becomes a CSS
variable, so one picture serves light, dark and print (`convert.report.page` defines the
variables). Text stays text and takes the page's font.
"""

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from convert.report import wording

WIDTH, HEIGHT = 4.6, 2.7
"""Inches; the text has the size of the page's text on a phone."""

LABEL_LETTERS = 24
ROW_INCHES = 0.29

INK, MUTED, LINE, PAPER = "#1b232c", "#56616d", "#d8dde3", "#fefefd"
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's palette: told apart with any kind of colour vision."""

LIGHT = {
    "ink": INK,
    "muted": MUTED,
    "line": LINE,
    "paper": PAPER,
    **{f"series-{index}": colour for index, colour in enumerate(SERIES)},
}
DARK = {
    "ink": "#e8ebee",
    "muted": "#a9b3bd",
    "line": "#3a444f",
    "paper": "#161b21",
    "series-0": "#5ab4ee",
    "series-1": "#f28c4b",
    "series-2": "#3fc79d",
    "series-3": "#e39fc6",
    "series-4": "#f2b93c",
    "series-5": "#9ad6f7",
}

STYLE: dict[Any, object] = {
    "axes.axisbelow": True,
    "axes.edgecolor": LINE,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 10,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "none",
    "font.family": "DejaVu Sans",  # ships with matplotlib: the same widths anywhere
    "font.size": 10,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "legend.labelcolor": INK,
    "svg.fonttype": "none",
    "svg.hashsalt": "pinion",
    "text.color": INK,
    "text.parse_math": False,  # a column may be called "$x$"
    "xtick.color": LINE,
    "xtick.labelcolor": MUTED,
    "xtick.labelsize": 9.5,
    "ytick.color": LINE,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 9.5,
    "ytick.major.size": 0,
}
NO_METADATA = dict.fromkeys(["Creator", "Date", "Format", "Type"])
VARIABLES = {colour: f"var(--{name})" for name, colour in LIGHT.items()}
DECIMALS = re.compile(r"(\d\.\d\d)\d+")
DRAWN = {
    "d",
    "height",
    "points",
    "transform",
    "width",
    "x",
    "x1",
    "x2",
    "y",
    "y1",
    "y2",
}


@contextmanager
def new_figure(width: float, height: float) -> Iterator[Figure]:
    """Yield an empty figure, in inches; draw in it and call `svg` in the block."""
    # from the defaults, so that nobody's own matplotlibrc changes the bytes
    with style.context(["default", STYLE]), warnings.catch_warnings():
        # the browser has the letters that the measuring font has not
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield Figure(figsize=(width, height), layout="constrained")


def svg(figure: Figure, name: str, label: str) -> str:
    """Return the figure as an <svg> element, the same bytes for the same figure.

    Parameters
    ----------
    figure
        Drawn within `new_figure`.
    name
        Unique in the page; prefixes the identifiers in the SVG.
    label
        What a person hears who cannot see the picture.
    """
    written = io.StringIO()
    figure.savefig(written, format="svg", transparent=True, metadata=NO_METADATA)
    root = ElementTree.fromstring(written.getvalue())  # noqa: S314, our own text
    for unwanted in ("width", "height", "version"):
        root.attrib.pop(unwanted, None)
    for parent in root.iter():
        for child in list(parent):
            if _name(child.tag) in ("metadata", "style"):
                parent.remove(child)
    for element in root.iter():
        _rewrite(element, name)
    root.set("style", f"--units: {root.attrib['viewBox'].split()[2]}")
    root.set("role", "img")
    root.set("aria-label", label)
    return ElementTree.tostring(root, encoding="unicode")


def _rewrite(element: ElementTree.Element, name: str) -> None:
    element.tag = _name(element.tag)
    attributes = {_name(key): value for key, value in element.attrib.items()}
    if element.tag == "g":
        attributes.pop("id", None)
    for key, value in attributes.items():
        if key in DRAWN:
            attributes[key] = DECIMALS.sub(r"\1", value)
        elif key == "id":
            attributes[key] = f"{name}-{value}"
        elif key == "href":
            attributes[key] = value.replace("#", f"#{name}-")
        elif key == "clip-path":
            attributes[key] = value.replace("url(#", f"url(#{name}-")
        elif key == "style":
            attributes[key] = _themed(value)
    element.attrib.clear()
    element.attrib.update(attributes)


def _themed(style: str) -> str:
    for colour, variable in VARIABLES.items():
        style = style.replace(colour, variable)
    return style


def _name(qualified: str) -> str:
    return qualified.rpartition("}")[2]


def list_rows(axes: Axes, labels: Sequence[str]) -> None:
    axes.set_yticks(np.arange(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.45, -0.55)


def short(text: str, n_letters: int = LABEL_LETTERS) -> str:
    return wording.shorten(wording.clean(text), n_letters)


def rows_height(n_rows: int) -> float:
    return 0.35 + ROW_INCHES * max(n_rows, 2)
