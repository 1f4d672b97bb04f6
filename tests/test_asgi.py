import asyncio
from typing import Any

import pytest

from server.http.asgi import (
    Disconnected,
    Message,
    read_body,
    respond,
    respond_fault,
)
from server.problems import BodyTooLarge


def read(*messages: dict[str, Any], max_body_bytes: int = 10) -> tuple[bytes, int]:
    """Return the body and how many messages were left."""
    waiting = [{"type": "http.request", **message} for message in messages]

    async def receive() -> Message:
        return waiting.pop(0)

    return asyncio.run(read_body([], receive, max_body_bytes)), len(waiting)


def test_a_body_ends_with_the_message_that_announces_no_other() -> None:
    first, last = {"body": b"ab", "more_body": True}, {"body": b"c"}

    assert read(last, first) == (b"c", 1)
    assert read(first, {"more_body": True}, last, first) == (b"abc", 1)
    assert read({}) == (b"", 0)
    assert read(first, {"body": b"d", "more_body": False}, last) == (b"abd", 1)


def test_a_body_may_be_as_long_as_the_limit() -> None:
    half = {"body": b"12345", "more_body": True}

    assert read(half, {"body": b"67890"}) == (b"1234567890", 0)
    with pytest.raises(BodyTooLarge) as refusal:
        read(half, {"body": b"67890!", "more_body": True})
    assert refusal.value.detail == (
        "The body has more than 10 bytes; that is the limit."
    )


def test_a_client_that_goes_away_is_no_end_of_a_body() -> None:
    with pytest.raises(Disconnected):
        read({"body": b"ab", "more_body": True}, {"type": "http.disconnect"})


def sent_by(responding: Any, *arguments: Any) -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(responding(send, *arguments))
    return sent


def whole(status: int, media_type: bytes, body: bytes) -> list[Message]:
    """Return the messages of a response."""
    length = b"%d" % len(body)
    headers = [(b"content-type", media_type), (b"content-length", length)]
    return [
        {"type": "http.response.start", "status": status, "headers": headers},
        {"type": "http.response.body", "body": body},
    ]


def test_a_response_is_whole() -> None:
    sent = sent_by(respond, 418, b"text/tea", b"short")

    assert sent == whole(418, b"text/tea", b"short")


def test_a_fault_is_a_500_without_a_detail() -> None:
    body = b'{"type":"about:blank","title":"Internal Server Error","status":500}'

    assert sent_by(respond_fault) == whole(500, b"application/problem+json", body)
