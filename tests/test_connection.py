"""What a client does to its connection, on purpose or not."""

import asyncio
import json
import math
import re
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgspec
import pytest

from server.batching import SLOW_RUN_MS
from server.http.connections import SLOW_SECONDS
from server.http.exchange import MAX_UNREAD_PARTS
from tests.connections import (
    OTHER,
    ROW,
    answer,
    ask,
    post,
    read_response,
    run,
    serving,
)
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
            n_held_bytes = 0
            for _ in range(20):
                writer.write(LIVEZ * 20_000)
                await asyncio.sleep(0.02)
                n_held_bytes = max(n_held_bytes, connection.n_held_bytes)
            writer.transport.abort()
            return n_held_bytes

    # one read of the loop brings 256 KiB
    assert 0 < run(scenario) <= 2 * 2**18


@pytest.mark.parametrize(
    "name",
    [
        b"Upgrade: websocket",
        b"Upgrade: TLS/1.2",
        b"Upgrade: h2c, websocket",
        b"Upgrade: h2c",
    ],
)
@pytest.mark.parametrize("before", [b"", LIVEZ])
@pytest.mark.parametrize("n_cut", [0, 1, 60, 200])
def test_a_body_behind_an_offer_is_a_body_wherever_it_is_cut(
    name: bytes, before: bytes, n_cut: int
) -> None:
    hidden = b"GET /models HTTP/1.1\r\nHost: x\r\n\r\n"
    head = b"POST /nowhere HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n" + name
    offer = before + head + b"\r\nContent-Length: %d\r\n\r\n" % len(hidden) + hidden
    parts = [offer[:n_cut], offer[n_cut:]] if n_cut else [offer]

    async def scenario() -> list[bytes]:
        async with serving() as served:
            n_responses = 1 + bool(before) + 1
            stream = await served.connect()
            return await ask(stream, *parts, OTHER, n_responses=n_responses)

    *first, refused, following = run(scenario)
    assert [each[9:12] for each in first] == [b"200"] * bool(before)
    assert refused[9:12] == b"404"
    assert following == answer(70.0)


def test_a_chunked_body_behind_an_offer_is_a_body() -> None:
    body = msgspec.json.encode(make_row())
    offer = (
        b"POST /predict HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
        b"Upgrade: websocket\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    )

    async def scenario() -> list[bytes]:
        async with serving() as served:
            return await ask(await served.connect(), offer, OTHER, n_responses=2)

    assert run(scenario) == [answer(80.0), answer(70.0)]


async def exchange(stream: Any, *parts: bytes) -> bytes:
    """Send the parts and return all that comes until the server closes."""
    reader, writer = stream
    for part in parts:
        writer.write(part)
        await asyncio.sleep(0.01)
    return await asyncio.wait_for(reader.read(), timeout=10)


def statuses(responses: bytes) -> list[int]:
    return [int(each) for each in re.findall(rb"HTTP/1\.1 (\d{3}) ", responses)]


HEAD = b"GET /livez HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    ("request_", "status", "detail"),
    [
        (b"INVALID\r\n\r\n", 400, "The request cannot be read: Invalid method"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "There are 0 Host fields; send one."),
        (HEAD + b"Host: y\r\n\r\n", 400, "There are 2 Host fields; send one."),
        (
            b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
            400,
            "Host is not a name or an address",
        ),
        (
            b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
            400,
            "Host is not a name or an address",
        ),
        (
            b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
            505,
            "The version is 2.0; send HTTP/1.1.",
        ),
        (b"GET /\r\n\r\n", 505, "The version is 0.9; send HTTP/1.1."),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "CONNECT is for proxies"),
        (
            b"GET host:80 HTTP/1.1\r\nHost: a\r\n\r\n",
            400,
            "The request cannot be read: Unexpected char in url schema.",
        ),
        (
            HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
            501,
            "Transfer-Encoding is 'gzip, chunked'; send chunked.",
        ),
        (
            b"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
            "HTTP/1.0 has no Transfer-Encoding.",
        ),
        (
            HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
            400,
            "The request cannot be read: Content-Length can't be present",
        ),
        (
            b"GET /" + b"a" * 8192 + b" HTTP/1.1\r\n",
            414,
            "Path and query have more than",
        ),
        (HEAD + b"a:b\r\n" * 100 + b"\r\n", 431, "The head has more than 100 fields."),
        (HEAD + b"a: " + b"b" * 40_000, 431, "The head has more than 32768 bytes."),
        (HEAD + b"a:b" * 20_000, 431, "The head has more than 32768 bytes."),
    ],
)
@pytest.mark.parametrize("before", [b"", LIVEZ, ROW])
def test_what_is_no_request_is_refused_behind_the_answers_before_it(
    before: bytes, request_: bytes, status: int, detail: str
) -> None:
    async def scenario() -> bytes:
        async with serving() as served:
            return await exchange(await served.connect(), before + request_)

    responses = run(scenario)
    assert statuses(responses) == [200] * bool(before) + [status]
    head, _, body = responses.rpartition(b"\r\n\r\n")
    assert head.endswith(b"\r\nconnection: close")
    assert b"content-type: application/problem+json" in head
    problem = json.loads(body)
    assert problem["status"] == status
    assert problem["detail"].startswith(detail)


