"""Files of any size: lines of CSV or JSON, answered line by line."""

from collections.abc import Iterator

from server.contracts.headers import CSV
from server.endpoint import Endpoint
from server.openapi.native import (
    PREDICT,
    TEXT_SCHEMA,
    VERSION,
    encoded,
    include,
    on_error,
    places,
)
from server.openapi.operation import Ask, Operation, Schema
from server.openapi.served import Served, golden_rows
from server.problems import (
    BodyTooLarge,
    InvalidBatch,
    InvalidQuery,
    LineTooLong,
    MalformedBody,
    NoPrediction,
    NotAcceptable,
    UnsupportedMediaType,
)
from server.signature import Signature, show

TABLE, LINES = CSV.decode(), "application/x-ndjson"

ECHO = {
    "name": "echo",
    "in": "query",
    "description": "Columns to repeat beside each prediction, with commas between them; "
    "all for all.",
    "schema": TEXT_SCHEMA,
}
EXTRA = {
    "name": "extra",
    "in": "query",
    "description": "What becomes of columns that the model does not know.",
    "schema": {"type": "string", "enum": ["refuse", "ignore"], "default": "refuse"},
}


def operations(served: Served) -> Iterator[Operation]:
    """Yield what `curl -T FILE` asks."""
    for route, path, suffix, endpoint in places(served):
        yield _put(endpoint, route, path, f"predict_file{suffix}")


def _put(endpoint: Endpoint, route: str, path: str, name: str) -> Operation:
    signature = endpoint.model.signature
    bodies: dict[str, Schema] = {
        TABLE: {**TEXT_SCHEMA, "description": "A header, and a line a row."},
        LINES: {**TEXT_SCHEMA, "description": "A row a line, an object."},
    }
    return Operation(
        method="PUT",
        route=route,
        path=path,
        name=name,
        tag=PREDICT,
        summary="Predict a file of any size, line by line",
        description="Answers go out while the file comes in, in the kind that Accept "
        "names, or in its own. The first line that is wrong ends them with a line that "
        "says so; on_error=skip answers the others. POST takes the same.",
        parameters=[include(endpoint), on_error(), ECHO, EXTRA],
        bodies=bodies,
        answers={200: dict.fromkeys(bodies, TEXT_SCHEMA)},
        refusals=[
            *(MalformedBody, InvalidQuery, NotAcceptable, LineTooLong, BodyTooLarge),
            *(UnsupportedMediaType, InvalidBatch, NoPrediction),
        ],
        fields=VERSION,
        asks=[*_asks(signature)],
    )


def _asks(signature: Signature) -> Iterator[Ask]:
    row = golden_rows(signature)[0]
    lines = encoded(row) + b"\n"
    yield Ask(name="A table", kind=TABLE, accept=TABLE, body=_table(signature))
    yield Ask(name="Lines of JSON", kind=LINES, accept=LINES, body=lines)
    yield Ask(
        name="Beside all columns",
        kind=TABLE,
        accept=TABLE,
        body=_table(signature),
        query={"echo": "all"},
    )
    yield Ask(name="No such column", status=422, kind=TABLE, body=b"shoe_size\n42\n")
    yield Ask(
        name="No such kind", status=406, kind=TABLE, accept="image/png", body=b"x"
    )


def _table(signature: Signature) -> bytes:
    row = golden_rows(signature)[0]
    cells = ["" if it is None else _cell(it) for it in row.values()]
    lines = (",".join(map(_quoted, line)) for line in ([*row], cells))
    return "".join(f"{line}\n" for line in lines).encode()


def _cell(value: object) -> str:
    return value if isinstance(value, str) else show(value)  # type: ignore[arg-type]


def _quoted(cell: str) -> str:
    if any(each in cell for each in ',";\t\r\n'):
        return '"' + cell.replace('"', '""') + '"'
    return cell
