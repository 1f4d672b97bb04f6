"""Folds a linear pipeline into one lookup a category and one slope a number.

Behind a linear regressor, a preprocessor that treats each column by itself
makes the prediction a sum of one effect a column. That it does is known of the class
of each step, or read from the code of somebody else's. The effects are not read
from imputers, scalers and encoders: the fitted preprocessor is run on rows that
differ in one value.

Sums are exact (`fractions`), and an effect is centred on its average over the
training rows before it is rounded. One-hot coefficients of 1e14, which cancel
to a score below 100, are found in deployed models; were they rounded first,
little of the score would be left.
"""

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from onnx import TensorProto, helper
from sklearn.pipeline import Pipeline

from convert.fitted.arithmetic import beside_arithmetic
from convert.fitted.asked import numbers_held
from convert.fitted.columnwise import is_columnwise, is_encoder, is_straight, own_class
from convert.fitted.features import unknown_values
from convert.fitted.flows import Flow, flows
from convert.fitted.frame import make_frame
from convert.fitted.linear import read_sum
from convert.fitted.missing import is_missing
from convert.fitted.oracle import Oracle
from convert.fitted.own import is_own
from convert.fitted.probe import REJECTIONS
from convert.fitted.structure import split
from convert.fitted.together import combinations, mixtures
from convert.graph.builder import Graph, Tensor
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


MAX_ROWS = 500
"""Of columns that act together, asked for at once."""

MAX_CATEGORIES = 5000
"""The preprocessor's answers for each are held at once: 200 MB for so many, one-hot."""


class _NotFoldable(Exception):
    """The prediction is not a sum of lookups and straight lines."""


def fold(
    oracle: Oracle, features: Sequence[Feature], frame: pd.DataFrame
) -> Folded | None:
    """Fold a fitted pipeline, or return None where it does not fold.

    Parameters
    ----------
    oracle
        Of a regressor behind at least one step.
    frame
        Training rows: they give dtypes, averages, and the points at which
        lines are checked to be straight.
    """
    if any(len(feature.categories) > MAX_CATEGORIES for feature in features):
        return None
    terms = []
    with warnings.catch_warnings(action="ignore"):
        try:
            groups = _check_steps(oracle, features)
            baseline, effects = _effects(oracle, features, frame, groups)
            for feature, effect in zip(features, effects, strict=True):
                term, average = _term(feature, effect, frame[feature.name])
                terms.append(term)
                baseline += average
        except _NotFoldable:
            return None
    return Folded(float(baseline), tuple(terms))


def add_folded(
    graph: Graph, folded: Folded, features: Sequence[Feature]
) -> tuple[Tensor, Tensor]:
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


def _check_steps(oracle: Oracle, features: Sequence[Feature]) -> list[Flow]:
    """Return the steps of somebody else that read several columns.

    Of all others it is known that they treat each column by itself, and make nothing
    but straight lines of numbers.

    Raises
    ------
    _NotFoldable
        If a step makes something else than lookups and straight lines, or the regressor
        reads a column itself that takes values beside the known ones.
    """
    by_name = {feature.name: feature for feature in features}
    steps, _ = split(oracle.pipeline)
    found, raw = flows(Pipeline(steps), list(by_name))
    for flow in found:
        is_known = is_own(flow.transformer) or own_class(flow.transformer)
        read = [by_name[name] for name in flow.reads]
        if not (_is_additive if is_known else _is_arithmetic)(flow, read):
            raise _NotFoldable
    if any(_has_strangers(by_name[name]) for name in raw):
        raise _NotFoldable
    return [
        flow
        for flow in found
        if len(flow.reads) > 1 and not is_columnwise(flow.transformer)
    ]


def _is_additive(flow: Flow, features: Sequence[Feature]) -> bool:
    """Tell whether one of scikit-learn's steps makes a sum of lookups and lines."""
    step = flow.transformer
    if len(features) > 1 and not is_columnwise(step):
        return False
    if any(not _known(feature) for feature in features) and not is_straight(step):
        return False
    strangers = [f for f in features if f.name in flow.raw and _has_strangers(f)]
    return is_encoder(step) or all(_fills_only(step, f) for f in strangers)


def _has_strangers(feature: Feature) -> bool:
    """Tell whether it takes values beside the known ones, and they are numbers or text.

    An encoder treats them all alike; another step need not.
    """
    return bool(feature.categories) and feature.unknown == "ignore"


def _fills_only(step: Any, feature: Feature) -> bool:
    """Tell whether a step leaves the values that a feature does not know as they are."""
    if own_class(step) != "SimpleImputer":
        return False
    return is_missing(step.missing_values) or step.missing_values in feature.categories


