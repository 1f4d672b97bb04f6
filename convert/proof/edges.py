"""Makes up the rows on which graphs go wrong: missing, unknown, extreme, next door."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from convert.fitted.features import FAR, unknown_values
from convert.fitted.frame import Row, make_frame
from server.signature import Feature, Value

Floats = npt.NDArray[np.float64]

MAX_NEIGHBOUR_ROWS = 100
"""Rows of the table whose numbers are moved to the next float, in seven ways."""

MAX_IMITATED = 6
"""Categories of a feature that are changed a little, in 14 ways."""

N_MIXTURES = 1000

NEXT_DIGITS = str.maketrans("0123456789", "1234567890")

TEXTS = ("", "?", "naïve ÆØÅ 12 a b'c", "\n")


def edges(
    features: Sequence[Feature],
    frame: pd.DataFrame,
    held: Mapping[str, Sequence[Value]] | None = None,
) -> pd.DataFrame:
    """Return all edge rows, with the columns and dtypes of `frame`.

    Parameters
    ----------
    held
        Values that the pipeline may make an exception of, by feature.
    """
    made = [
        *edge_rows(features),
        *strangers(features, held or {}),
        *mixtures(features),
    ]
    rows = make_frame(made, frame)
    return pd.concat([rows, neighbours(features, frame)], ignore_index=True)


def edge_rows(features: Sequence[Feature]) -> Iterator[Row]:
    """Yield rows that scikit-learn accepts and tables seldom have.

    Each value that is missing, unknown or extreme stands once among typical
    values and once among missing ones.
    """
    typical = {feature.name: feature.typical for feature in features}
    blank = typical | {f.name: None for f in features if not f.required}
    yield blank
    for feature in features:
        for value in _edge_values(feature):
            yield typical | {feature.name: value}
            yield blank | {feature.name: value}


def strangers(
    features: Sequence[Feature], held: Mapping[str, Sequence[Value]]
) -> Iterator[Row]:
    """Yield typical rows with a value that the model takes for unknown.

    Somebody's encoder may know it all the same, or a function see what is in it.
    """
    typical = {feature.name: feature.typical for feature in features}
    for feature in features:
        values = list(held.get(feature.name, ()))
        if feature.unknown == "ignore":
            values += _like_known(feature.categories)
        for value in dict.fromkeys(values):
            if value not in feature.categories:
                yield typical | {feature.name: value}


def mixtures(features: Sequence[Feature]) -> Iterator[Row]:
    """Yield rows at random, where encoders that are not scikit-learn's read several.

    They may look columns up together, which varying one does not show.
    """
    if sum(bool(feature.encoder) for feature in features) < 2:
        return
    rng = np.random.default_rng(0)
    choices = {f.name: f.categories or f.observed or (f.typical,) for f in features}
    for _ in range(N_MIXTURES):
        yield {
            name: values[int(rng.integers(len(values)))]
            for name, values in choices.items()
        }


def _like_known(categories: tuple[Value, ...]) -> Iterator[Value]:
    """Yield values that resemble some of the categories."""
    picked = categories[:: len(categories) // MAX_IMITATED + 1]
    for value, other in zip(picked, [*picked[1:], *picked[:1]], strict=True):
        if isinstance(value, str):
            yield from _texts_like(value, str(other))
        elif not isinstance(value, bool):
            yield from (value + 1, value + 0.5, -value)


def _texts_like(text: str, other: str) -> Iterator[str]:
    half = len(text) // 2
    yield from (text.upper(), text.lower(), text.title(), text.swapcase())
    yield from (f" {text}", f"{text} ", text + text, text + other, text[:-1], text[1:])
    yield from (text[:half] + other[len(other) // 2 :], f"{text}1", f"x{text}")
    yield text.translate(NEXT_DIGITS)


def neighbours(features: Sequence[Feature], frame: pd.DataFrame) -> pd.DataFrame:
    """Return rows of the table with every number moved a little.

    Thresholds of trees and edges of bins lie on values of the table, or halfway
    between two, and their floats decide on which side a row falls.
    """
    names = [f.name for f in features if f.observed is not None]
    rows = frame.head(MAX_NEIGHBOUR_ROWS)
    if not names:
        return rows[:0]
    halfway = {name: _halfway(rows[name], frame[name]) for name in names}
    exact = {name: rows[name].to_numpy(float, na_value=np.nan) for name in names}
    moved = [
        rows.assign(**{name: move(values[name]) for name in names})
        for values, moves in ((exact, (*MOVES, *SINGLE_MOVES)), (halfway, MOVES_HALF))
        for move in moves
    ]
    return pd.concat(moved)


def _up(values: Floats) -> Floats:
    return np.nextafter(values, np.inf)


def _down(values: Floats) -> Floats:
    return np.nextafter(values, -np.inf)


def _single_up(values: Floats) -> Floats:
    return np.nextafter(values.astype(np.float32), np.float32(np.inf)).astype(float)


def _single_down(values: Floats) -> Floats:
    return np.nextafter(values.astype(np.float32), np.float32(-np.inf)).astype(float)


Move = Callable[[Floats], Floats]
MOVES: tuple[Move, ...] = (_up, _down)
SINGLE_MOVES: tuple[Move, ...] = (_single_up, _single_down)
MOVES_HALF: tuple[Move, ...] = (np.copy, *MOVES)


def _halfway(rows: pd.Series, column: pd.Series) -> Floats:
    """Return the points halfway to the next larger value of the column."""
    values = rows.to_numpy(float, na_value=np.nan)
    known = np.unique(column.dropna().to_numpy(float))
    larger = np.searchsorted(known, values, side="right").clip(max=len(known) - 1)
    middle: Floats = values / 2 + known[larger] / 2
    return middle


def _edge_values(feature: Feature) -> list[Value | None]:
    values: list[Value | None] = [] if feature.required else [None]
    values += feature.categories
    if feature.kind == "boolean" and not feature.categories:
        values += [False, True]
    if feature.kind == "text":
        values += TEXTS
    if feature.unknown == "ignore":
        values += unknown_values(feature.categories)
    if feature.observed:
        low, high = feature.observed
        reach = FAR * ((high - low) or abs(high) or 1.0)
        values += [low, high, low + (high - low) / 3, low - reach, high + reach]
        values += [0] if low - reach < 0 < high + reach else []
    return values
