"""The shapes that an error has, by protocol, and the words of each."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from server.contracts.contract import Answer
from server.contracts.errors import refused
from server.contracts.mcp.message import refused as rpc_refused
from server.contracts.warehouses import MAX_ERROR_BYTES
from server.problems import (
    MEDIA_TYPE,
    BodyTooLarge,
    HeadTooLarge,
    MalformedRequest,
    MisdirectedRequest,
    Overloaded,
    Problem,
    RequestTimeout,
    TargetTooLong,
    TooManyRequests,
    TooManyRows,
    Unauthorized,
    UnknownCoding,
    UnknownVersion,
)
from server.settings import Settings


class Shape(Struct, frozen=True):
    """How an error is written.

    Parameters
    ----------
    schema
        Name of its schema among the document's.
    answer
        Writes one.
    """

    schema: str
    media_type: str
    answer: Callable[[Problem], Answer]

    def status(self, problem: type[Problem]) -> int:
        return int(self.answer(problem("")).status)


def _plain(problem: Problem) -> Answer:
    kind = MEDIA_TYPE.encode()
    return Answer(problem.body(), kind, problem.status, problem.fields)


def _coded(problem: Problem) -> Answer:
    code = "BAD_REQUEST" if problem.status < 500 else "INTERNAL_ERROR"
    return refused(problem, "message", error_code=code)


def _short(problem: Problem) -> Answer:
    return refused(problem, "errorMessage", MAX_ERROR_BYTES)


def _rpc(problem: Problem) -> Answer:
    return rpc_refused(None, problem)


PROBLEM = Shape("Problem", MEDIA_TYPE, _plain)
ERROR = Shape("Error", "application/json", refused)
CODED = Shape("CodedError", "application/json", _coded)
SHORT = Shape("ErrorMessage", "application/json", _short)
RPC = Shape("RpcAnswer", "application/json", _rpc)

TEXT = {"type": "string"}

SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "Problem": {
        "description": "An error (RFC 9457). Of type about:blank, its status says all.",
        "type": "object",
        "properties": {
            "type": {"type": "string", "description": "A path that explains it."},
            "title": TEXT,
            "status": {"type": "integer"},
            "detail": TEXT,
            "errors": {
                "type": "array",
                "items": {"$ref": "#/components/schemas/Fault"},
            },
        },
        "required": ["type", "title", "status"],
    },
    "Fault": {
        "type": "object",
        "properties": {
            "pointer": {
                "type": "string",
                "description": "To the value, a JSON Pointer as a URI fragment.",
            },
            "detail": TEXT,
        },
        "required": ["pointer", "detail"],
    },
    "Error": {
        "description": "An error, in one text.",
        "type": "object",
        "properties": {"error": TEXT},
        "required": ["error"],
    },
    "CodedError": {
        "description": "An error, as MLflow and SageMaker have it.",
        "type": "object",
        "properties": {"error_code": TEXT, "message": TEXT},
        "required": ["error_code", "message"],
    },
    "RpcMessage": {
        "description": "A request of JSON-RPC 2.0, or, without an id, a notification.",
        "type": "object",
        "properties": {
            "jsonrpc": {"const": "2.0"},
            "id": {"type": ["string", "integer"]},
            "method": TEXT,
            "params": {"type": ["object", "null"]},
        },
        "required": ["jsonrpc", "method"],
    },
    "RpcAnswer": {
        "description": "Its answer: a result, or an error.",
        "type": "object",
        "properties": {
            "jsonrpc": {"const": "2.0"},
            "id": {"type": ["string", "integer", "null"]},
            "result": {"type": "object"},
            "error": {
                "type": "object",
                "properties": {"code": {"type": "integer"}, "message": TEXT},
                "required": ["code", "message"],
            },
        },
        "required": ["jsonrpc", "id"],
    },
    "ErrorMessage": {
        "description": "An error, as BigQuery shows it.",
        "type": "object",
        "properties": {"errorMessage": TEXT},
        "required": ["errorMessage"],
    },
}


def everywhere(settings: Settings) -> list[type[Problem]]:
    """Return what any request may be told, before anybody looks at what it asks."""
    found: list[type[Problem]] = [
        *(MalformedRequest, RequestTimeout, TargetTooLong, HeadTooLarge),
        *(UnknownCoding, UnknownVersion, Overloaded),
    ]
    if settings.keys or settings.keys_file:
        found.append(Unauthorized)
    if settings.hosts:
        found.append(MisdirectedRequest)
    if settings.max_rate_per_key or settings.max_rate_per_address:
        found.append(TooManyRequests)
    return found


def example(problem: type[Problem], settings: Settings) -> Problem | None:
    """Return one of those that no example of a request leads to; None of the others."""
    words = {
        MalformedRequest: "There are 0 Host fields; send one.",
        RequestTimeout: f"The body did not come within {settings.body_seconds} s.",
        TargetTooLong: f"Path and query have more than {settings.max_target_bytes} bytes.",
        HeadTooLarge: f"The head has more than {settings.max_fields} fields.",
        UnknownCoding: "Transfer-Encoding is 'gzip'; send chunked.",
        UnknownVersion: "The version is 2.0; send HTTP/1.1.",
        Overloaded: "All connections are taken.",
        Unauthorized: "The key is missing; send Authorization: Bearer KEY or X-API-Key: "
        "KEY.",
        MisdirectedRequest: "The host 'other.example' is not served here.",
        TooManyRequests: "More than "
        f"{settings.max_rate_per_address or settings.max_rate_per_key} requests a second "
        "came.",
        BodyTooLarge: f"The body has more than {settings.max_body_bytes} bytes; that is "
        "the limit.",
        TooManyRows: f"The body has {settings.max_rows + 1} rows; at most "
        f"{settings.max_rows} are accepted.",
    }
    return problem(words[problem]) if problem in words else None
