"""The messages of JSON-RPC 2.0, in which MCP is spoken, and their answers.

https://www.jsonrpc.org/specification
"""

from typing import Any, Literal

import msgspec

from server.contracts.contract import Answer, Headers
from server.contracts.headers import JSON, is_compressed, require_json
from server.problems import MalformedBody, Problem, UnsupportedMediaType

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
UNKNOWN_METHOD = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603

Id = str | int


class Refusal(Exception):
    """An error of JSON-RPC.

    Parameters
    ----------
    status
        Of HTTP.
    more
        Of the error, beside its code and its message.
    """

    def __init__(self, code: int, said: str, status: int = 400, **more: Any) -> None:
        super().__init__(said)
        self.error = {"code": code, "message": said, **more}
        self.status = status


class Message(msgspec.Struct):
    """A request, or, without an id, a notification."""

    jsonrpc: Literal["2.0"]
    method: str
    id: Id | msgspec.UnsetType = msgspec.UNSET
    params: dict[str, Any] | None = None

    @property
    def is_request(self) -> bool:
        """Whether an answer is waited for."""
        return self.id is not msgspec.UNSET

    @property
    def meta(self) -> dict[str, Any]:
        """What is said of the request itself."""
        meta = (self.params or {}).get("_meta")
        return meta if isinstance(meta, dict) else {}


def require_plain_json(fields: Headers) -> None:
    """Refuse what no client sends, before it is unpacked on the event loop.

    Raises
    ------
    UnsupportedMediaType
    """
    require_json(fields)
    if is_compressed(fields):
        raise UnsupportedMediaType("The body is compressed; send it plain.")


def id_of(document: Any) -> Id | None:
    """Return what an answer refers to, also to what is no message."""
    found = document.get("id") if isinstance(document, dict) else None
    return found if type(found) in (str, int) else None


def message_of(document: Any) -> Message:
    """Return the message that a body has.

    Raises
    ------
    Refusal
        It is none of JSON-RPC, or more than one.
    """
    try:
        return msgspec.convert(document, Message)
    except msgspec.ValidationError as error:
        said = f"Expected one message of JSON-RPC 2.0, an object: {error}."
        raise Refusal(INVALID_REQUEST, said) from None


def answered(number: Id | None, status: int = 200, **more: Any) -> Answer:
    """Return an answer with a result or an error; the id is null if nobody knows it."""
    document = {"jsonrpc": "2.0", "id": number, **more}
    return Answer(msgspec.json.encode(document), JSON, status)


def refused(number: Id | None, problem: Problem) -> Answer:
    """Return an error in the place of a problem, with its status."""
    code = INTERNAL_ERROR if problem.status >= 500 else INVALID_REQUEST
    if isinstance(problem, MalformedBody):
        code = PARSE_ERROR
    error = {"code": code, "message": problem.detail}
    answer = answered(number, problem.status, error=error)
    return msgspec.structs.replace(answer, fields=problem.fields)
