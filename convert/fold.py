"""Folds a linear pipeline into one lookup a category and one slope a number.

Behind a linear regressor, a preprocessor that treats each column by itself
makes the prediction a sum of one effect a column. The effects are not read
from imputers, scalers and encoders: the fitted preprocessor is run on rows that
differ in one value, so that any preprocessor of that nature folds.

Sums are exact (`fractions`), and an effect is centred on its average over the
training rows before it is rounded. One-hot coefficients of 1e14, which cancel
to a score below 100, are found in deployed models; were they rounded first,
little of the score would be left.
"""

import math
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from onnx import TensorProto, helper
from sklearn.pipeline import Pipeline

from convert.asked import numbers_held
from convert.describe import transform, unknown_values
from convert.frame import make_frame
from convert.graph import Graph
from server.signature import MISSING_TEXT, Feature, Value, is_text

Floats = npt.NDArray[np.float64]
Effect = dict[Value | None, Fraction]
"""Value → what it adds to the prediction, not yet centred."""

FAR = 1e6
"""A slope is taken between two points this many ranges from the mean, so that the
rounding of what scikit-learn returns there is nothing beside their distance."""

MAX_POINTS = 200
"""Training values at which a line is checked to be straight."""


@dataclass(frozen=True)
class Lookup:
    """What each category adds; NaN where scikit-learn would raise."""

    contributions: dict[Value, float]
    missing: float
    unknown: float


@dataclass(frozen=True)
class Slope:
    """A number x adds (x − centre) · weight + offset, or `missing`.

    `offset` is zero unless `weight` is: without a slope no centre can shift it.
    """

    weight: float
    centre: float
    offset: float
    missing: float


@dataclass(frozen=True)
class Folded:
    """A linear model as a sum of one term a feature, in their order.

    Parameters
    ----------
    baseline
        Average prediction over the training rows, to which the terms add.
    """

    baseline: float
    terms: tuple[Lookup | Slope, ...]


MAX_CATEGORIES = 5000
"""The preprocessor's answers for each are held at once: 200 MB for so many, one-hot."""


class _NotFoldable(Exception):
    """The prediction is not a sum of lookups and straight lines."""


def fold(
    pipeline: Pipeline, features: Sequence[Feature], frame: pd.DataFrame
) -> Folded | None:
    """Fold a fitted pipeline, or return None where it does not fold.

    Parameters
    ----------
    frame
        Training rows: they give dtypes, averages, and the points at which
        lines are checked to be straight.
    """
    if any(len(feature.categories) > MAX_CATEGORIES for feature in features):
        return None
    terms = []
    with warnings.catch_warnings(action="ignore"):
        try:
            baseline, effects = _effects(pipeline, features, frame)
            for feature, effect in zip(features, effects, strict=True):
                term, average = _term(feature, effect, frame[feature.name])
                terms.append(term)
                baseline += average
        except _NotFoldable:
            return None
    return Folded(float(baseline), tuple(terms))


def add_folded(
    graph: Graph, folded: Folded, features: Sequence[Feature]
) -> tuple[str, str]:
    """Add inputs and arithmetic; return the tensors of prediction and contributions.

    The prediction is the sum of the contributions, so that the second output
    costs no node. A row pays for nodes: all numbers share one of each kind.
    """
    # all inputs before the first node, whose name then gives way to theirs
    inputs = [graph.input(feature.input, _dtype(feature)) for feature in features]
    columns = [
        _add_column(graph, column, feature, term)
        for column, feature, term in zip(inputs, features, folded.terms, strict=True)
    ]
    values = graph.add("Concat", *columns, axis=1)
    contributions = _add_slopes(graph, values, folded.terms)
    ones = graph.constant(np.ones((len(features), 1)))
    baseline = graph.constant([folded.baseline], float)
    return graph.add("Gemm", contributions, ones, baseline), contributions


