"""Looks for what should be checked before anything is believed."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from convert.explore.association import association, measure
from convert.explore.columns import LARGEST, Variable, as_numbers
from convert.report import wording

LEAK = 0.98
"""Association with the target from which a feature is suspected to be the target."""

FENCES = 3.0
"""Quartile ranges beyond the quartiles: Tukey's "far out"."""

SENTINELS = (-9, -99, -999, -9999, 99, 999, 9999, 99999)
"""Numbers that stand for "missing" in many tables."""

MISSING_WORDS = {
    "", "-", "--", "?", ".", "n/a", "na", "nan", "null", "nil", "missing", "unknown",
    "not available", "#n/a", "undefined",
}  # fmt: skip

MAX_TEXTS = 10_000
"""Of free text, this many different ones are looked at."""

MAX_STRAYS = 0.2
"""Share of different texts up to which those that are no numbers are the surprise."""


@dataclass(frozen=True)
class Remark:
    """Something to check, and in which column."""

    column: str
    text: str


def remarks(columns: Sequence[Variable]) -> list[Remark]:
    """Return what is constant, near-unique or suspicious."""
    return [
        Remark(column.title, text) for column in columns for text in _suspicions(column)
    ]


def _suspicions(column: Variable) -> Iterator[str]:
    yield from _shape(column)
    if column.kind == "number":
        yield from _odd_numbers(column)
    elif column.kind in ("category", "text"):
        yield from _odd_texts(column.levels[:MAX_TEXTS])


def _shape(column: Variable) -> Iterator[str]:
    if column.n_infinite:
        values = wording.plural(column.n_infinite, "value")
        yield f"has {values} infinite or beyond {LARGEST:g}, counted as missing"
    if column.kind == "empty":
        yield "has no values"
    elif column.n_distinct == 1:
        yield "is constant: it cannot explain anything"
    elif column.is_near_unique:
        yield (
            f"is near-unique ({column.n_distinct:,} different values in "
            f"{wording.plural(column.n_present, 'row')}): it names rows, and is left "
            "out of the comparisons"
        )
    n_rows = len(column.present)
    if column.kind != "empty" and column.n_missing > n_rows / 2:
        yield f"is missing in {wording.percent(column.n_missing / n_rows)} of the rows"


def _odd_numbers(column: Variable) -> Iterator[str]:
    numbers = column.numbers[column.present]
    lower, upper = np.quantile(numbers, [0.25, 0.75])
    reach = FENCES * (upper - lower)
    far = (numbers < lower - reach) | (numbers > upper + reach)
    for sentinel in SENTINELS:
        n_rows = int((numbers[far] == sentinel).sum())
        if n_rows:
            yield (
                f"is {wording.number(sentinel)} in {wording.plural(n_rows, 'row')}, far "
                "from the rest: it may stand for a missing value"
            )
    n_far = int((far & ~np.isin(numbers, SENTINELS)).sum()) if reach > 0 else 0
    if n_far:
        low, high = wording.number(lower - reach), wording.number(upper + reach)
        yield (
            f"has {wording.plural(n_far, 'value')} far out (below {low} or above "
            f"{high}, three quartile ranges beyond the quartiles)"
        )


def _odd_texts(texts: tuple[str, ...]) -> Iterator[str]:
    words = [text for text in texts if text.strip().lower() in MISSING_WORDS]
    if words:
        named = wording.listing([wording.quote(word) for word in words])
        yield f"contains {named}, which may stand for a missing value"
    padded = sum(text != text.strip() for text in texts)
    if padded:
        yield f"has spaces around {wording.plural(padded, 'value')}"
    alike = [text for text, count in _spellings(texts).items() if count > 1]
    if alike:
        named = wording.listing([wording.quote(text) for text in alike], 4)
        yield f"spells {named} in more than one way (spaces or capitals)"
    yield from _stray_words(texts)


def _spellings(texts: tuple[str, ...]) -> Counter[str]:
    return Counter(" ".join(text.lower().split()) for text in texts)


def _stray_words(texts: tuple[str, ...]) -> Iterator[str]:
    strays = np.isnan(as_numbers(texts))
    if len(strays) > 2 and 0 < strays.mean() <= MAX_STRAYS:
        words = [texts[index] for index in np.flatnonzero(strays)]
        named = wording.listing([wording.quote(word) for word in words], 4)
        yield f"would be a number but for {named}; as it is, it is read as text"


def leaks(features: Sequence[Variable], target: Variable) -> list[Remark]:
    """Return the features that look as if they were made from the target."""
    found = []
    for feature in features:
        strength = association(feature, target)
        if abs(strength) >= LEAK:
            symbol = f"{measure(feature, target)} = {wording.correlation(strength)}"
            text = (
                f"all but repeats the target ({symbol}): check that it is known "
                "before the target is"
            )
            found.append(Remark(feature.title, text))
    return found
