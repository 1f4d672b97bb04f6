"""Turns predictions into the bytes of an answer.

The singular form answers one object, the plural one a list or columns:
``{"prediction": …}`` and ``{"predictions": […]}``. What `?include=` adds follows
the same rule.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from server.model import Model
from server.problems import Fault, InvalidQuery, NoPrediction, pointer
from server.rows import Batch, Form
from server.runtime import Tensor
from server.signature import Feature, Signature, show

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
        "interval": len(targets) == 1
        and targets[0].kind == "regression"
        and targets[0].interval is not None,
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


def warnings(signature: Signature, row: Sequence[Any]) -> list[dict[str, str]]:
    """Return what a person should know before believing the prediction of `row`."""
    found = []
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
        return [_interval(signature, prediction) for prediction in predictions]
    return [warnings(signature, row) for row in batch.rows]


def _objects(names: Sequence[str], values: Sequence[Any]) -> Iterator[dict[str, Any]]:
    for start in range(0, len(values), len(names)):
        yield dict(zip(names, values[start : start + len(names)], strict=True))


def _interval(signature: Signature, prediction: float) -> dict[str, float]:
    interval = signature.targets[0].interval
    assert interval is not None  # noqa: S101 - parse_includes has refused it
    return {
        "low": prediction - interval.half_width,
        "high": prediction + interval.half_width,
        "coverage": interval.coverage,
    }


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