def _is_arithmetic(flow: Flow, features: Sequence[Feature]) -> bool:
    """Tell whether somebody's step reads no number, or does but sums and products."""
    if all(map(_known, features)):
        return True
    return beside_arithmetic(flow.transformer, flow.reads) is None


def _effects(
    oracle: Oracle,
    features: Sequence[Feature],
    frame: pd.DataFrame,
    groups: Sequence[Flow],
) -> tuple[Fraction, list[Effect]]:
    """Return what no feature changes, and the effect of each feature.

    Raises
    ------
    _NotFoldable
        If the regressor makes no sum of what it is given, or two features move one part
        of that, or one moves it differently beside other values.
    """
    found = read_sum(oracle, frame.head(MAX_POINTS))
    if found is None:
        raise _NotFoldable
    weights = found.weights
    typical = {feature.name: feature.typical for feature in features}
    other = {feature.name: _other(feature) for feature in features}
    held = numbers_held(oracle.pipeline, list(typical))
    is_free = np.full(len(weights), True)
    effects = []
    moves: dict[str, _Moves] = {}
    for feature in features:
        values = _domain(feature, frame[feature.name], held.get(feature.name, ()))
        answers = [
            _ask(oracle, frame, [{**base, feature.name: v} for v in values])
            for base in (typical, other)
        ]
        own = np.any([answer != answer[0] for answer in answers], axis=(0, 1))
        if not is_free[own].all() or (answers[0] != answers[1])[:, own].any():
            raise _NotFoldable
        is_free &= ~own
        moves[feature.name] = _Moves(dict(zip(values, answers[0], strict=True)), own)
        added = [_dot(row, weights[own]) for row in answers[0][:, own]]
        effects.append(dict(zip(values, added, strict=True)))
    (constant,) = _ask(oracle, frame, [typical])
    for flow in groups:
        chosen = [feature for feature in features if feature.name in flow.reads]
        _check_together(oracle, frame, typical, chosen, moves)
    constant_part = _dot(constant[is_free], weights[is_free])
    return Fraction(found.intercept) + constant_part, effects


class _Moves(NamedTuple):
    """What the regressor is given for each value of a feature, and what of it moves."""

    answers: dict[Value | None, Floats]
    own: npt.NDArray[np.bool_]


def _check_together(
    oracle: Oracle,
    frame: pd.DataFrame,
    typical: dict[str, Value | None],
    features: Sequence[Feature],
    moves: Mapping[str, _Moves],
) -> None:
    """Check that columns which somebody's step reads together act one by one.

    Every combination of categories is asked for; of numbers, of which the step only
    makes sums and products, some at random.

    Raises
    ------
    _NotFoldable
        If there are too many combinations to ask for, or the columns act together.
    """
    known = {f.name: [*moves[f.name].answers] for f in features if _known(f)}
    asked = combinations(known)
    if asked is None:
        raise _NotFoldable
    if len(known) < len(features):
        everything = {f.name: [*moves[f.name].answers] for f in features}
        asked = [*asked, *mixtures(everything)]
    (base,) = _ask(oracle, frame, [typical])
    for start in range(0, len(asked), MAX_ROWS):
        rows = [{**typical, **row} for row in asked[start : start + MAX_ROWS]]
        found = _ask(oracle, frame, rows)
        expected = np.tile(base, (len(rows), 1))
        for feature in features:
            move = moves[feature.name]
            values = [row[feature.name] for row in rows]
            answers = np.array([move.answers.get(value, base) for value in values])
            expected[:, move.own] = answers[:, move.own]
        if not np.allclose(found, expected, rtol=1e-12, atol=0, equal_nan=True):
            raise _NotFoldable


def _ask(
    oracle: Oracle, frame: pd.DataFrame, rows: Sequence[dict[str, Value | None]]
) -> Floats:
    """Return what the regressor is given for the rows, shape (n_rows, n_outputs).

    Raises
    ------
    _NotFoldable
        If a row is rejected, or what the regressor is given is not finite.
    """
    try:
        answers = oracle.transform(make_frame(rows, frame))
    except REJECTIONS:
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
    """Return the centred term, and the average that centring takes from it.

    Raises
    ------
    _NotFoldable
        If the feature is a text, or its effect is neither a lookup nor a straight line.
    """
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
    graph: Graph, column: Tensor, feature: Feature, term: Lookup | Slope
) -> Tensor:
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


def _add_slopes(
    graph: Graph, values: Tensor, terms: Iterable[Lookup | Slope]
) -> Tensor:
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
