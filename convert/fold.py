"""Folds a linear pipeline into one lookup per category and one slope per number.

Behind a linear regressor, a preprocessor that treats each column by itself
makes the prediction a sum of one function per column. The functions are not
read from imputers, scalers and encoders: the fitted preprocessor is run on
rows that differ in one value, so that any preprocessor of that nature folds.

Sums are exact (`fractions`), and each function is centred on its average over
the training rows before it is rounded. A deployed one-hot model has
coefficients of 1e14, which cancel to scores below 100; rounded first, nothing
of the score is left.
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from onnx import TensorProto, helper
from sklearn.pipeline import Pipeline

from convert.describe import dense, unknown_values
from convert.frame import is_text, make_frame
from convert.graph import Graph
from server.signature import MISSING_TEXT, Feature, Value

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

FAR = 1e6
"""A slope is measured between two points this many ranges away, which makes its
rounding error as small as that of one number."""

MAX_POINTS = 200
"""Training values at which a line is checked to be straight."""


@dataclass(frozen=True)
class Lookup:
    """What each value of a category adds; NaN where scikit-learn raises."""

    contributions: dict[Value, float]
    missing: float
    unknown: float


@dataclass(frozen=True)
class Slope:
    """A number adds (x − centre) · weight + offset; NaN where a missing one raises.

    `offset` is zero unless `weight` is: without a weight no centre can shift.
    """

    weight: float
    centre: float
    offset: float
    missing: float


@dataclass(frozen=True)
class Folded:
    """One term a feature, in the order of the features.

    Parameters
    ----------
    baseline
        Average prediction over the training rows, to which the terms add.
    """

    baseline: float
    terms: tuple[Lookup | Slope, ...]


@dataclass(frozen=True)
class _Answers:
    """What the preprocessor made of the values of one feature.

    Parameters
    ----------
    moved
        Which outputs depend on the feature, shape (n_outputs,).
    outputs
        Those outputs only, shape (n_values, n_moved).
    """

    values: list[Value | None]
    moved: Mask
    outputs: Floats


def fold(
    pipeline: Pipeline, features: Sequence[Feature], frame: pd.DataFrame
) -> Folded | None:
    """Fold a fitted pipeline; None where a feature's effect is no table or line.

    Parameters
    ----------
    frame
        Training rows: they give the dtypes, the averages and the points at
        which lines are checked to be straight.
    """
    with warnings.catch_warnings(action="ignore"):
        weights = _linear_weights(pipeline, frame)
        if weights is None:
            return None
        answers = [_ask(pipeline, feature, features, frame) for feature in features]
        typical = {feature.name: feature.typical for feature in features}
        outputs = _transform(pipeline, make_frame([typical], frame))[0]
    asked = [answer for answer in answers if answer is not None]
    owners = sum((answer.moved.astype(int) for answer in asked), np.zeros(len(weights)))
    if len(asked) < len(features) or (owners > 1).any():
        return None
    baseline = Fraction(float(pipeline[-1].intercept_))
    baseline += _dot(outputs[owners == 0], weights[owners == 0])
    terms = []
    for feature, answer in zip(features, asked, strict=True):
        added = [_dot(row, weights[answer.moved]) for row in answer.outputs]
        effect = dict(zip(answer.values, added, strict=True))
        term, average = _term(feature, effect, frame[feature.name])
        if term is None:
            return None
        terms.append(term)
        baseline += average
    return Folded(float(baseline), tuple(terms))


def add_folded(
    graph: Graph, folded: Folded, features: Sequence[Feature]
) -> tuple[str, str]:
    """Add the inputs and the arithmetic; return `prediction` and `contributions`.

    The prediction is the sum of the contributions, so the second output costs
    no node. Nodes are what one row pays for: numbers share one of each kind.
    """
    columns = [
        _add_column(graph, feature, term)
        for feature, term in zip(features, folded.terms, strict=True)
    ]
    values = graph.add("Concat", *columns, axis=1)
    contributions = _add_slopes(graph, values, folded.terms)
    ones = graph.constant(np.ones((len(features), 1)))
    baseline = graph.constant([folded.baseline], float)
    return graph.add("Gemm", contributions, ones, baseline), contributions


def _add_column(graph: Graph, feature: Feature, term: Lookup | Slope) -> str:
    dtype = TensorProto.STRING if is_text(feature) else TensorProto.DOUBLE
    column = graph.input(feature.input, dtype)
    if isinstance(term, Slope):
        return column
    keys: list[Any] = [
        *term.contributions,
        MISSING_TEXT if is_text(feature) else math.nan,
    ]
    if is_text(feature):
        keys = [key.encode() for key in keys]
    added = [*term.contributions.values(), term.missing]
    return graph.add(
        "LabelEncoder",
        column,
        domain="ai.onnx.ml",
        keys_tensor=helper.make_tensor("keys", dtype, [len(keys)], keys),
        values_tensor=_doubles("values", added),
        default_tensor=_doubles("default", [term.unknown]),
    )


def _doubles(name: str, values: list[float]) -> TensorProto:
    return helper.make_tensor(name, TensorProto.DOUBLE, [len(values)], values)


def _add_slopes(graph: Graph, values: str, terms: Sequence[Lookup | Slope]) -> str:
    """Add (x − centre) · weight + offset; what is already looked up stays as it is."""
    slopes = [
        term if isinstance(term, Slope) else Slope(1.0, 0.0, 0.0, math.nan)
        for term in terms
    ]
    if not any(isinstance(term, Slope) for term in terms):
        return values
    centres = graph.constant([[slope.centre for slope in slopes]], float)
    weights = graph.constant([[slope.weight for slope in slopes]], float)
    offsets = [slope.offset for slope in slopes]
    missing = [slope.missing for slope in slopes]
    added = graph.add("Mul", graph.add("Sub", values, centres), weights)
    if any(offsets):
        added = graph.add("Add", added, graph.constant([offsets], float))
    if all(math.isnan(value) for value in missing):
        return added
    is_missing = graph.add("IsNaN", values)
    return graph.add("Where", is_missing, graph.constant([missing], float), added)


def _linear_weights(pipeline: Pipeline, frame: pd.DataFrame) -> Floats | None:
    """Return the coefficients, if the regressor computes X @ coef_ + intercept_."""
    regressor = pipeline[-1]
    weights = np.asarray(getattr(regressor, "coef_", None), dtype=object)
    intercept = np.asarray(getattr(regressor, "intercept_", None), dtype=object)
    if len(pipeline) < 2 or weights.ndim != 1 or intercept.ndim != 0:
        return None
    X = _transform(pipeline, frame.head(100))
    weights = weights.astype(float)
    expected = X @ weights + float(intercept)
    size = np.abs(X) @ np.abs(weights) + abs(float(intercept))
    is_linear = np.abs(regressor.predict(X) - expected) <= 1e-9 * size
    return weights if is_linear.all() else None


def _transform(pipeline: Pipeline, frame: pd.DataFrame) -> Floats:
    return dense(pipeline[:-1].transform(frame))


def _ask(
    pipeline: Pipeline,
    feature: Feature,
    features: Sequence[Feature],
    frame: pd.DataFrame,
) -> _Answers | None:
    """Run the preprocessor on the feature's values, the others held fixed twice."""
    values = _values(feature, frame[feature.name])
    answers = []
    for base in (
        {other.name: other.typical for other in features},
        {other.name: _another(other) for other in features},
    ):
        rows = [{**base, feature.name: value} for value in values]
        try:
            answers.append(_transform(pipeline, make_frame(rows, frame)))
        except (ValueError, TypeError):
            return None
    first, second = answers
    moved = ((first != first[0]) | (second != second[0])).any(axis=0)
    if not np.isfinite(first).all() or (first != second)[:, moved].any():
        return None
    return _Answers(values, moved, first[:, moved])


