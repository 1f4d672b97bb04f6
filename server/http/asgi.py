"""The few lines of ASGI that the hot path needs.

https://asgi.readthedocs.io/en/latest/specs/www.html
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from server.http.head import declared_body_bytes
from server.problems import MEDIA_TYPE, BodyTooLarge

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Disconnected(Exception):
    """The client went away before its body was complete."""


async def read_body(
    fields: Iterable[tuple[bytes, bytes]], receive: Receive, max_body_bytes: int
) -> bytes:
    """Return the request's body.

    Parameters
    ----------
    fields
        Of the request's head: one that says too much is not asked for its body.

    Raises
    ------
    BodyTooLarge
        As soon as more than `max_body_bytes` have come; the rest is not read.
    Disconnected
    """
    too_large = BodyTooLarge(
        f"The body has more than {max_body_bytes} bytes; that is the limit."
    )
    if declared_body_bytes(fields) > max_body_bytes:
        raise too_large
    chunks: list[bytes] = []
    n_bytes = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunk: bytes = message.get("body", b"")
        n_bytes += len(chunk)
        if n_bytes > max_body_bytes:
            raise too_large
        chunks.append(chunk)
        more = message.get("more_body", False)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def respond(
    send: Send,
    status: int,
    media_type: bytes,
    body: bytes,
    fields: Iterable[tuple[bytes, bytes]] = (),
) -> None:
    """Send a whole response; `fields` are those of its head that few others have."""
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", media_type),
                (b"content-length", b"%d" % len(body)),
                *fields,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})


FAULT_BODY = b'{"type":"about:blank","title":"Internal Server Error","status":500}'
"""Without detail: that is for the log, not for whoever asks."""


async def respond_fault(send: Send) -> None:
    """Send a 500; the caller raises the fault again, so that it is logged."""
    await respond(send, 500, MEDIA_TYPE.encode(), FAULT_BODY)