@pytest.mark.parametrize("target", [b"http://host", b"http://host/", b"http://x/?a=b"])
def test_a_target_may_be_a_whole_address(target: bytes) -> None:
    request = b"GET %b HTTP/1.1\r\nHost: host\r\n\r\n" % target

    async def scenario() -> bytes:
        async with serving() as served:
            return (await ask(await served.connect(), request))[0]

    assert run(scenario).endswith(b'{"status":"alive"}')


def chunk(size: int) -> bytes:
    return b"%x\r\n%b\r\n" % (size, b" " * size)


BODY = msgspec.json.encode(make_row())
LAST = b"%x\r\n%b\r\n0\r\n" % (len(BODY), BODY)
CHUNKED = (
    b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (chunk(1) * 3000 + LAST + b"\r\n", 200),
        (LAST + b"Trailer: 1\r\n\r\n", 200),
        (b"1;" + b"e" * 300_000, 400),
        (chunk(1) + b"0\r\n" + b"a: " + b"b" * 300_000, 400),
        (chunk(1) + b"0\r\n" + b"a:b\r\n" * 200, 431),
        (b"x\r\n", 400),
    ],
)
def test_chunks_may_be_small_but_not_without_end(body: bytes, status: int) -> None:
    async def scenario() -> bytes:
        async with serving() as served:
            stream = await served.connect()
            closing = LIVEZ[:-2] + b"Connection: close\r\n\r\n"
            return await exchange(stream, CHUNKED + body, closing)

    assert statuses(run(scenario)) == [status] + [200] * (status == 200)


@pytest.mark.parametrize(
    ("parts", "settings", "responses"),
    [
        ([], ["--head-seconds", "1"], []),
        ([b"\r\n\r\n"], ["--head-seconds", "1"], []),
        ([HEAD], ["--head-seconds", "1"], [408]),
        ([ROW[:-1]], ["--body-seconds", "1"], [408]),
        ([post([{}] * 9000)[:-1]], ["--body-seconds", "1"], [408]),
        ([CHUNKED + chunk(3)], ["--body-seconds", "1"], [408]),
        ([ROW, HEAD], ["--head-seconds", "1"], [200, 408]),
        ([ROW, ROW[:-1]], ["--body-seconds", "1"], [200, 408]),
        ([LIVEZ], ["--keep-alive-seconds", "1"], [200]),
        ([LIVEZ + b"\r\n"], ["--keep-alive-seconds", "1"], [200]),
    ],
)
def test_whoever_keeps_the_server_waiting_is_told_and_sent_away(
    parts: list[bytes], settings: list[str], responses: list[int]
) -> None:
    async def scenario() -> tuple[bytes, int]:
        async with serving(settings=settings) as served:
            stream = await served.connect()
            received = await exchange(stream, *parts)
            stream[1].close()
            await asyncio.sleep(0.05)
            return received, len(served.all)

    received, n_connections = run(scenario)
    assert (statuses(received), n_connections) == (responses, 0)


def test_a_client_that_dribbles_has_no_more_time_than_others() -> None:
    async def scenario() -> bytes:
        async with serving(settings=["--head-seconds", "1"]) as served:
            reader, writer = await served.connect()
            reading = asyncio.create_task(reader.read())
            for byte in HEAD * 9:
                writer.write(bytes([byte]))
                await asyncio.sleep(0.1)
                if reading.done():
                    break
            return await reading

    assert statuses(run(scenario)) == [408]


@contextmanager
def not_reading() -> Iterator[socket.socket]:
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        yield client


async def ask_for_much(client: socket.socket, served: Any) -> None:
    """Ask, and wait until the answer waits to be read."""
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, served.address)
    await asyncio.sleep(0.05)
    there = served.connections[-1].transport.get_extra_info("socket")
    there.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    columns = {name: [value] * 10_000 for name, value in make_row().items()}
    asked = post({"columns": columns}, target=b"/predict?include=contributions")
    await loop.sock_sendall(client, asked)
    while not served.connections[-1].n_unsent_bytes:
        await asyncio.sleep(0.05)


