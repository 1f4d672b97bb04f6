"""Turns predictions into the bytes of an answer.

The singular form answers one object, the plural one a list or columns:
``{"prediction": …}`` and ``{"predictions": […]}``. What `?include=` adds follows
the same rule.
"""

import math
import operator
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from server.model import Model
from server.problems import Fault, InvalidQuery, NoPrediction, pointer
from server.rows import Batch, Form
from server.runtime import Tensor
from server.signature import Feature, Signature, Target, show

INCLUDES = ("contributions", "interval", "probabilities", "warnings")


def plain(form: Form, predictions: Sequence[Any]) -> bytes:
    """Return the answer that nothing was added to."""
    require_finite(form, predictions)
    return msgspec.json.encode(_main(form, predictions))


def require_finite(form: Form, predictions: Sequence[Any]) -> None:
    """Raise `NoPrediction` for rows whose answer overflowed."""
    if all(map(_is_finite, predictions)):
        return
    faults = [
        Fault(_place(form, position), f"Row {position + 1} has no finite prediction.")
        for position, prediction in enumerate(predictions)
        if not _is_finite(prediction)
    ]
    detail = f"Without a finite prediction: {len(faults)} of {len(predictions)} rows."
    raise NoPrediction(detail, faults)


def parse_includes(model: Model, query: str) -> tuple[str, ...]:
    """Return the names in a comma-separated `?include=`.

    Raises
    ------
    InvalidQuery
        The model has nothing of that name.
    """
    wanted = tuple(filter(None, query.split(",")))
    offered = available_includes(model)
    unknown = [name for name in wanted if name not in offered]
    if unknown:
        raise InvalidQuery(f"{unknown[0]!r} is not one of: {', '.join(offered)}.")
    return wanted


def available_includes(model: Model) -> tuple[str, ...]:
    """Return what this model can add to a prediction."""
    targets = model.signature.targets
    there = {
        "contributions": "contributions" in model.output_names,
        "interval": all(
            target.kind == "regression" and target.interval is not None
            for target in targets
        ),
        "probabilities": "probabilities" in model.output_names,
        "warnings": True,
    }
    return tuple(name for name in INCLUDES if there[name])


def extra_outputs(includes: Sequence[str]) -> tuple[str, ...]:
    """Return the graph's outputs that `includes` need beyond the main ones."""
    return ("contributions",) if "contributions" in includes else ()


def with_includes(
    model: Model, batch: Batch, includes: Sequence[str], tensors: Sequence[Tensor]
) -> bytes:
    """Return the answer with what was asked for beside the predictions."""
    predictions = model.predictions(tensors)
    require_finite(batch.form, predictions)
    document = _main(batch.form, predictions)
    for include in includes:
        values = _included(include, model, batch, tensors, predictions)
        plural = include if include.endswith("s") else f"{include}s"
        one = batch.form == "row"
        document |= {include: values[0]} if one else {plural: values}
    if "contributions" in includes:
        document["baseline"] = model.signature.targets[0].baseline
    return msgspec.json.encode(document)


def warnings(
    signature: Signature, row: Sequence[Any], prediction: Any
) -> list[dict[str, str]]:
    """Return what a person should know before believing the prediction of `row`.

    Each has the name of a `target` or of a `feature`, and a `detail`.
    """
    found = []
    for target in signature.targets:
        several = isinstance(prediction, dict)
        value = prediction[target.name] if several else prediction
        detail = _target_warning(target, value, _model_error(signature, target))
        if detail:
            found.append({"target": target.name, "detail": detail})
    for feature, value in zip(signature.features, row, strict=True):
        detail = _warning(feature, value)
        if detail:
            found.append({"feature": feature.name, "detail": detail})
    return found


def _place(form: Form, position: int) -> str:
    """Return the pointer to a row; in columns a row has no place of its own."""
    return {"row": pointer(), "rows": pointer(position), "columns": pointer("columns")}[
        form
    ]


def _main(form: Form, predictions: Sequence[Any]) -> dict[str, Any]:
    if form == "row":
        return {"prediction": predictions[0]}
    return {"predictions": predictions}


