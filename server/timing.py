"""How long an answer took, for whoever asks with `Prefer: timing`.

https://www.w3.org/TR/server-timing/
"""

from time import perf_counter

from server.contracts.contract import Headers
from server.http.asgi import Message, Receive, Send

WISH = b"timing"


def is_wanted(headers: Headers) -> bool:
    """Whether a request prefers to be timed (RFC 7240)."""
    return any(
        WISH in (each.strip().lower() for each in value.split(b","))
        for name, value in headers
        if name == b"prefer"
    )


def timed(receive: Receive, send: Send) -> tuple[Receive, Send]:
    """Return the two such that the head of the answer says how long it took.

    `body` is the wait for the request's body, `answer` all from its end to the first
    byte of the answer, both in milliseconds.
    """
    begun = received = perf_counter()

    async def receive_and_note() -> Message:
        nonlocal received
        message = await receive()
        received = perf_counter()
        return message

    async def send_with_times(message: Message) -> None:
        if message["type"] == "http.response.start":
            body_ms, answer_ms = (
                1000 * seconds
                for seconds in (received - begun, perf_counter() - received)
            )
            times = b"body;dur=%.3f, answer;dur=%.3f" % (body_ms, answer_ms)
            fields = [*message["headers"], (b"server-timing", times)]
            message = {**message, "headers": fields}
        await send(message)

    return receive_and_note, send_with_times