def test_an_answer_that_nobody_reads_is_dropped_at_its_deadline() -> None:
    async def scenario() -> tuple[int, int]:
        with not_reading() as client:
            async with serving(settings=["--write-seconds", "1"]) as served:
                await ask_for_much(client, served)
                n_before = len(served.all)
                await asyncio.sleep(1.5)
                return n_before, len(served.all)

    assert run(scenario) == (1, 0)


def test_answers_that_nobody_reads_have_one_budget() -> None:
    async def scenario() -> list[bool]:
        with not_reading() as first, not_reading() as second, not_reading() as last:
            async with serving(settings=["--max-unsent-bytes", "100000"]) as served:
                for client in (first, second, last):
                    await ask_for_much(client, served)
                ended = [each.transport.is_closing() for each in served.connections]
                last.close()
                return ended

    assert run(scenario) == [True, True, False]


def test_what_was_dropped_unread_is_dropped_by_the_system_too() -> None:
    async def scenario() -> str:
        with not_reading() as client:
            async with serving(settings=["--write-seconds", "1"]) as served:
                await ask_for_much(client, served)
                while served.connections[0].n_unsent_bytes:
                    await asyncio.sleep(0.05)
                try:
                    while client.recv(100_000):
                        await asyncio.sleep(0.01)
                except ConnectionResetError:
                    return "reset"
                return "closed"

    assert run(scenario) == "reset"


def test_others_have_their_turn_between_chunks_of_a_byte() -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b"1\r\n \r\n" * 20_000 + b"2\r\n[]\r\n0\r\n\r\n"

    async def scenario() -> tuple[list[bytes], int]:
        async with serving() as served:
            stream = await served.connect()
            asking = asyncio.create_task(ask(stream, head + chunks))
            n_turns = 0
            while not asking.done():
                await asyncio.sleep(0)
                n_turns += bool(served.app.paths)
            return await asking, n_turns

    answers, n_turns = run(scenario)
    assert statuses(answers[0]) == [200]
    assert n_turns > 10_000 // MAX_UNREAD_PARTS


def test_what_is_no_request_is_refused_behind_any_answer() -> None:
    unknown = b"GET /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n"

    async def scenario() -> bytes:
        async with serving() as served:
            reader, writer = await served.connect()
            writer.write(unknown)
            await asyncio.sleep(0.05)
            writer.write(b"x" + LIVEZ.replace(b"localhost", b"../x") + LIVEZ)
            return await reader.read()

    assert statuses(run(scenario)) == [404, 400]


