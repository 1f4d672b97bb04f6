"""Turns names and figures into words that a person reads."""

import math
import unicodedata
from collections.abc import Sequence

UNPRINTABLE = {"Cc", "Cf", "Cn", "Cs"}
"""Unicode categories that break XML or the direction of a line."""

NO_BREAK = "\u00a0"
"""A space that keeps a figure and its unit on one line."""

ZERO_WIDTH_JOINER = "\u200d"
"""Holds composed emoji together; the one `Cf` character that is kept."""


def clean(text: str) -> str:
    """Return `text` on one line, without characters that cannot be printed."""
    kept = (
        letter
        if letter == ZERO_WIDTH_JOINER
        or unicodedata.category(letter) not in UNPRINTABLE
        else " "
        for letter in text
    )
    return " ".join("".join(kept).split())


def humanise(name: str) -> str:
    """Return a column's name as words: ``math_score`` is "math score"."""
    return clean(name.replace("_", " ")) or "(no name)"


def shorten(text: str, n_letters: int) -> str:
    return text if len(text) <= n_letters else text[: n_letters - 1].rstrip() + "…"


def capitalise(text: str) -> str:
    return text[:1].upper() + text[1:]


def quote(text: str) -> str:
    return f"“{shorten(clean(text), 60)}”"


def listing(words: Sequence[str], n_most: int = 8) -> str:
    """Join words with commas and an "and"; beyond `n_most`, count the rest."""
    shown = list(words[:n_most])
    if len(words) > n_most:
        shown.append(f"{len(words) - n_most:,} more")
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def number(value: float, spread: float | None = None) -> str:
    """Return a figure with the decimals that `spread` makes meaningful.

    Parameters
    ----------
    value
        In the column's unit.
    spread
        Standard deviation of the column; about three of its digits are kept.
    """
    if not math.isfinite(value):
        return "unknown"
    scale = abs(spread) if spread else abs(value)
    largest = max(scale, abs(value))
    if largest >= 1e9 or 0 < scale < 1e-4:
        return f"{value:.3g}".replace("-", "−")
    decimals = 0 if scale == 0 else max(0, 2 - math.floor(math.log10(scale)))
    rounded = f"{value:,.{decimals}f}"
    if spread is None and "." in rounded:
        rounded = rounded.rstrip("0").rstrip(".")
    return _without_negative_zero(rounded).replace("-", "−")


def percent(share: float, decimals: int | None = None) -> str:
    """Return a share from 0 to 1 as a percentage."""
    if not math.isfinite(share):
        return "unknown"
    if decimals is None:
        decimals = 1 if abs(share) < 0.0995 else 0
        if 0 < share < 0.0005:
            return f"< 0.1{NO_BREAK}%"
    figure = _without_negative_zero(f"{100 * share:.{decimals}f}")
    return f"{figure}{NO_BREAK}%".replace("-", "−")


def correlation(value: float) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return _without_negative_zero(f"{value:.2f}").replace("-", "−")


def p_value(value: float) -> str:
    written = "< 0.001" if value < 0.001 else f"= {value:.3f}"
    return f"p {written}".replace(" ", NO_BREAK)


def _without_negative_zero(figure: str) -> str:
    return figure.removeprefix("-") if not figure.strip("-0.,") else figure
