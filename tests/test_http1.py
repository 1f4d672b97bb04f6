"""What uvicorn's own protocol would not survive."""

import asyncio

import msgspec
import pytest

from server.batching import SLOW_RUN_MS
from tests.connections import ROW, answer, ask, post, run, serving
from tests.models import make_row

LIVEZ = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize("name", [b"Upgrade: h2c", b"upgrade:  h2c ", b"UPGRADE:h2c"])
def test_the_offer_of_http_2_is_declined(name: bytes) -> None:
    settings = b"HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA"
    offered_by_java = (b"Connection: Upgrade, HTTP2-Settings", name, settings)
    offer = post(make_row(), *offered_by_java)

    async def scenario() -> list[bytes]:
        async with serving() as served:
            stream = await served.connect()
            return await ask(stream, offer, ROW, offer, n_responses=3)

    assert run(scenario) == [answer(80.0)] * 3


def test_a_declined_offer_takes_nothing_of_the_header_before_it() -> None:
    body = msgspec.json.encode(make_row())
    offer = (
        b"POST /predict HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
        b"Upgrade: h2c\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    )

    async def scenario() -> bytes:
        async with serving() as served:
            return (await ask(await served.connect(), offer, n_responses=1))[0]

    assert run(scenario)[9:12] == b"200"


def test_a_body_keeps_what_looks_like_an_offer() -> None:
    hidden = ROW
    body = b"aaa\r\nUpgrade: h2c\r\n\r\n" * 3
    refused = (
        b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
    )
    nowhere = b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\n"

    async def scenario() -> list[bytes]:
        async with serving() as served:
            stream = await served.connect()
            return await ask(
                stream,
                refused + b"Content-Length: %d\r\n\r\n" % len(body),
                body,
                nowhere + b"Content-Length: %d\r\n\r\n" % len(hidden) + hidden,
                LIVEZ,
                n_responses=3,
            )

    statuses = [response[9:12] for response in run(scenario)]
    assert statuses == [b"415", b"404", b"200"]


def test_a_client_that_leaves_with_requests_open_is_no_fault(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> bytes:
        async with serving(run_ms=2 * SLOW_RUN_MS) as served:
            _, there = await served.connect_all(2)
            gone, _ = served.connections
            gone.data_received(ROW * 3)
            gone.transport.abort()
            return (await ask(there, ROW, ROW, n_responses=2))[1]

    assert run(scenario) == answer(80.0)
    assert caplog.text == ""


def test_a_client_that_asks_without_end_is_read_no_further() -> None:
    async def scenario() -> int:
        async with serving() as served:
            _, writer = await served.connect()
            (connection,) = served.connections
            n_waiting = 0
            for _ in range(20):
                writer.write(LIVEZ * 20_000)
                await asyncio.sleep(0.02)
                n_waiting = max(n_waiting, len(connection.pipeline))
            writer.transport.abort()
            return n_waiting

    # one read of the loop brings 256 KiB
    assert run(scenario) <= 2 * 2**18 / len(LIVEZ)