def _another(feature: Feature) -> Value | None:
    """Return a valid value that is not the typical one, where there is one."""
    others = [value for value in feature.categories if value != feature.typical]
    if feature.observed is not None:
        others = [value for value in feature.observed if value != feature.typical]
    return others[-1] if others else feature.typical


def _values(feature: Feature, column: pd.Series) -> list[Value | None]:
    missing = [] if feature.required else [None]
    if feature.categories:
        unknown = unknown_values(feature.categories)
        return [
            *feature.categories,
            *missing,
            *(unknown if feature.unknown == "ignore" else ()),
        ]
    points = np.unique(column.dropna().to_numpy(float))
    picked = np.linspace(0, len(points) - 1, min(len(points), MAX_POINTS)).astype(int)
    return [*_ends(column), *points[picked].tolist(), *missing]


def _ends(column: pd.Series) -> tuple[float, float, float]:
    """Return the mean, and two points far below and above it."""
    mean = math.fsum(column.dropna()) / int(column.count())
    reach = FAR * (float(column.max() - column.min()) or abs(mean) or 1.0)
    return mean, mean - reach, mean + reach


def _dot(row: Floats, weights: Floats) -> Fraction:
    """Return the scalar product without any rounding."""
    products = (
        Fraction(float(value)) * Fraction(float(weight))
        for value, weight in zip(row, weights, strict=True)
        if value
    )
    return sum(products, Fraction(0))


