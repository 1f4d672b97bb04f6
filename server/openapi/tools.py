"""The models as tools for assistants, over MCP."""

from collections.abc import Iterator
from typing import Any

from server.openapi.native import encoded
from server.openapi.operation import JSON, Ask, Operation
from server.openapi.schemas import PREFIX
from server.openapi.served import Served, golden_rows
from server.openapi.shapes import RPC
from server.problems import (
    BodyTooLarge,
    MalformedBody,
    TooManyRows,
    UnsupportedMediaType,
)

TAG = "Model Context Protocol"


def operations(served: Served) -> Iterator[Operation]:
    """Yield where assistants ask."""
    yield Operation(
        method="POST",
        route="/mcp",
        name="mcp",
        tag=TAG,
        summary="List the models as tools, or call one",
        description="One message of JSON-RPC 2.0, of a revision of MCP from 2025-03-26 to "
        "2026-07-28, without a session. A notification is answered with 202 and nothing. "
        "Older revisions have errors in answers of status 200.",
        bodies={JSON: {"$ref": f"{PREFIX}RpcMessage"}},
        answers={
            200: {JSON: {"$ref": f"{PREFIX}RpcAnswer"}},
            202: {},
            403: {JSON: {"$ref": f"{PREFIX}RpcAnswer"}},
            404: {JSON: {"$ref": f"{PREFIX}RpcAnswer"}},
        },
        refusals=[MalformedBody, BodyTooLarge, TooManyRows, UnsupportedMediaType],
        shape=RPC,
        asks=[*_asks(served)],
    )


def _asks(served: Served) -> Iterator[Ask]:
    name = served.names[0]
    row = golden_rows(served.signatures[0])[0]
    call = {"name": name, "arguments": row}
    yield Ask(name="The tools", body=_message("tools/list"))
    yield Ask(name="A call", body=_message("tools/call", params=call))
    yield Ask(name="No such method", body=_message("nothing"))
    yield Ask(name="Not JSON", status=400, body=b'{"')
    yield Ask(name="Another kind", status=415, kind="text/plain", body=b"x")


def _message(method: str, **more: Any) -> bytes:
    return encoded({"jsonrpc": "2.0", "id": 1, "method": method, **more})
