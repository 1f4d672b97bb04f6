"""What platforms and warehouses ask: SageMaker, MLflow, Azure ML, Snowflake, BigQuery."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from server.contracts.invocations.contract import CSV, LINES
from server.openapi.inference import REFUSALS, predictions
from server.openapi.native import NOBODY, TEXT_SCHEMA, VERSION, encoded
from server.openapi.operation import JSON, Ask, Operation, Schema
from server.openapi.schemas import PREFIX, references
from server.openapi.served import Served, golden_rows, wrong_row
from server.openapi.shapes import CODED, ERROR, SHORT, Shape
from server.problems import NotAcceptable, UnknownModel, UnsupportedMediaType
from server.signature import Signature

PLATFORMS = "SageMaker, MLflow, Azure ML"
WAREHOUSES = "Data warehouses"

FRAME = {"anyOf": [{"type": "array", "items": {}}, {"type": "object"}]}
LINES_IN = {"description": "A line a row."}

PLAIN = "text/plain; charset=utf-8"


def operations(served: Served) -> Iterator[Operation]:
    """Yield what platforms and warehouses ask."""
    yield from _told(served)
    for end, name in (("/invocations", "invocations"), ("/score", "score")):
        for route, parameters, suffix in _places(served, end):
            yield _invocations(served, route, parameters, f"{name}{suffix}")
    for end, name, shape in (
        ("/snowflake", "snowflake", ERROR),
        ("/bigquery", "bigquery", SHORT),
    ):
        for route, parameters, suffix in _places(served, end):
            yield _warehouse(served, route, parameters, f"{name}{suffix}", shape)


def _places(served: Served, end: str) -> Iterator[tuple[str, list[Schema], str]]:
    """Yield the routes that end so, with their parameters and an end for their name."""
    if served.default is not None:
        yield end, [], ""
    yield f"/models/{{name}}{end}", [served.model], "_model"


def _told(served: Served) -> Iterator[Operation]:
    routes = [("/ping", "ping"), ("/health", "health")]
    if served.settings.health_route:
        routes.append(("/" + served.settings.health_route.removeprefix("/"), "vertex"))
    for route, name in routes:
        yield Operation(
            method="GET",
            route=route,
            name=name,
            tag=PLATFORMS,
            summary="Whether new requests are welcome",
            answers={200: {PLAIN: TEXT_SCHEMA}, 503: {PLAIN: TEXT_SCHEMA}},
            asks=[Ask(name="Ready")],
        )
    yield Operation(
        method="GET",
        route="/version",
        name="version",
        tag=PLATFORMS,
        summary="The version of MLflow's protocol",
        answers={200: {PLAIN: TEXT_SCHEMA}},
        asks=[Ask(name="The version")],
    )
    yield Operation(
        method="GET",
        route="/execution-parameters",
        name="execution_parameters",
        tag=PLATFORMS,
        summary="How much a batch transform of SageMaker may send at once",
        answers={200: {JSON: {"$ref": f"{PREFIX}ExecutionParameters"}}},
        asks=[Ask(name="The parameters")],
    )


def _invocations(
    served: Served, route: str, parameters: list[Schema], name: str
) -> Operation:
    signatures = served.signatures if parameters else served.signatures[:1]
    signature = signatures[0]
    texts = [CSV.decode(), *(kind.decode() for kind in LINES)]
    kinds = dict.fromkeys(texts, TEXT_SCHEMA)
    value = references(signatures, "Prediction")
    return Operation(
        method="POST",
        route=route,
        name=name,
        tag=PLATFORMS,
        summary="Predict: JSON, CSV or lines of JSON in, any of them out",
        description="A CSV document has a header where its first line's cells are names "
        "of features; otherwise the order is the signature's. Content-Type: text/csv; "
        "header=present (or absent) says so. Accept chooses the kind of the answer.",
        parameters=parameters,
        bodies={
            JSON: {"anyOf": [*_frames(signatures)]},
            **dict.fromkeys(texts, LINES_IN),
        },
        answers={200: {JSON: predictions(value), **kinds}},
        refusals=[
            *(*REFUSALS, UnsupportedMediaType, NotAcceptable),
            *([UnknownModel] if parameters else []),
        ],
        shape=CODED,
        fields=VERSION,
        asks=[*_forms(signature), *_unknown(parameters)],
    )


def _frames(signatures: Sequence[Signature]) -> Iterator[Schema]:
    """Yield the schemas of the bodies in JSON."""
    row = {"anyOf": [references(signatures, kind) for kind in ("Row", "Values")]}
    rows = {"type": "array", "items": row}
    split = {
        "type": "object",
        "properties": {
            "columns": {"type": "array", "items": TEXT_SCHEMA},
            "data": {"type": "array", "items": {"type": "array", "items": {}}},
        },
        "required": ["data"],
    }
    for name, schema in (
        ("instances", rows),
        ("dataframe_split", split),
        ("dataframe_records", rows),
        ("inputs", FRAME),
        ("input_data", FRAME),
        ("data", FRAME),
    ):
        yield {"type": "object", "properties": {name: schema}, "required": [name]}
    columns = {"type": "object"}  # what stands beside it is not looked at
    yield {
        "type": "object",
        "properties": {"columns": columns},
        "required": ["columns"],
    }
    yield references(signatures, "Row")
    yield rows


def _forms(signature: Signature) -> Iterator[Ask]:
    row = golden_rows(signature)[0]
    values: list[Any] = [*row.values()]
    split = {"dataframe_split": {"columns": [*row], "data": [values]}}
    wrong = {"instances": [wrong_row(signature)]}
    text, kind = _csv(row), CSV.decode()
    lines = LINES[0].decode()
    yield Ask(name="Instances", body=encoded({"instances": [row]}))
    yield Ask(name="A data frame, split", body=encoded(split))
    yield Ask(name="CSV", kind=kind, accept=kind, body=text)
    yield Ask(name="Lines of JSON", kind=lines, accept=lines, body=encoded(row) + b"\n")
    yield Ask(name="Values that are wrong", status=400, body=encoded(wrong))
    yield Ask(name="Not JSON", status=400, body=b'{"')
    yield Ask(name="Another kind", status=415, kind="image/png", body=b"x")
    yield Ask(name="No such kind", status=406, accept="image/png", body=encoded([row]))


def _csv(row: Any) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(row)
    writer.writerow(row.values())
    return text.getvalue().encode()


def _warehouse(
    served: Served, route: str, parameters: list[Schema], name: str, shape: Shape
) -> Operation:
    signatures = served.signatures if parameters else served.signatures[:1]
    signature = signatures[0]
    is_snowflake = shape is ERROR
    key, number = ("data", [0]) if is_snowflake else ("calls", [])
    good, bad = golden_rows(signature)[0], wrong_row(signature)
    value = references(signatures, "Prediction")
    replies = {
        "type": "object",
        "properties": {"replies": {"type": "array", "items": value}},
        "required": ["replies"],
    }
    answers = {"$ref": f"{PREFIX}SnowflakeAnswers"} if is_snowflake else replies
    calls = "SnowflakeCalls" if is_snowflake else "BigQueryCalls"
    listed = encoded({key: [[*number, *good.values()]]})
    return Operation(
        method="POST",
        route=route,
        name=name,
        tag=WAREHOUSES,
        summary="An external function of Snowflake"
        if is_snowflake
        else "A remote function of BigQuery",
        parameters=parameters,
        bodies={JSON: {"$ref": f"{PREFIX}{calls}"}},
        answers={200: {JSON: answers}},
        refusals=[*REFUSALS, *([UnknownModel] if parameters else [])],
        shape=shape,
        fields=VERSION,
        asks=[
            Ask(name="In the order of the signature", body=listed),
            Ask(name="One object", body=encoded({key: [[*number, good]]})),
            Ask(
                name="Values that are wrong",
                status=400,
                body=encoded({key: [[*number, bad]]}),
            ),
            Ask(name="Not JSON", status=400, body=b'{"'),
            *_unknown(parameters),
        ],
    )


def _unknown(parameters: list[Schema]) -> list[Ask]:
    if not parameters:
        return []
    return [Ask(name="No such model", status=404, body=b"[]", places=NOBODY)]