Effect = dict[Value | None, Fraction]
"""Value → what it adds to the prediction, exact and not yet centred."""


def _term(
    feature: Feature, effect: Effect, column: pd.Series
) -> tuple[Lookup | Slope | None, Fraction]:
    """Return the centred term, and what centring it moved to the baseline."""
    if feature.categories:
        return _lookup(feature, effect, column)
    return _slope(effect, column)


def _lookup(
    feature: Feature, effect: Effect, column: pd.Series
) -> tuple[Lookup | None, Fraction]:
    unknown = {effect[v] for v in unknown_values(feature.categories) if v in effect}
    if len(unknown) > 1:
        return None, Fraction(0)
    otherwise = next(iter(unknown), Fraction(0))
    total = int(column.isna().sum()) * effect.get(None, Fraction(0))
    for value, n_rows in column.value_counts().to_dict().items():
        total += n_rows * effect.get(cast(Value, value), otherwise)
    average = total / len(column)
    return (
        Lookup(
            {value: float(effect[value] - average) for value in feature.categories},
            float(effect[None] - average) if None in effect else math.nan,
            float(otherwise - average) if unknown else math.nan,
        ),
        average,
    )


def _slope(effect: Effect, column: pd.Series) -> tuple[Slope | None, Fraction]:
    mean, low, high = _ends(column)
    weight = (effect[high] - effect[low]) / (Fraction(high) - Fraction(low))
    n_missing = int(column.isna().sum())
    average = effect[mean]
    if n_missing:
        average += Fraction(n_missing, len(column)) * (effect[None] - effect[mean])
    centre = mean
    if weight:
        # the rounded centre decides where the term is zero; the rest of the
        # average, less than a unit in the last place of x, goes to the baseline
        centre = float(Fraction(mean) + (average - effect[mean]) / weight)
        average = effect[mean] + weight * (Fraction(centre) - Fraction(mean))
    slope = Slope(
        float(weight),
        centre,
        0.0 if weight else float(effect[mean] - average),
        float(effect[None] - average) if None in effect else math.nan,
    )
    return (slope if _is_straight(slope, effect, average) else None), average


def _is_straight(slope: Slope, effect: Effect, average: Fraction) -> bool:
    for value, added in effect.items():
        if value is None:
            continue
        expected = (float(value) - slope.centre) * slope.weight + slope.offset
        size = abs(added) + abs(average) + abs(expected)
        if abs(added - average - Fraction(expected)) > 1e-12 * float(size):
            return False
    return True
