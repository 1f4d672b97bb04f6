"""Our own protocol: predictions, the models, and how the server is."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from server.contracts.json_schema import feature_schema
from server.contracts.predict.query import INCLUDE
from server.endpoint import Endpoint
from server.openapi.operation import HTML, JSON, TEXT, Ask, Operation, Schema, in_path
from server.openapi.schemas import reference
from server.openapi.served import Served, golden_rows, wrong_row
from server.problems import (
    PROBLEMS,
    BodyTooLarge,
    InvalidBatch,
    InvalidQuery,
    MalformedBody,
    NoPrediction,
    TooManyRows,
    UnknownModel,
    UnsupportedMediaType,
)
from server.signature import Feature, Signature, Value, show

PREDICT = "Predictions"
ABOUT = "Models"
PROBES = "Probes"
PAGES = "Pages"

FORM = "application/x-www-form-urlencoded"
TEXT_SCHEMA = {"type": "string"}
NOBODY: Mapping[str, str] = {"name": "nobody"}

VERSION = {
    "Model-Name": "Of the model that answered.",
    "Model-Version": "Of its graph.",
}


def operations(served: Served) -> Iterator[Operation]:
    """Yield what is answered in our own words."""
    for route, path, suffix, endpoint in places(served):
        yield _posted(endpoint, route, path, f"predict{suffix}")
        yield _asked(endpoint, route, path, f"predict_one{suffix}")
    yield from _about(served)
    yield from _probes()
    yield from _pages(served)


def places(served: Served) -> Iterator[tuple[str, str, str, Endpoint]]:
    """Yield where each model answers: the route, the path, and an end for names."""
    for name in served.names:
        endpoint = served.endpoints[name]
        if name == served.default:
            yield "/predict", "/predict", "", endpoint
        route, path = "/models/{name}", f"/models/{name}"
        yield f"{route}/predict", f"{path}/predict", f"_{name}", endpoint
        version = endpoint.model.signature.version
        yield (
            f"{route}/versions/{{version}}/predict",
            f"{path}/versions/{version}/predict",
            f"_{name}_version",
            endpoint,
        )


def _posted(endpoint: Endpoint, route: str, path: str, name: str) -> Operation:
    signature = endpoint.model.signature
    return Operation(
        method="POST",
        route=route,
        path=path,
        name=name,
        tag=PREDICT,
        summary=f"Predict {_titles(signature)}: one row, several, or columns",
        description="One object is one row, and is answered with one prediction. A list "
        "of rows, or an object of columns with a list of values for each feature, is "
        "answered with as many. A missing value is null, or left out. The body may be "
        "compressed with gzip or deflate (Content-Encoding).",
        parameters=[include(endpoint), on_error()],
        bodies={JSON: reference(signature, "Body")},
        answers={200: {JSON: reference(signature, "Answered")}},
        refusals=[
            *(MalformedBody, InvalidQuery, BodyTooLarge, TooManyRows),
            *(UnsupportedMediaType, InvalidBatch, NoPrediction),
        ],
        fields=VERSION,
        asks=[*_bodies(signature), *_beside(endpoint), *_faults(signature)],
    )


def _asked(endpoint: Endpoint, route: str, path: str, name: str) -> Operation:
    signature = endpoint.model.signature
    features = signature.features
    row = golden_rows(signature)[0]
    parameters = [_parameter(each, row.get(each.name)) for each in features]
    query = {each: _written(value) for each, value in row.items() if value is not None}
    asks = [
        Ask(name="One row", query=query),
        Ask(name="No such feature", status=422, query={**query, "shoe_size": "42"}),
    ]
    if INCLUDE not in row:
        parameters.append(include(endpoint))
        wrong = {**query, INCLUDE: "x"}
        asks.append(Ask(name="No such include", status=400, query=wrong))
    return Operation(
        method="GET",
        route=route,
        path=path,
        name=name,
        tag=PREDICT,
        summary=f"Predict {_titles(signature)} of one row in the query",
        description="For whoever can only ask so, as a spreadsheet. A missing value is "
        "empty, or left out.",
        parameters=parameters,
        answers={200: {JSON: reference(signature, "Answer")}},
        refusals=[
            *(InvalidQuery, BodyTooLarge, MalformedBody, InvalidBatch, NoPrediction)
        ],
        fields=VERSION,
        asks=asks,
    )


def on_error() -> Schema:
    """Return the parameter that says what a row that is wrong does to the others."""
    return {
        "name": "on_error",
        "in": "query",
        "description": "Of several rows, skip answers the good ones.",
        "schema": {"type": "string", "enum": ["fail", "skip"], "default": "fail"},
    }


def include(endpoint: Endpoint) -> Schema:
    """Return the parameter that says what is wanted beside a prediction."""
    return {
        "name": INCLUDE,
        "in": "query",
        "description": "What to add to the prediction, with commas between several.",
        "schema": {
            "type": "array",
            "items": {"type": "string", "enum": [*endpoint.schema.includes]},
        },
        "style": "form",
        "explode": False,
    }


def _parameter(feature: Feature, value: Value | None) -> Schema:
    schema = feature_schema(feature)
    return {
        "name": feature.name,
        "in": "query",
        "required": feature.required,
        "allowEmptyValue": not feature.required,
        "description": schema.pop("description", ""),
        "schema": schema,
        **({} if value is None else {"example": value}),
    }


def _bodies(signature: Signature) -> Iterator[Ask]:
    rows = golden_rows(signature)
    columns = {name: [row.get(name) for row in rows] for name in rows[0]}
    yield Ask(name="One row", body=encoded(rows[0]))
    yield Ask(name="Several rows", body=encoded(rows))
    yield Ask(name="Columns", body=encoded({"columns": columns}))


def _beside(endpoint: Endpoint) -> Iterator[Ask]:
    row = golden_rows(endpoint.model.signature)[0]
    query = {INCLUDE: ",".join(endpoint.schema.includes)}
    yield Ask(name="With all that there is", body=encoded(row), query=query)
    rows = encoded([row, wrong_row(endpoint.model.signature)])
    yield Ask(name="The good rows alone", body=rows, query={"on_error": "skip"})


def _faults(signature: Signature) -> Iterator[Ask]:
    row = encoded(golden_rows(signature)[0])
    wrong = encoded(wrong_row(signature))
    yield Ask(name="Values that are wrong", status=422, body=wrong)
    yield Ask(name="Not JSON", status=400, body=b'{"')
    yield Ask(name="No such include", status=400, body=row, query={INCLUDE: "x"})
    yield Ask(name="Another kind", status=415, body=b"x", kind="text/plain")


def _about(served: Served) -> Iterator[Operation]:
    name = served.names[0]
    yield Operation(
        method="GET",
        route="/models",
        name="models",
        tag=ABOUT,
        summary="Which models are served, and which files are not, and why",
        answers={200: {JSON: {"$ref": "#/components/schemas/Models"}}},
        asks=[Ask(name="Models")],
    )
    yield Operation(
        method="GET",
        route="/models/{name}",
        name="model",
        tag=ABOUT,
        summary="What a model accepts and returns, and what it was measured to do",
        parameters=[served.model],
        answers={200: {JSON: {"$ref": "#/components/schemas/Signature"}}},
        refusals=[UnknownModel],
        asks=[Ask(name=name), Ask(name="No such model", status=404, places=NOBODY)],
    )
    yield Operation(
        method="GET",
        route="/models/{name}/versions/{version}",
        name="model_version",
        tag=ABOUT,
        summary="The same, of one version",
        parameters=[served.model, served.version],
        answers={200: {JSON: {"$ref": "#/components/schemas/Signature"}}},
        refusals=[UnknownModel],
        asks=[
            Ask(name=f"{name}, by its version"),
            Ask(name="No such version", status=404, places={"version": "0"}),
        ],
    )
    yield Operation(
        method="GET",
        route="/problems/{slug}",
        name="problem",
        tag=ABOUT,
        summary="What an error means, and how to mend it",
        parameters=[in_path("slug", sorted(PROBLEMS), "Of the error's type.")],
        answers={200: {TEXT: TEXT_SCHEMA}},
        asks=[
            Ask(name="A problem"),
            Ask(name="No such problem", status=404, places={"slug": "nothing"}),
        ],
    )


def _probes() -> Iterator[Operation]:
    text = {TEXT: TEXT_SCHEMA}
    yield Operation(
        method="GET",
        route="/livez",
        name="livez",
        tag=PROBES,
        summary="Whether the process answers",
        answers={200: text},
        asks=[Ask(name="Alive")],
    )
    yield Operation(
        method="GET",
        route="/readyz",
        name="readyz",
        tag=PROBES,
        summary="Whether new requests are welcome; not from a stop on",
        answers={200: text, 503: text},
        asks=[Ask(name="Ready")],
    )


def _pages(served: Served) -> Iterator[Operation]:
    html = {HTML: TEXT_SCHEMA}
    signature = served.signatures[0]
    row = golden_rows(signature)[0]
    model = {
        "name": "model",
        "in": "query",
        "description": "Of whose form; the default one's, where it is left out.",
        "schema": TEXT_SCHEMA,
    }
    query = {"model": signature.name}
    yield Operation(
        method="GET",
        route="/",
        name="page",
        tag=PAGES,
        summary="The form for people; for programs, that the server is alive",
        parameters=[model],
        answers={200: {JSON: {"$ref": "#/components/schemas/Status"}, **html}},
        refusals=[UnknownModel],
        asks=[Ask(name="Alive"), Ask(name="The form", query=query, accept="text/html")],
    )
    yield Operation(
        method="POST",
        route="/",
        name="page_answered",
        tag=PAGES,
        summary="The form with its answer",
        parameters=[{**model, "required": served.default is None}],
        bodies={
            FORM: _form(signature) if len(served.names) == 1 else {"type": "object"}
        },
        answers={200: html, 422: html},
        refusals=[UnknownModel, MalformedBody, BodyTooLarge, UnsupportedMediaType],
        asks=[
            Ask(name="The form", query=query, kind=FORM, body=_filled_in(row)),
            Ask(name="Another kind", query=query, status=415, body=b"{}"),
        ],
    )
    yield Operation(
        method="GET",
        route="/openapi.json",
        name="openapi",
        tag=PAGES,
        summary="This interface as a document of OpenAPI 3.1",
        answers={200: {JSON: {"type": "object"}}},
    )
    yield Operation(
        method="GET",
        route="/docs",
        name="docs",
        tag=PAGES,
        summary="This interface for people",
        answers={200: html},
    )


def _form(signature: Signature) -> Schema:
    properties = {each.name: {"type": "string"} for each in signature.features}
    return {"type": "object", "properties": properties}


def _filled_in(row: Mapping[str, Value | None]) -> bytes:
    texts = {name: _written(value) for name, value in row.items() if value is not None}
    return urlencode(texts).encode()


def _written(value: Value) -> str:
    return value if isinstance(value, str) else show(value)


def encoded(document: Any) -> bytes:
    """Return the JSON of an example."""
    return msgspec.json.encode(document)


def _titles(signature: Signature) -> str:
    return ", ".join(each.title or each.name for each in signature.targets)
