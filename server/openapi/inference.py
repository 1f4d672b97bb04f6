"""The Open Inference Protocol V2, and KServe's V1."""

from collections.abc import Iterator, Mapping
from typing import Any

from server.contracts.v2.metadata import datatype_of
from server.dialects import MODEL, VERSION
from server.openapi.native import NOBODY, encoded
from server.openapi.native import VERSION as ANSWERED_BY
from server.openapi.operation import JSON, Ask, Operation, Schema
from server.openapi.schemas import PREFIX, references
from server.openapi.served import Served, golden_rows, wrong_row
from server.openapi.shapes import ERROR
from server.problems import (
    BodyTooLarge,
    InvalidBatch,
    MalformedBody,
    NoPrediction,
    TooManyRows,
    UnknownModel,
)
from server.signature import Signature, Value

V2 = "Open Inference Protocol V2"
V1 = "KServe V1, Vertex AI"

BINARY = "application/octet-stream"
LENGTH = "Inference-Header-Content-Length"

REFUSALS = (MalformedBody, BodyTooLarge, TooManyRows, InvalidBatch, NoPrediction)


def operations(served: Served) -> Iterator[Operation]:
    """Yield what Triton's and KServe's clients ask."""
    yield from _server()
    for route, parameters, suffix in (
        (MODEL, [served.model], ""),
        (VERSION, [served.model, served.version], "_version"),
    ):
        for end, name, schema, summary in (
            ("", "metadata", "ModelMetadata", "A model's inputs and outputs"),
            ("/config", "config", "ModelConfig", "The same, as Triton configures it"),
            ("/ready", "ready", "Ready", "Whether a model answers"),
        ):
            answers = _json(schema)
            yield Operation(
                method="GET",
                route=f"{route}{end}",
                name=f"v2_model_{name}{suffix}",
                tag=V2,
                summary=summary,
                parameters=parameters,
                answers=answers | ({503: answers[200]} if end == "/ready" else {}),
                refusals=[UnknownModel],
                shape=ERROR,
                asks=_asks(summary),
            )
        yield _infer(served, f"{route}/infer", parameters, f"v2_infer{suffix}")
    yield from _first_version(served)


def _server() -> Iterator[Operation]:
    for method, route, name, schema, summary in (
        ("GET", "/v2", "v2_server", "Server", "The server and its extensions"),
        ("GET", "/v2/", "v2_server_too", "Server", "The same, for other clients"),
        ("GET", "/v2/health/live", "v2_live", "Live", "Whether the process answers"),
        (
            "GET",
            "/v2/health/ready",
            "v2_ready",
            "Ready",
            "Whether requests are welcome",
        ),
        ("POST", "/v2/repository/index", "v2_index", "RepositoryIndex", "The models"),
    ):
        answers = _json(schema)
        yield Operation(
            method=method,
            route=route,
            name=name,
            tag=V2,
            summary=summary,
            answers=answers | ({503: answers[200]} if schema == "Ready" else {}),
            shape=ERROR,
            asks=[Ask(name=summary)],
        )


def _infer(
    served: Served, route: str, parameters: list[Schema], name: str
) -> Operation:
    signature = served.signatures[0]
    length = {
        "name": LENGTH,
        "in": "header",
        "description": "Bytes of the JSON, where those of tensors stand behind it.",
        "schema": {"type": "integer", "minimum": 1},
    }
    request = {"$ref": f"{PREFIX}InferRequest"}
    good, bad = golden_rows(signature)[0], wrong_row(signature)
    return Operation(
        method="POST",
        route=route,
        name=name,
        tag=V2,
        summary="Predict: an input a feature, an output a target",
        description="An input is [N] or [N, 1], or one of all features [N, F] in the "
        "order of the signature; as many values as its shape says. A feature that may "
        "be missing may be left out, or be null.",
        parameters=[*parameters, length],
        bodies={JSON: request, BINARY: {"description": "JSON, and tensors behind it."}},
        answers={200: {JSON: {"$ref": f"{PREFIX}InferResponse"}, BINARY: {}}},
        refusals=[*REFUSALS, UnknownModel],
        shape=ERROR,
        fields=ANSWERED_BY | {LENGTH: "Bytes of the JSON, where tensors stand behind."},
        asks=[
            Ask(name="One row", body=_tensors(signature, good)),
            Ask(
                name="Values that are wrong", status=400, body=_tensors(signature, bad)
            ),
            Ask(name="Not JSON", status=400, body=b'{"'),
            *_unknown(_tensors(signature, good)),
        ],
    )