def _effects(
    pipeline: Pipeline, features: Sequence[Feature], frame: pd.DataFrame
) -> tuple[Fraction, list[Effect]]:
    """Return what no feature changes, and the effect of each feature."""
    weights, intercept = _linear(pipeline, frame)
    typical = {feature.name: feature.typical for feature in features}
    other = {feature.name: _other(feature) for feature in features}
    held = numbers_held(pipeline, list(typical))
    is_free = np.full(len(weights), True)
    effects = []
    for feature in features:
        values = _domain(feature, frame[feature.name], held.get(feature.name, ()))
        answers = [
            _ask(pipeline, frame, [{**base, feature.name: v} for v in values])
            for base in (typical, other)
        ]
        own = np.any([answer != answer[0] for answer in answers], axis=(0, 1))
        if not is_free[own].all() or (answers[0] != answers[1])[:, own].any():
            raise _NotFoldable
        is_free &= ~own
        added = [_dot(row, weights[own]) for row in answers[0][:, own]]
        effects.append(dict(zip(values, added, strict=True)))
    (constant,) = _ask(pipeline, frame, [typical])
    return intercept + _dot(constant[is_free], weights[is_free]), effects


def _linear(pipeline: Pipeline, frame: pd.DataFrame) -> tuple[Floats, Fraction]:
    """Return coefficients and intercept, if that is all the regressor computes."""
    regressor = pipeline[-1]
    weights = np.ravel(getattr(regressor, "coef_", ()))
    intercept = np.ravel(getattr(regressor, "intercept_", ()))
    X = transform(pipeline, frame.head(MAX_POINTS))
    if weights.shape != X.shape[1:] or intercept.shape != (1,):
        raise _NotFoldable
    differences = np.ravel(regressor.predict(X)) - (X @ weights + intercept)
    sizes = np.abs(X) @ np.abs(weights) + np.abs(intercept)
    if not (np.abs(differences) <= 1e-9 * sizes).all():
        raise _NotFoldable
    return weights, Fraction(float(intercept[0]))


def _ask(
    pipeline: Pipeline, frame: pd.DataFrame, rows: Sequence[dict[str, Value | None]]
) -> Floats:
    """Return what the regressor is given for the rows, shape (n_rows, n_outputs)."""
    try:
        answers = transform(pipeline, make_frame(rows, frame))
    except (ValueError, TypeError):
        raise _NotFoldable from None
    if not np.isfinite(answers).all():
        raise _NotFoldable
    return answers


def _dot(row: Floats, weights: Floats) -> Fraction:
    """Return the scalar product without any rounding."""
    products = (
        Fraction(float(row[i])) * Fraction(float(weights[i]))
        for i in np.flatnonzero(row)  # most of a one-hot row is zero
    )
    return sum(products, Fraction(0))


def _known(feature: Feature) -> tuple[Value, ...]:
    return feature.categories or ((False, True) if feature.kind == "boolean" else ())


def _other(feature: Feature) -> Value | None:
    """Return a valid value that is not the typical one, if there is any."""
    values = (*_known(feature), *(feature.observed or ()))
    others = [value for value in values if value != feature.typical]
    return others[-1] if others else feature.typical


def _domain(
    feature: Feature, column: pd.Series, held: Sequence[float]
) -> list[Value | None]:
    """Return the values that scikit-learn is asked about.

    Parameters
    ----------
    held
        Numbers of which a step that is not scikit-learn's may make an exception.
    """
    values: list[Value | None] = [] if feature.required else [None]
    known = _known(feature)
    if known:
        ignored = unknown_values(known) if feature.unknown == "ignore" else ()
        return [*known, *ignored, *values]
    points = np.unique(column.dropna().to_numpy(float))
    picked = np.linspace(0, len(points) - 1, min(len(points), MAX_POINTS)).astype(int)
    return [*_anchors(column), *points[picked].tolist(), *held, *values]


def _anchors(column: pd.Series) -> tuple[float, float, float]:
    """Return the mean, and a point far below and one far above it."""
    mean = math.fsum(column.dropna()) / int(column.count())
    reach = FAR * (float(column.max() - column.min()) or abs(mean) or 1.0)
    return mean, mean - reach, mean + reach


def _term(
    feature: Feature, effect: Effect, column: pd.Series
) -> tuple[Lookup | Slope, Fraction]:
    """Return the centred term, and the average that centring takes from it."""
    if feature.kind == "text":
        raise _NotFoldable
    known = _known(feature)
    return _lookup(known, effect, column) if known else _slope(effect, column)


