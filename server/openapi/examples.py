"""Asks the application for what is shown: no example is written by hand."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from urllib.parse import unquote

import msgspec
from starlette.types import ASGIApp, Message

from server.openapi.operation import Ask, Operation
from server.problems import Overloaded

MAX_SHOWN_BYTES = 10_000
"""Of an operation's requests: of a model with a thousand features only the first is
shown, which says what the others would."""


class Reply(NamedTuple):
    """What an example of a request is answered with."""

    status: int
    kind: str
    body: bytes

    @property
    def is_json(self) -> bool:
        return self.kind.endswith(("/json", "+json"))

    @property
    def value(self) -> object:
        """The document in the body, or its text."""
        return msgspec.json.decode(self.body) if self.is_json else self.body.decode()


class Shown(NamedTuple):
    """An operation, and the requests that show it with their answers."""

    operation: Operation
    exchanges: Sequence[tuple[Ask, Reply]]


async def shown(application: ASGIApp, operations: Iterable[Operation]) -> list[Shown]:
    """Return operations with their examples.

    Raises
    ------
    Overloaded
        There is no time for an example now.
    """
    return [
        Shown(each, [(ask, await _reply(application, each, ask)) for ask in _few(each)])
        for each in operations
    ]


def _few(operation: Operation) -> Sequence[Ask]:
    n_bytes = sum(len(it.body) + len(operation.target_of(it)) for it in operation.asks)
    return operation.asks if n_bytes <= MAX_SHOWN_BYTES else operation.asks[:1]


async def _reply(application: ASGIApp, operation: Operation, ask: Ask) -> Reply:
    path, _, query = operation.target_of(ask).partition("?")
    fields = {"host": "localhost", **ask.fields()}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": operation.method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [
            (name.lower().encode(), value.encode()) for name, value in fields.items()
        ],
        "client": None,
        "server": None,
    }
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": ask.body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await application(scope, receive, send)
    head = sent[0]
    if head["status"] == Overloaded.status:
        raise Overloaded("The examples of the interface cannot be made now.")
    kind = dict(head["headers"])[b"content-type"].decode()
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return Reply(head["status"], kind, body)