def _first_version(served: Served) -> Iterator[Operation]:
    yield Operation(
        method="GET",
        route="/v1/models",
        name="v1_models",
        tag=V1,
        summary="Names of the models",
        answers=_json("Names"),
        asks=[Ask(name="Names")],
        shape=ERROR,
    )
    ready = _json("Ready")
    yield Operation(
        method="GET",
        route="/v1/models/{name}",
        name="v1_model",
        tag=V1,
        summary="Whether a model answers",
        parameters=[served.model],
        answers=ready | {503: ready[200]},
        refusals=[UnknownModel],
        shape=ERROR,
        asks=_asks("Ready"),
    )
    yield instances(served, "/v1/models/{name}:predict", "v1_predict", is_named=True)
    if served.default and served.settings.predict_route:
        route = "/" + served.settings.predict_route.removeprefix("/")
        yield instances(served, route, "vertex_predict", is_named=False)


def instances(served: Served, route: str, name: str, *, is_named: bool) -> Operation:
    """Return the operation of `{"instances": […]}`."""
    signatures = served.signatures if is_named else served.signatures[:1]
    signature = signatures[0]
    row = {"anyOf": [references(signatures, kind) for kind in ("Row", "Values")]}
    rows = {"type": "array", "items": row, "maxItems": served.settings.max_rows}
    body = {
        "type": "object",
        "properties": {"instances": rows},
        "required": ["instances"],
    }
    value = references(signatures, "Prediction")
    good = {"instances": [golden_rows(signature)[0]]}
    bad = {"instances": [wrong_row(signature)]}
    return Operation(
        method="POST",
        route=route,
        name=name,
        tag=V1,
        summary="Predict: rows in, as many predictions out",
        description="A row is an object by feature name, or a list in the order of the "
        "signature. In the place of instances there may be inputs.",
        parameters=[served.model] if is_named else [],
        bodies={JSON: body},
        answers={200: {JSON: predictions(value)}},
        refusals=[*REFUSALS, *([UnknownModel] if is_named else [])],
        shape=ERROR,
        fields=ANSWERED_BY,
        asks=[
            Ask(name="One row", body=encoded(good)),
            Ask(name="Values that are wrong", status=400, body=encoded(bad)),
            Ask(name="Not JSON", status=400, body=b'{"'),
            *(_unknown(encoded(good)) if is_named else []),
        ],
    )


def predictions(value: Schema) -> Schema:
    """Return the schema of as many predictions as there were rows."""
    return {
        "type": "object",
        "properties": {"predictions": {"type": "array", "items": value}},
        "required": ["predictions"],
    }


def _tensors(signature: Signature, row: Mapping[str, Value | None]) -> bytes:
    """Return a request for one row; what the model does not read goes as a number."""
    datatypes = {each.name: datatype_of(each) for each in signature.features}
    inputs: list[dict[str, Any]] = [
        {
            "name": name,
            "shape": [1],
            "datatype": datatypes.get(name, "FP64"),
            "data": [value],
        }
        for name, value in row.items()
    ]
    return encoded({"id": "42", "inputs": inputs})


def _unknown(body: bytes = b"") -> list[Ask]:
    return [Ask(name="No such model", status=404, body=body, places=NOBODY)]


def _asks(name: str) -> list[Ask]:
    return [Ask(name=name), *_unknown()]


def _json(schema: str) -> dict[int, Mapping[str, Schema]]:
    return {200: {JSON: {"$ref": f"{PREFIX}{schema}"}}}
