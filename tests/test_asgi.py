import asyncio
from typing import Any

import pytest

from server.asgi import Disconnected, Message, read_body, respond_fault, respond_problem
from server.problems import BodyTooLarge, MalformedBody


def read(*messages: dict[str, Any], max_body_bytes: int = 10) -> tuple[bytes, int]:
    """Return the body and how many messages were left."""
    waiting = [{"type": "http.request", **message} for message in messages]

    async def receive() -> Message:
        return waiting.pop(0)

    return asyncio.run(read_body(receive, max_body_bytes)), len(waiting)


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


def sent_by(respond: Any, *arguments: Any) -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(respond(send, *arguments))
    return sent


@pytest.mark.parametrize(
    ("respond", "arguments", "status", "body"),
    [
        (
            respond_fault,
            [],
            500,
            b'{"type":"about:blank","title":"Internal Server Error","status":500}',
        ),
        (
            respond_problem,
            [MalformedBody("It ends.")],
            400,
            MalformedBody("It ends.").body(),
        ),
    ],
)
def test_what_goes_wrong_is_a_whole_response(
    respond: Any, arguments: list[Any], status: int, body: bytes
) -> None:
    assert sent_by(respond, *arguments) == [
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", b"application/problem+json"),
                (b"content-length", b"%d" % len(body)),
            ],
        },
        {"type": "http.response.body", "body": body},
    ]