BEGUN = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n["


def test_a_body_that_has_no_room_is_refused_by_its_head() -> None:
    async def scenario() -> tuple[list[bytes], bytes]:
        async with serving(settings=["--max-held-bytes", "150000"]) as served:
            streams = await served.connect_all(4)
            for _, writer in streams[:3]:
                writer.write(BEGUN)
                await asyncio.sleep(0.05)
            refused = await read_response(streams[2][0])
            small = await ask(streams[3], post([make_row()]))
            for reader, writer in streams[:2]:
                writer.write(b" " * 69_998 + b"]")
                small.append(await read_response(reader))
            return small, refused

    answers, refused = run(scenario)
    assert statuses(refused) == [503]
    assert statuses(b"".join(answers)) == [200, 200, 200]


def test_whoever_is_slow_with_a_body_makes_room() -> None:
    async def scenario() -> tuple[list[bool], bytes]:
        async with serving(settings=["--max-held-bytes", "150000"]) as served:
            streams = await served.connect_all(3)
            for _, writer in streams[:2]:
                writer.write(BEGUN)
                await asyncio.sleep(0.05)
            await asyncio.sleep(SLOW_SECONDS)
            answers = await ask(streams[2], BEGUN, b" " * 69_998 + b"]")
            return [
                each.transport.is_closing() for each in served.connections
            ], answers[0]

    ended, answered = run(scenario)
    assert (ended, statuses(answered)) == ([True, False, False], [200])


@pytest.mark.parametrize(
    "limit", ["--max-connections", "--max-connections-per-address"]
)
def test_a_place_is_taken_from_whoever_was_silent_longest(limit: str) -> None:
    async def scenario() -> list[bool]:
        async with serving(settings=[limit, "3"]) as served:
            served_one, *_ = await served.connect_all(3)
            await ask(served_one, ROW)
            await served.connect_all(2)
            await asyncio.sleep(0.05)
            return [each.transport.is_closing() for each in served.connections]

    assert run(scenario) == [False, True, True, False, False]


def test_whoever_has_asked_meanwhile_keeps_the_place() -> None:
    async def scenario() -> list[bool]:
        async with serving(settings=["--max-connections", "3"]) as served:
            streams = []
            for _ in range(4):
                streams.append(await served.connect())
                await asyncio.sleep(0.01)  # the loop counts in milliseconds
            await ask(streams[1], ROW)
            await served.connect()
            await asyncio.sleep(0.05)
            return [each.transport.is_closing() for each in served.connections]

    assert run(scenario) == [True, False, True, False, False]


def test_without_a_place_the_newest_is_told_when_to_come_again() -> None:
    async def scenario() -> bytes:
        async with serving(
            run_ms=2 * SLOW_RUN_MS, settings=["--max-connections", "1"]
        ) as served:
            (busy,) = await served.connect_all(1)
            served.connections[0].data_received(ROW)
            refused = await exchange(await served.connect())
            return refused + await read_response(busy[0])

    received = run(scenario)
    assert statuses(received) == [503, 200]
    assert b"\r\nretry-after: 1\r\n" in received


def test_a_stop_spares_whoever_may_have_sent_what_has_not_come_yet() -> None:
    async def scenario() -> tuple[list[bytes], bytes]:
        async with serving() as served:
            kept, silent = await served.connect_all(2)
            await ask(kept, ROW)
            served.all.close_idle(0.5)
            answers = await ask(kept, ROW) + await ask(silent, ROW)
            served.all.close_idle()
            return answers, await kept[0].read() + await silent[0].read()

    answers, rest = run(scenario)
    assert (answers, rest) == ([answer(80.0)] * 2, b"")


@pytest.mark.parametrize("n_rows", [1, 65, 5000])
@pytest.mark.parametrize("run_ms", [0.0, 2 * SLOW_RUN_MS])
def test_a_client_that_ends_its_half_has_its_answers(
    n_rows: int, run_ms: float
) -> None:
    async def scenario() -> bytes:
        async with serving(run_ms=run_ms) as served:
            reader, writer = await served.connect()
            writer.write(LIVEZ + post([make_row()] * n_rows) + ROW)
            writer.write_eof()
            return await reader.read()

    assert statuses(run(scenario)) == [200, 200, 200]


@pytest.mark.parametrize("run_ms", [0.0, 2 * SLOW_RUN_MS])
@pytest.mark.parametrize("rest", [BEGUN, BEGUN[:-3], BEGUN[:20]])
@pytest.mark.parametrize("n_between", [0, 5000])
def test_what_is_cut_off_takes_no_answer_from_what_is_whole(
    run_ms: float, rest: bytes, n_between: int
) -> None:
    first = LIVEZ + post([make_row()] * n_between) if n_between else post([make_row()])

    async def scenario() -> bytes:
        async with serving(run_ms=run_ms) as served:
            reader, writer = await served.connect()
            writer.write(first + rest)
            writer.write_eof()
            return await reader.read()

    n_whole = 1 + bool(n_between)
    assert statuses(run(scenario)) == [200] * n_whole


def test_a_client_that_says_too_much_is_not_asked_for_it() -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"

    async def scenario() -> list[bytes]:
        async with serving(settings=["--max-body-bytes", "200"]) as served:
            first, second = await served.connect_all(2)
            body = msgspec.json.encode(make_row())
            refused = await exchange(first, head + b"Content-Length: 201\r\n\r\n")
            second[1].write(head + b"Content-Length: %d\r\n\r\n" % len(body))
            told = await second[0].readuntil(b"\r\n\r\n")
            return [refused, told, *await ask(second, body)]

    refused, told, answered = run(scenario)
    assert statuses(refused) == [413]
    assert told == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answered == answer(80.0)


def test_a_refused_body_is_read_for_a_while_so_that_the_client_hears_of_it() -> None:
    body = b" " * 8_000_000
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(
        body
    )

    async def scenario() -> bytes:
        async with serving() as served:
            return await exchange(await served.connect(), head + body)

    assert statuses(run(scenario)) == [413]


def test_a_refused_body_is_not_read_without_end() -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n"

    async def scenario() -> int:
        async with serving() as served:
            _, writer = await served.connect()
            writer.write(head)
            n_sent = 0
            with suppress(OSError):
                while not writer.transport.is_closing():
                    writer.write(bytes(2**20))
                    n_sent += 2**20
                    await writer.drain()
            return n_sent

    assert run(scenario) < 2**26


def test_a_reset_connection_is_forgotten_at_once() -> None:
    async def scenario() -> list[Any]:
        async with serving() as served:
            reader, writer = await served.connect()
            await ask((reader, writer), ROW)
            sock = writer.get_extra_info("socket")
            now_gone = struct.pack("ii", 1, 0)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now_gone)
            writer.close()
            await asyncio.sleep(0.05)
            (connection,) = served.connections
            return [len(served.all), connection.deadline]

    assert run(scenario) == [0, math.inf]