def _lookup(
    known: tuple[Value, ...], effect: Effect, column: pd.Series
) -> tuple[Lookup, Fraction]:
    unknown = {effect[value] for value in unknown_values(known) if value in effect}
    if len(unknown) > 1:
        raise _NotFoldable
    otherwise = next(iter(unknown), Fraction(0))
    total = int(column.isna().sum()) * effect.get(None, Fraction(0))
    for value, n_rows in column.value_counts().to_dict().items():
        total += n_rows * effect.get(cast(Value, value), otherwise)
    average = total / len(column)
    lookup = Lookup(
        {value: float(effect[value] - average) for value in known},
        missing=_centred(effect, average),
        unknown=float(otherwise - average) if unknown else math.nan,
    )
    return lookup, average


def _slope(effect: Effect, column: pd.Series) -> tuple[Slope, Fraction]:
    mean, low, high = _anchors(column)
    weight = (effect[high] - effect[low]) / (Fraction(high) - Fraction(low))
    share_missing = Fraction(int(column.isna().sum()), len(column))
    average = effect[mean]
    if share_missing:
        average += share_missing * (effect[None] - effect[mean])
    centre = mean
    if weight:
        # a centre is a float64: what rounding it changes goes to the baseline
        centre = float(Fraction(mean) + (average - effect[mean]) / weight)
        average = effect[mean] + weight * (Fraction(centre) - Fraction(mean))
    slope = Slope(
        float(weight),
        centre,
        offset=0.0 if weight else float(effect[mean] - average),
        missing=_centred(effect, average),
    )
    _check_straight(slope, effect, average)
    return slope, average


def _centred(effect: Effect, average: Fraction) -> float:
    """Return what a missing value adds; NaN where scikit-learn raises."""
    return float(effect[None] - average) if None in effect else math.nan


def _check_straight(slope: Slope, effect: Effect, average: Fraction) -> None:
    for value, added in effect.items():
        if value is not None:
            expected = (float(value) - slope.centre) * slope.weight + slope.offset
            size = abs(added) + abs(average) + abs(Fraction(expected))
            if abs(added - average - Fraction(expected)) > size / 10**12:
                raise _NotFoldable


def _dtype(feature: Feature) -> int:
    return TensorProto.STRING if is_text(feature) else TensorProto.DOUBLE


def _add_column(
    graph: Graph, column: str, feature: Feature, term: Lookup | Slope
) -> str:
    if isinstance(term, Slope):
        return column
    dtype = _dtype(feature)
    keys: list[Any] = [*term.contributions, math.nan]
    if is_text(feature):
        keys = [str(key).encode() for key in (*term.contributions, MISSING_TEXT)]
    added = [*term.contributions.values(), term.missing]
    return graph.add(
        "LabelEncoder",
        column,
        domain="ai.onnx.ml",
        keys_tensor=helper.make_tensor("keys", dtype, [len(keys)], keys),
        values_tensor=_doubles("values", added),
        default_tensor=_doubles("default", [term.unknown]),
    )


def _add_slopes(graph: Graph, values: str, terms: Iterable[Lookup | Slope]) -> str:
    """Put numbers on their slopes, and leave what was looked up as it is."""
    looked_up = Slope(1.0, 0.0, 0.0, math.nan)
    slopes = [term if isinstance(term, Slope) else looked_up for term in terms]
    if all(slope is looked_up for slope in slopes):
        return values
    centres = graph.constant([[slope.centre for slope in slopes]], float)
    weights = graph.constant([[slope.weight for slope in slopes]], float)
    added = graph.add("Mul", graph.add("Sub", values, centres), weights)
    if any(slope.offset for slope in slopes):
        offsets = graph.constant([[slope.offset for slope in slopes]], float)
        added = graph.add("Add", added, offsets)
    if all(math.isnan(slope.missing) for slope in slopes):
        return added
    missing = graph.constant([[slope.missing for slope in slopes]], float)
    return graph.add("Where", graph.add("IsNaN", values), missing, added)


def _doubles(name: str, values: list[float]) -> TensorProto:
    return helper.make_tensor(name, TensorProto.DOUBLE, [len(values)], values)
