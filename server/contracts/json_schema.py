"""JSON Schema of what a model accepts and what it answers, from its signature.

https://json-schema.org/draft/2020-12
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from server.signature import (
    Feature,
    Signature,
    Target,
    Value,
    is_boolean,
    is_text,
    show,
)

JsonSchema = dict[str, Any]

MAX_NAMED_CATEGORIES = 20
"""In the description of a feature that takes others too."""

NUMBER: JsonSchema = {"type": "number"}
TEXT: JsonSchema = {"type": "string"}


def row_schema(signature: Signature) -> JsonSchema:
    """Return the schema of a row, an object by feature name."""
    features = signature.features
    return {
        "type": "object",
        "properties": {each.name: feature_schema(each) for each in features},
        "required": [each.name for each in features if each.required],
        "additionalProperties": False,
    }


def feature_schema(feature: Feature) -> JsonSchema:
    """Return the schema of a feature's values; null is a missing one."""
    may_be: list[Value | None] = [*feature.categories]
    kind: str | list[str] = _type(feature)
    if not feature.required:
        may_be.append(None)
        kind = [_type(feature), "null"]
    is_closed = feature.categories and feature.unknown == "reject"
    return _without_blanks(
        {
            "type": kind,
            "title": feature.title,
            "description": " ".join(_said(feature)),
            "enum": may_be if is_closed else None,
            "minimum": feature.minimum,
            "maximum": feature.maximum,
            "examples": None if feature.typical is None else [feature.typical],
        }
    )


def prediction_schema(signature: Signature) -> JsonSchema:
    """Return the schema of one row's prediction."""
    return _of_targets(signature, _target_schema)


def answer_schema(signature: Signature, includes: Sequence[str]) -> JsonSchema:
    """Return the schema of the answer to one row, with what is asked for beside it."""
    answered = {"prediction": prediction_schema(signature)}
    answered |= {each: included_schema(signature, each) for each in includes}
    if "contributions" in includes and signature.targets[0].baseline is not None:
        said = "The average prediction, to which the contributions are added."
        answered["baseline"] = {**NUMBER, "description": said}
    return _object(answered)


def included_schema(signature: Signature, include: str) -> JsonSchema:
    """Return the schema of what `?include=` adds to one row's prediction."""
    if include == "contributions":
        said = "How far each feature moved the prediction away from the baseline."
        names = [feature.name for feature in signature.features]
        return {**_object(dict.fromkeys(names, NUMBER)), "description": said}
    if include == "probabilities":
        classes = signature.targets[0].classes
        labels = [each if isinstance(each, str) else show(each) for each in classes]
        share = {**NUMBER, "minimum": 0, "maximum": 1}
        said = "How probable each class is."
        return {**_object(dict.fromkeys(labels, share)), "description": said}
    if include == "interval":
        return _of_targets(signature, _interval_schema)
    return {
        "type": "array",
        "description": "What to know before the prediction is believed.",
        "items": {
            "type": "object",
            "properties": dict.fromkeys(("target", "feature", "detail"), TEXT),
            "required": ["detail"],
        },
    }


def _type(feature: Feature) -> str:
    if is_text(feature):
        return "string"
    if is_boolean(feature):
        return "boolean"
    return "integer" if feature.kind == "integer" else "number"


def _said(feature: Feature) -> Iterator[str]:
    """Yield what people should know of a feature and no keyword of JSON Schema says."""
    if feature.description:
        yield feature.description
    unit = f" {feature.unit}" if feature.unit else ""
    if feature.observed is not None:
        low, high = map(show, feature.observed)
        yield f"{low} to {high}{unit} in training."
    elif unit:
        yield f"In{unit}."
    if feature.categories and feature.unknown == "ignore":
        named = ", ".join(map(show, feature.categories[:MAX_NAMED_CATEGORIES]))
        more = ", …" if len(feature.categories) > MAX_NAMED_CATEGORIES else ""
        yield f"Known are {named}{more}; the model ignores another."
    if feature.imputed is not None:
        yield f"Where it is missing, the model takes {show(feature.imputed)}."


def _target_schema(target: Target) -> JsonSchema:
    said = [target.description] if target.description else []
    if target.unit:
        said.append(f"In {target.unit}.")
    classes = target.kind == "classification"
    values = {"enum": [*target.classes]} if classes else NUMBER
    about = {"title": target.title or target.name, "description": " ".join(said)}
    return _without_blanks({**values, **about})


def _interval_schema(target: Target) -> JsonSchema:
    names = ("low", "high", "coverage")
    said = "Where the truth lies, for the share `coverage` of rows."
    return {**_object(dict.fromkeys(names, NUMBER)), "description": said}


def _of_targets(
    signature: Signature, make: Callable[[Target], JsonSchema]
) -> JsonSchema:
    """Return what is made of the one target, or an object of what is made of each."""
    targets = signature.targets
    if len(targets) == 1:
        return make(targets[0])
    return _object({each.name: make(each) for each in targets})


def _object(properties: Mapping[str, JsonSchema]) -> JsonSchema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": [*properties],
    }


def _without_blanks(schema: JsonSchema) -> JsonSchema:
    return {key: value for key, value in schema.items() if value not in (None, "")}
