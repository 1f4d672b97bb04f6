"""What can be asked for beside a prediction, and what it is."""

import operator
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from server.batch import Batch, Prediction
from server.model import Model
from server.runtime.tensors import Tensor
from server.signature import Feature, Signature, Target, show

MAX_KEPT_ROWS = 64
"""What is included for more of them is made row by row while the answer is written:
the objects of 10,000 rows take 20 MB, their JSON 7."""

INCLUDES = ("contributions", "interval", "probabilities", "warnings")


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
    plain: Prediction,
    includes: Sequence[str],
    signature: Signature,
    batch: Batch,
    tensors: Sequence[Tensor],
) -> Prediction:
    """Return a plain prediction with what was asked for beside it.

    Parameters
    ----------
    includes
        Available for this model.
    tensors
        The main outputs and the extra ones.
    """
    included: dict[str, Iterable[Any]] = {
        include: _included(include, signature, batch, plain.values, tensors)
        for include in includes
    }
    if len(batch.rows) <= MAX_KEPT_ROWS:
        included = {include: list(rows) for include, rows in included.items()}
    baseline = signature.targets[0].baseline if "contributions" in included else None
    return Prediction(plain.values, included, baseline)


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


def _included(
    include: str,
    signature: Signature,
    batch: Batch,
    values: Sequence[Any],
    tensors: Sequence[Tensor],
) -> Iterator[Any]:
    if include == "contributions":
        names = [feature.name for feature in signature.features]
        return _objects(names, tensors[-1].values)
    if include == "probabilities":
        classes = signature.targets[0].classes
        labels = [each if isinstance(each, str) else show(each) for each in classes]
        return _objects(labels, tensors[1].values)
    if include == "interval":
        return (_intervals(signature.targets, one) for one in values)
    return (
        warnings(signature, row, one)
        for row, one in zip(batch.rows, values, strict=True)
    )


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
    assert interval is not None  # noqa: S101 - it is available
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
