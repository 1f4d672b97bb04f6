"""What goes into the inner call and what comes out of it, with no bytes on either side."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from server.problems import Fault, NoPrediction, pointer
from server.signature import MISSING_TEXT, Feature, Value, is_text

Rows = Sequence[tuple[Any, ...]]
Column = Sequence[Any]
Form = Literal["row", "rows", "columns"]


class Batch(Struct, frozen=True, gc=False):
    """Checked rows of one request: values in signature order, None if missing."""

    rows: Sequence[tuple[Value | None, ...]]
    form: Form

    def predicted(self, values: Sequence[Any]) -> "Prediction":
        """Return the prediction, if each of its values is finite.

        Raises
        ------
        NoPrediction
        """
        if all(map(is_finite, values)):
            return Prediction(values)
        places = [place for place, one in enumerate(values) if not is_finite(one)]
        raise NoPrediction(
            f"Without a finite prediction: {len(places)} of {len(values)} rows.",
            [self.infinite(place) for place in places],
        )

    def infinite(self, place: int) -> Fault:
        """Return the fault of a row that has no finite prediction."""
        return Fault(self.pointer(place), f"Row {place + 1} has no finite prediction.")

    def pointer(self, position: int) -> str:
        """Return the pointer to a row; in columns a row has no place of its own."""
        if self.form == "row":
            return pointer()
        return pointer(position) if self.form == "rows" else pointer("columns")


class Prediction(Struct, frozen=True, gc=False):
    """What a model says of a batch.

    Parameters
    ----------
    values
        One a row: a number, a label, or an object of targets.
    included
        What was asked for beside them, by its name; one value a row, each to be read
        once.
    baseline
        Where contributions are included: what they are added to.
    """

    values: Sequence[Any]
    included: Mapping[str, Iterable[Any]] = {}
    baseline: float | None = None


class Columns:
    """Makes the columns that a graph reads.

    Parameters
    ----------
    features
        In signature order.
    """

    def __init__(self, features: Sequence[Feature]) -> None:
        self._n_features = len(features)
        self._marks = [
            (position, mark_of_missing(feature))
            for position, feature in enumerate(features)
            if not feature.required
        ]

    def of(self, rows: Rows) -> list[Column]:
        """Return one column a feature, with the graph's mark for missing values."""
        if not rows:
            return [[] for _ in range(self._n_features)]
        columns: list[Column] = list(zip(*rows, strict=True))
        for position, mark in self._marks:
            if None in columns[position]:
                columns[position] = [
                    mark if value is None else value for value in columns[position]
                ]
        return columns


def mark_of_missing(feature: Feature) -> Value:
    """Return what stands for a missing value in the graph."""
    return MISSING_TEXT if is_text(feature) else math.nan


def is_finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(is_finite, value.values()))
    return True