def _is_finite(prediction: Any) -> bool:
    if isinstance(prediction, float):
        return math.isfinite(prediction)
    if isinstance(prediction, dict):
        return all(map(_is_finite, prediction.values()))
    return True


def _included(
    include: str,
    model: Model,
    batch: Batch,
    tensors: Sequence[Tensor],
    predictions: Sequence[Any],
) -> list[Any]:
    signature = model.signature
    if include == "contributions":
        names = [feature.name for feature in signature.features]
        return list(_objects(names, tensors[-1].values))
    if include == "probabilities":
        classes = signature.targets[0].classes
        labels = [each if isinstance(each, str) else show(each) for each in classes]
        return list(_objects(labels, tensors[1].values))
    if include == "interval":
        return [_intervals(signature.targets, one) for one in predictions]
    return [
        warnings(signature, row, one)
        for row, one in zip(batch.rows, predictions, strict=True)
    ]


def _objects(names: Sequence[str], values: Sequence[Any]) -> Iterator[dict[str, Any]]:
    for start in range(0, len(values), len(names)):
        yield dict(zip(names, values[start : start + len(names)], strict=True))


def _intervals(targets: Sequence[Target], prediction: Any) -> dict[str, Any]:
    """Return the interval of one prediction, or by target name those of several."""
    if not isinstance(prediction, dict):
        return _interval(targets[0], prediction)
    return {each.name: _interval(each, prediction[each.name]) for each in targets}


def _interval(target: Target, prediction: float) -> dict[str, float]:
    interval = target.interval
    assert interval is not None  # noqa: S101 - parse_includes has refused it
    return {
        "low": prediction - interval.half_width,
        "high": prediction + interval.half_width,
        "coverage": interval.coverage,
    }


def _model_error(signature: Signature, target: Target) -> float:
    """Return how far a prediction may well be from the truth; 0 where nobody knows."""
    if target.interval is not None:
        return target.interval.half_width
    if len(signature.targets) > 1:
        return 0.0  # the score is a mean over targets of different units
    return signature.provenance.scores.get("root_mean_squared_error", 0.0)


def _target_warning(target: Target, value: Any, error: float) -> str | None:
    """Say that a prediction is beyond what the truth can be, or far from any seen."""
    if target.kind == "classification":
        return None
    unit = f" {target.unit}" if target.unit else ""
    for word, bound, is_beyond in (
        ("below the minimum", target.minimum, operator.lt),
        ("above the maximum", target.maximum, operator.gt),
    ):
        if bound is not None and is_beyond(value, bound):
            shown = f"{_rounded(value, bound)} is {word}, {show(bound)}{unit}"
            return f"{shown}: the model extrapolates"
    if target.observed is None:
        return None
    low, high = target.observed
    if low - error <= value <= high + error:
        return None
    seen = f"the training range, {show(low)} to {show(high)}{unit}"
    margin = f", by more than the model's error, {error:.3g}{unit}" if error else ""
    shown = _rounded(value, low if value < low else high)
    return f"{shown} is outside of {seen}{margin}: the model extrapolates"


def _rounded(value: float, bound: float) -> str:
    """Return a value in four digits, or as many more as keep it off `bound`."""
    for n_digits in range(4, 17):
        rounded = float(f"{value:.{n_digits}g}")
        if (rounded < bound) == (value < bound) and rounded != bound:
            return show(rounded)
    return show(value)


def _warning(feature: Feature, value: Any) -> str | None:
    unit = f" {feature.unit}" if feature.unit else ""
    if value is None:
        imputed = feature.imputed
        if imputed is None:
            return "missing"
        shown = repr(imputed) if isinstance(imputed, str) else show(imputed) + unit
        return f"missing; the model takes {shown}"
    if feature.categories and value not in feature.categories:
        return "unknown category; the model ignores it"
    if feature.observed is None:
        return None
    low, high = feature.observed
    if low <= value <= high:
        return None
    return f"outside of the training range, {show(low)} to {show(high)}{unit}"
