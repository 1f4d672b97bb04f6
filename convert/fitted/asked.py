"""Finds out which values an encoder or a function of somebody else was made for.

It is asked for the values of the sample, and for every text or number that it holds
itself. Those are the categories of the column; what nobody asked it for is refused.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.pipeline import Pipeline

from convert.errors import Unsupported
from convert.fitted.columns import open_columns, own_categories
from convert.fitted.domains import UNKNOWN_NUMBERS, UNKNOWN_TEXTS
from convert.fitted.oracle import Oracle
from convert.fitted.own import name_of
from convert.fitted.plain import plain
from convert.fitted.probe import NotNumbers, Probe
from convert.fitted.special import special_numbers
from convert.fitted.state import MAGNITUDES, MAX_HELD, numbers_near, values_in
from convert.fitted.structure import members_of, split
from server.signature import MISSING_TEXT, Feature, Value, is_boolean, is_text

Floats = npt.NDArray[np.float64]

MAX_ASKED = 10_000
"""Values of one column: each is a category of the file and two rows of the proof."""

MAX_ROWS = 500
"""That are asked for at once: one-hot, 40 MB for each 10,000 outputs."""


def asked_values(oracle: Oracle, frame: pd.DataFrame) -> dict[str, tuple[Value, ...]]:
    """Return the categories of the columns that reach what is not scikit-learn's.

    There are none for numbers that it does not look up, but computes with.

    Raises
    ------
    Refusal
        A column has too many values to be asked for one by one.
    """
    opened = open_columns(oracle.pipeline, [str(name) for name in frame])
    if not opened:
        return {}
    asking = _Asking(oracle, frame, list(opened.values()))
    return {name: asking.values(name, name_of(step)) for name, step in opened.items()}


def held_values(
    pipeline: Any, features: Sequence[Feature]
) -> dict[str, tuple[Value, ...]]:
    """Return what the pipeline holds and a column's feature takes for something else.

    A text that is no category counts as unknown, a number lies on a line: each of
    these may be what the pipeline itself makes an exception of.
    """
    opened = open_columns(pipeline, [feature.name for feature in features])
    held = values_in(*_preprocessing(pipeline))
    special = _special(pipeline, [feature.name for feature in features])
    found = {}
    for feature in features:
        values: Sequence[Value] = ()
        singled: Sequence[Value] = ()
        if feature.categories and feature.unknown == "ignore":
            values = [v for v in held if _is_of_kind(v, feature)]
        elif feature.observed and feature.name in opened:
            values = numbers_near(held)
        if feature.observed:
            singled = _spread(special[feature.name])
        others = [v for v in values if v not in feature.categories and _is_sayable(v)]
        found[feature.name] = tuple(dict.fromkeys([*singled, *_spread(others)]))
    return found


def _special(pipeline: Any, names: list[str]) -> dict[str, list[float]]:
    """Return what each part of a pipeline that steps stand in singles out."""
    found: dict[str, list[float]] = {name: [] for name in names}
    steps, estimator = split(pipeline)
    for name, numbers in (
        special_numbers(Pipeline(steps), names).items() if steps else ()
    ):
        found[name] += numbers
    inner = [estimator.regressor_] if hasattr(estimator, "regressor_") else []
    for each in [*inner, *members_of(estimator)]:
        for name, numbers in _special(each, names).items():
            found[name] += numbers
    return found


def _spread(values: Sequence[Value]) -> Sequence[Value]:
    return values[:: len(values) // MAX_HELD + 1]


def _is_of_kind(value: Value, feature: Feature) -> bool:
    """Tell whether a row may hold the value for a feature with categories."""
    if is_boolean(feature):
        return isinstance(value, bool)
    return isinstance(value, str) == is_text(feature) and not isinstance(value, bool)


def numbers_held(pipeline: Any, names: Sequence[str]) -> Mapping[str, list[float]]:
    """Return, for each column of a step that is not scikit-learn's, numbers to ask for.

    They are those that the pipeline holds, what lies beside them, and magnitudes.
    """
    opened = open_columns(pipeline, list(names))
    if not opened:
        return {}
    numbers = numbers_near(values_in(*_preprocessing(pipeline)))
    return {name: [*numbers, 0.0, 0.5, *MAGNITUDES] for name in opened}


class _Asking:
    """A pipeline to ask, and one row of the sample to be varied."""

    def __init__(
        self, oracle: Oracle, frame: pd.DataFrame, foreign: Sequence[Any]
    ) -> None:
        self._frame = frame
        self._held = values_in(*_preprocessing(oracle.pipeline))
        self._learned = values_in(*foreign, code=False)
        self._probe = Probe(_Inputs(oracle), frame.head(1))
        try:
            self._probe.answers([{}])
        except NotNumbers:
            self._probe = Probe(_Predictions(oracle), frame.head(1))

    def values(self, name: str, step: str) -> tuple[Value, ...]:
        column = self._frame[name]
        if pd.api.types.is_bool_dtype(column):
            return (False, True)
        if isinstance(column.dtype, pd.CategoricalDtype):
            return own_categories(column)
        if pd.api.types.is_numeric_dtype(column):
            return self._numbers(name, step)
        seen = own_categories(column)
        if all(isinstance(value, bool) for value in seen):
            return (False, True)
        self._check_number(name, step, len(seen))
        return tuple(sorted([*seen, *self._texts(name, set(seen))], key=str))

    def _texts(self, name: str, seen: set[Value]) -> list[Value]:
        """Return the texts beyond the sample that are told from unknown ones."""
        probes = self._answers(name, [t for t in UNKNOWN_TEXTS if t not in self._held])
        # what looks into a text answers every word of its code in its own way
        is_lookup = all(_same(answer, probes[0]) for answer in probes)
        held = self._held if is_lookup else self._learned
        texts = [v for v in held if isinstance(v, str) and _is_sayable(v)]
        others = [v for v in texts if v not in seen and v not in self._frame.columns]
        return self._apart(name, others[:MAX_ASKED], probes)

    def _numbers(self, name: str, step: str) -> tuple[Value, ...]:
        """Return the numbers that are looked up: all others have one answer."""
        probes = self._answers(name, UNKNOWN_NUMBERS)
        if not all(_same(answer, probes[0]) for answer in probes):
            return ()
        seen = list(map(plain, np.unique(self._frame[name].dropna())))
        numbers = {v for v in self._held if not isinstance(v, str | bool)}
        others = sorted(numbers - set(seen))[:MAX_ASKED]
        known = self._apart(name, others, probes)
        picked = seen[:: len(seen) // MAX_ASKED + 1]
        if not known and not self._apart(name, picked, probes):
            return ()
        self._check_number(name, step, len(seen))
        return tuple(sorted([*seen, *known]))

    def _apart(
        self, name: str, values: Sequence[Value], probes: Sequence[Floats | None]
    ) -> list[Value]:
        """Return the values that are answered as none of the probes is."""
        answers = self._answers(name, values)
        return [
            value
            for value, answer in zip(values, answers, strict=True)
            if answer is not None and not any(_same(answer, p) for p in probes)
        ]

    def _answers(self, name: str, values: Sequence[Value]) -> list[Floats | None]:
        position = list(self._frame).index(name)
        changes = [{position: value} for value in values]
        return [
            answer
            for start in range(0, len(changes), MAX_ROWS)
            for answer in self._probe.answers(changes[start : start + MAX_ROWS])
        ]

    def _check_number(self, name: str, step: str, n_values: int) -> None:
        if n_values > MAX_ASKED:
            raise Unsupported(
                f"column {name!r} has {n_values:,} values and goes through {step}, which "
                f"is not scikit-learn's: a model answers only for values that it was "
                f"asked for, at most {MAX_ASKED:,}; compute the column before the "
                f"pipeline, or use an encoder of scikit-learn"
            )


class _Inputs:
    """What the estimator of a pipeline is given."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._steps, estimator = split(oracle.pipeline)
        if not self._steps or members_of(estimator) or hasattr(estimator, "regressor_"):
            self._steps = []

    def transform(self, frame: pd.DataFrame) -> Any:
        if not self._steps:
            raise NotNumbers("the estimator holds the preprocessing")
        return Pipeline(self._steps).transform(self._oracle.as_fitted(frame))


class _Predictions:
    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle

    def transform(self, frame: pd.DataFrame) -> Floats:
        answers = self._oracle.answer(frame)
        shares = answers.probabilities
        return answers.values if shares is None else shares


def _preprocessing(pipeline: Any) -> Iterator[Any]:
    """Yield every step before an estimator, those of an ensemble's members too."""
    steps, estimator = split(pipeline)
    yield from (step for _, step in steps)
    if hasattr(estimator, "regressor_"):
        yield from _preprocessing(estimator.regressor_)
    for member in members_of(estimator):
        yield from _preprocessing(member)


def _same(left: Floats | None, right: Floats | None) -> bool:
    if left is None or right is None:
        return left is right
    return np.array_equal(left, right, equal_nan=True)


def _is_sayable(value: Value) -> bool:
    return not isinstance(value, str) or MISSING_TEXT not in value
