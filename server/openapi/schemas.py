"""The schemas that the operations refer to: those of each model, and those of all."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from server.contracts.json_schema import (
    feature_schema,
    included_schema,
    prediction_schema,
    row_schema,
)
from server.contracts.schema import Schema as ModelSchema
from server.contracts.v2.request import InferRequest
from server.openapi.shapes import SCHEMAS
from server.signature import Feature, Signature

PREFIX = "#/components/schemas/"
TEMPLATE = PREFIX + "{name}"

JsonSchema = dict[str, Any]


def reference(signature: Signature, kind: str) -> JsonSchema:
    """Return where the schema of a model is, of what `of_model` makes."""
    return {"$ref": f"{PREFIX}{signature.name}.{kind}"}


def references(signatures: Iterable[Signature], kind: str) -> JsonSchema:
    """Return where that of any of several models is."""
    found = [reference(each, kind) for each in signatures]
    return found[0] if len(found) == 1 else {"anyOf": found}


def of_model(schema: ModelSchema) -> dict[str, JsonSchema]:
    """Return the schemas of what a model reads and answers, by name."""
    signature = schema.signature
    row, columns = reference(signature, "Row"), reference(signature, "Columns")
    answer, answers = reference(signature, "Answer"), reference(signature, "Answers")
    rows = {"type": "array", "items": row, "maxItems": schema.max_rows}
    kinds: dict[str, JsonSchema] = {
        "Row": _row(signature),
        "Columns": _columns(signature, schema.max_rows),
        "Values": _values(signature.features),
        "Body": {"anyOf": [row, rows, columns]},
        "Prediction": prediction_schema(signature),
        "Answer": _answer(schema),
        "Answers": _answers(schema),
        "Answered": {"anyOf": [answer, answers]},
    }
    return {f"{signature.name}.{kind}": made for kind, made in kinds.items()}


def of_all() -> dict[str, Mapping[str, Any]]:
    """Return the schemas that are the same whatever is served, by name."""
    structs = [Signature, InferRequest]
    _, made = msgspec.json.schema_components(structs, ref_template=TEMPLATE)
    for each in made.values():
        each["description"] = each["description"].split("\n")[0]
    return {**_plain(made), **SCHEMAS, **_plain(GENERAL)}


def _plain(part: Any) -> Any:
    """Return schemas as generators of clients can read them.

    They take no boolean for a schema, as a tuple's `"items": false`, whose length is
    bounded beside it; and every list must say what is in it.
    """
    if isinstance(part, list):
        return [*map(_plain, part)]
    if not isinstance(part, dict):
        return part
    plain = {
        key: _plain(value)
        for key, value in part.items()
        if (key, value) != ("items", False)
    }
    if plain.get("type") == "array" and "prefixItems" not in plain:
        plain.setdefault("items", {})
    return plain


def _row(signature: Signature) -> JsonSchema:
    row = row_schema(signature)
    row["properties"] |= _ignored(signature)
    return {**row, "description": "One row."}


def _ignored(signature: Signature) -> JsonSchema:
    """Return the schemas of columns that a whole record has besides."""
    return {name: {"description": "Not read."} for name in signature.ignored}


def _columns(signature: Signature, max_rows: int) -> JsonSchema:
    properties: JsonSchema = {}
    for feature in signature.features:
        values = {
            "type": "array" if feature.required else ["array", "null"],
            "items": feature_schema(feature),
            "maxItems": max_rows,
        }
        properties[feature.name] = values
    properties |= _ignored(signature)
    columns = {**row_schema(signature), "properties": properties}
    return {
        "description": "Several rows: a list of values for each feature, all as long.",
        "type": "object",
        "properties": {"columns": columns},
        "required": ["columns"],
        "additionalProperties": False,
    }


def _values(features: Sequence[Feature]) -> JsonSchema:
    return {
        "description": "One row: a value for each feature, in the order of the signature.",
        "type": "array",
        "prefixItems": [feature_schema(each) for each in features],
        "minItems": len(features),
        "maxItems": len(features),
    }


def _answer(schema: ModelSchema) -> JsonSchema:
    signature = schema.signature
    properties = {
        "prediction": reference(signature, "Prediction"),
        **{each: included_schema(signature, each) for each in schema.includes},
    }
    return _object(properties | _baseline(schema), ["prediction"])


def _answers(schema: ModelSchema) -> JsonSchema:
    signature = schema.signature
    properties = {"predictions": _list(_or_null(reference(signature, "Prediction")))}
    for include in schema.includes:
        plural = include if include.endswith("s") else f"{include}s"
        properties[plural] = _list(_or_null(included_schema(signature, include)))
    properties["errors"] = _list({"$ref": f"{PREFIX}RowFault"})
    return _object(properties | _baseline(schema), ["predictions"])


def _or_null(schema: JsonSchema) -> JsonSchema:
    """Return the schema of what a row that is skipped has not."""
    return {"anyOf": [schema, {"type": "null"}]}


def _baseline(schema: ModelSchema) -> dict[str, JsonSchema]:
    if "contributions" not in schema.includes:
        return {}
    said = "The average prediction, to which the contributions are added."
    return {"baseline": {"type": "number", "description": said}}


def _list(items: JsonSchema) -> JsonSchema:
    return {"type": "array", "items": items}


def _object(properties: JsonSchema, required: Sequence[str]) -> JsonSchema:
    return {"type": "object", "properties": properties, "required": [*required]}


TEXT = {"type": "string"}
READY = {"type": "boolean"}
TENSORS = _list({"$ref": f"{PREFIX}TensorMetadata"})
PORTS = _list({"type": "object"})

GENERAL: Mapping[str, JsonSchema] = {
    "Status": _object({"status": {"const": "alive"}}, ["status"]),
    "Models": _object(
        {
            "default": {"type": ["string", "null"], "description": "Of /predict."},
            "models": _list(
                _object(
                    dict.fromkeys(("name", "title", "version", "url"), TEXT),
                    ["name", "title", "version", "url"],
                )
            ),
            "refused": _list(
                _object(dict.fromkeys(("file", "detail"), TEXT), ["file", "detail"])
            ),
        },
        ["default", "models"],
    ),
    "Ready": _object({"name": TEXT, "ready": READY}, ["ready"]),
    "Live": _object({"live": READY}, ["live"]),
    "Server": _object(
        {"name": TEXT, "version": TEXT, "extensions": _list(TEXT)},
        ["name", "version", "extensions"],
    ),
    "TensorMetadata": _object(
        {"name": TEXT, "datatype": TEXT, "shape": _list({"type": "integer"})},
        ["name", "datatype", "shape"],
    ),
    "ModelMetadata": _object(
        {
            **{"name": TEXT, "versions": _list(TEXT), "platform": TEXT},
            **{"inputs": TENSORS, "outputs": TENSORS},
        },
        ["name", "versions", "platform", "inputs", "outputs"],
    ),
    "ModelConfig": _object(
        {
            **{"name": TEXT, "platform": TEXT, "backend": TEXT},
            **{"max_batch_size": {"type": "integer"}, "input": PORTS, "output": PORTS},
        },
        ["name", "platform", "backend", "max_batch_size", "input", "output"],
    ),
    "RepositoryIndex": _list(
        _object(
            dict.fromkeys(("name", "version", "state"), TEXT),
            ["name", "version", "state"],
        )
    ),
    "InferResponse": _object(
        {
            **{"model_name": TEXT, "model_version": TEXT, "id": TEXT},
            "outputs": _list({"$ref": f"{PREFIX}Tensor"}),
        },
        ["model_name", "model_version", "outputs"],
    ),
    "Statistics": _object({"model_stats": _list({"type": "object"})}, ["model_stats"]),
    "RowFault": _object(
        {"row": {"type": "integer"}, "pointer": TEXT, "detail": TEXT},
        ["row", "pointer", "detail"],
    ),
    "Names": _object({"models": _list(TEXT)}, ["models"]),
    "ExecutionParameters": _object(
        {
            "MaxConcurrentTransforms": {"type": "integer"},
            "BatchStrategy": TEXT,
            "MaxPayloadInMB": {"type": "integer"},
        },
        ["MaxConcurrentTransforms", "BatchStrategy", "MaxPayloadInMB"],
    ),
    "SnowflakeCalls": _object(
        {
            "data": {
                **_list({"type": "array", "minItems": 1}),
                "description": "Calls: each begins with its number, which its answer has; "
                "behind it are the features in the order of the signature, or one object.",
            }
        },
        ["data"],
    ),
    "SnowflakeAnswers": _object(
        {"data": _list({"type": "array", "minItems": 2, "maxItems": 2})}, ["data"]
    ),
    "BigQueryCalls": _object(
        {
            "calls": {
                **_list({"type": "array"}),
                "description": "Of each the features in the order of the signature, or "
                "one object; numbers may be texts.",
            }
        },
        ["calls"],
    ),
}
