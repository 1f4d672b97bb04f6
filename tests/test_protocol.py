"""Which way a request takes through the protocol, and that nobody can tell."""

import asyncio
import json
from typing import Any

import pytest

from server.access import Access
from server.batching import MAX_COALESCED_ROWS, SLOW_RUN_MS
from server.edge import Edge
from server.protocol import MAX_KEPT_HEADS, hot_heads
from server.settings import default_settings
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
from tests.models import make_row, make_two_targets


@pytest.mark.parametrize(
    "parts",
    [
        [ROW],
        [ROW[:3], ROW[3:]],
        [ROW[:20], ROW[20:90], ROW[90:]],
        [ROW.partition(b"{")[0], b"{" + ROW.partition(b"{")[2]],
        [ROW[:-1], ROW[-1:]],
        [ROW[position : position + 1] for position in range(len(ROW))],
    ],
)
def test_a_request_is_answered_however_it_is_cut(parts: list[bytes]) -> None:
    async def scenario() -> list[bytes]:
        async with serving() as served:
            return await ask(await served.connect(), *parts, OTHER, n_responses=2)

    assert run(scenario) == [answer(80.0), answer(70.0)]


def padded(n_bytes: int) -> bytes:
    """Return a request of so many bytes, head and body."""
    head = post(make_row(), b"Padding: ")
    return post(make_row(), b"Padding: " + b"x" * (n_bytes - len(head)))


@pytest.mark.parametrize(
    ("request_", "paths"),
    [
        (ROW, []),
        (post([make_row()] * MAX_COALESCED_ROWS), []),
        (post(make_row(), target=b"/models/student/predict"), []),
        (post([make_row()] * (MAX_COALESCED_ROWS + 1)), ["/predict"]),
        (padded(8192), []),
        (padded(8193), ["/predict"]),
        (post(make_row(), target=b"/predict?include=interval"), ["/predict"]),
        (post(make_row(), b"Connection: close"), ["/predict"]),
        (post(make_row(), b"Content-Encoding: gzip"), ["/predict"]),
        (post(make_row(gender="neither")), ["/predict"]),
        (post(make_row(), target=b"/livez"), ["/livez"]),
    ],
)
def test_only_short_plain_predictions_spare_asgi(
    request_: bytes, paths: list[str]
) -> None:
    async def scenario() -> list[str]:
        async with serving() as served:
            await ask(await served.connect(), request_)
            return served.app.paths

    assert run(scenario) == paths


@pytest.mark.parametrize(("n_bytes", "paths"), [(8192, []), (8193, ["/predict"])])
def test_a_request_whose_body_comes_later_is_short_within_the_same_bounds(
    n_bytes: int, paths: list[str]
) -> None:
    request = padded(n_bytes)

    async def scenario() -> tuple[list[bytes], list[str]]:
        async with serving() as served:
            stream = await served.connect()
            return await ask(stream, request[:-9], request[-9:]), served.app.paths

    assert run(scenario) == ([answer(80.0)], paths)


def test_both_ways_give_the_same_bytes() -> None:
    documents = [make_row(), [make_row()] * 3, [], {"columns": {"gender": ["male"]}}]

    async def scenario() -> list[list[list[bytes]]]:
        async with serving() as served:
            stream = await served.connect()
            short = [await ask(stream, post(each)) for each in documents]
            passed_on = [
                await ask(stream, post(each, b"Expect: 200-ok")) for each in documents
            ]
            assert len(served.app.paths) == len(documents)
            return [short, passed_on]

    short, passed_on = run(scenario)
    assert short == passed_on


def test_pipelined_requests_are_answered_in_order() -> None:
    invalid = post(make_row(gender="neither"))

    async def scenario() -> list[bytes]:
        async with serving() as served:
            stream = await served.connect()
            together = await ask(stream, ROW + OTHER + invalid + ROW, n_responses=4)
            reader, writer = stream
            (connection,) = served.connections
            for request in (ROW, invalid, OTHER, ROW):  # in one turn of the loop
                connection.data_received(request)
            writer.write(OTHER)
            apart = [await read_response(reader) for _ in range(5)]
            return together + apart

    first, second, refused, third, *apart = run(scenario)
    assert [first, second, third] == [answer(80.0), answer(70.0), answer(80.0)]
    assert refused.startswith(b"HTTP/1.1 422 ")
    assert apart == [first, refused, second, first, second]


def test_a_body_is_never_taken_for_a_request() -> None:
    shell = b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"

    async def scenario() -> list[bytes]:
        async with serving() as served:
            stream = await served.connect()
            return await ask(stream, shell % len(ROW), ROW, OTHER, n_responses=2)

    refused, following = run(scenario)
    assert refused.startswith(b"HTTP/1.1 404 ")
    assert following == answer(70.0)


def test_a_head_is_never_taken_for_a_request() -> None:
    async def scenario() -> list[bytes]:
        async with serving() as served:
            begun = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nNext: "
            rest = b"\r\n\r\n"
            return await ask(await served.connect(), begun, ROW[:-1] + rest)

    (refused,) = run(scenario)
    assert refused.startswith(b"HTTP/1.1 ")
    assert b"prediction" not in refused


def test_requests_of_several_connections_share_a_run() -> None:
    async def scenario() -> tuple[list[bytes], list[int]]:
        async with serving() as served:
            streams = await served.connect_all(3)
            for connection, request in zip(
                served.connections, [ROW, OTHER, ROW], strict=True
            ):
                connection.data_received(request)
            responses = [await read_response(reader) for reader, _ in streams]
            return responses, served.app.model.n_rows_of_runs

    assert run(scenario) == ([answer(80.0), answer(70.0), answer(80.0)], [3])


def test_a_request_that_breaks_the_run_does_not_fail_its_neighbours() -> None:
    poisoned = post(make_row() | {"lunch/meal": "poison"})

    async def scenario() -> list[bytes]:
        async with serving() as served:
            streams = await served.connect_all(3)
            for connection, request in zip(
                served.connections, [ROW, poisoned, OTHER], strict=True
            ):
                connection.data_received(request)
            return [await read_response(reader) for reader, _ in streams]

    first, broken, last = run(scenario)
    assert (first, last) == (answer(80.0), answer(70.0))
    assert broken.startswith(b"HTTP/1.1 500 ")
    assert broken.endswith(
        b'{"type":"about:blank","title":"Internal Server Error","status":500}'
    )


def test_a_row_without_a_finite_prediction_does_not_fail_its_neighbours() -> None:
    requests = [post({"reading score": score}) for score in (10, 0, 64)]

    async def scenario() -> tuple[list[bytes], list[int], list[str]]:
        async with serving(content=make_two_targets()) as served:
            streams = await served.connect_all(3)
            for connection, request in zip(served.connections, requests, strict=True):
                connection.data_received(request)
            responses = [await read_response(reader) for reader, _ in streams]
            return responses, served.app.model.n_rows_of_runs, served.app.paths

    (first, refused, last), n_rows_of_runs, paths = run(scenario)
    assert first.endswith(b'\r\n\r\n{"prediction":{"maths":10.0,"one / score":0.1}}')
    assert last.endswith(b'{"prediction":{"maths":64.0,"one / score":0.015625}}')
    assert refused.startswith(b"HTTP/1.1 422 ")
    assert b'"detail":"Without a finite prediction: 1 of 1 rows."' in refused
    assert (n_rows_of_runs, paths) == ([3, 1], ["/predict"])


@pytest.mark.parametrize(
    ("run_ms", "n_rows", "threads"),
    [
        (0.0, 1, ["MainThread"]),
        (0.0, 64, ["MainThread"]),
        (0.0, 65, ["model"]),
        (0.0, 1001, ["model"] * 2),
        (2 * SLOW_RUN_MS, 1, ["model"]),
    ],
)
def test_what_is_included_leaves_the_loop_where_a_prediction_does(
    run_ms: float, n_rows: int, threads: list[str]
) -> None:
    asked = post([make_row()] * n_rows, target=b"/predict?include=contributions")

    async def scenario() -> tuple[list[bytes], list[str]]:
        async with serving(run_ms=run_ms) as served:
            responses = await ask(await served.connect(), asked)
            return responses, served.app.model.threads

    (response,), found = run(scenario)
    assert found == threads
    assert json.loads(response.partition(b"\r\n\r\n")[2]) == {
        "predictions": [80.0] * n_rows,
        "contributions": [{"gender": 1.0, "lunch/meal": 3.0, "reading score": 10.0}]
        * n_rows,
        "baseline": 66.0,
    }


def test_a_slow_model_leaves_the_loop() -> None:
    async def scenario() -> tuple[list[bytes], list[str]]:
        async with serving(run_ms=2 * SLOW_RUN_MS) as served:
            responses = await ask(await served.connect(), ROW)
            return responses, served.app.paths

    assert run(scenario) == ([answer(80.0)], ["/predict"])


def test_what_the_server_says_in_every_answer_is_said_in_the_short_one() -> None:
    async def scenario() -> list[bytes]:
        async with serving() as served:
            stream = await served.connect()
            served.all.said_always = b"date: today\r\nvia: 1.1 b\r\n"
            return await ask(stream, ROW)

    (response,) = run(scenario)
    first, rest = answer(80.0).split(b"\r\n", 1)
    assert response == first + b"\r\ndate: today\r\nvia: 1.1 b\r\n" + rest


def test_a_client_that_ends_its_half_is_answered() -> None:
    async def scenario() -> bytes:
        async with serving() as served:
            reader, writer = await served.connect()
            writer.write(ROW)
            writer.write_eof()
            return await reader.read()

    assert run(scenario) == answer(80.0)


def test_two_requests_in_one_turn_of_the_loop_are_both_answered() -> None:
    async def scenario() -> list[bytes]:
        async with serving() as served:
            reader, _ = await served.connect()
            (connection,) = served.connections
            connection.data_received(ROW)
            connection.data_received(OTHER)
            return [await read_response(reader) for _ in range(2)]

    assert run(scenario) == [answer(80.0), answer(70.0)]


def test_a_client_that_went_away_costs_its_neighbours_nothing() -> None:
    async def scenario() -> bytes:
        async with serving() as served:
            _, there = await served.connect_all(2)
            for connection in served.connections:
                connection.data_received(ROW)
            served.connections[0].transport.abort()
            return await read_response(there[0])

    assert run(scenario) == answer(80.0)


def test_a_connection_that_ended_is_forgotten() -> None:
    async def scenario() -> int:
        async with serving() as served:
            for _, there in await served.connect_all(3):
                there.close()
            while any(not each.transport.is_closing() for each in served.connections):
                await asyncio.sleep(0)
            await asyncio.sleep(0.01)
            return len(served.all)

    assert run(scenario) == 0


def test_a_stop_answers_what_waits_and_closes_the_connection() -> None:
    async def scenario() -> bytes:
        async with serving() as served:
            reader, _ = await served.connect()
            (connection,) = served.connections
            connection.data_received(ROW)
            served.all.is_stopping = True
            connection.stop()
            return await reader.read()

    assert run(scenario) == answer(80.0)


def test_a_stop_lets_a_request_that_has_begun_come_to_its_end() -> None:
    async def scenario() -> bytes:
        async with serving() as served:
            reader, writer = await served.connect()
            writer.write(ROW[:-5])
            await asyncio.sleep(0.01)
            (connection,) = served.connections
            served.all.is_stopping = True
            connection.stop()
            writer.write(ROW[-5:])
            return await reader.read()

    closing = answer(80.0).replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
    assert run(scenario) == closing


def test_a_client_that_does_not_read_is_left_to_the_flow_control() -> None:
    async def scenario() -> list[str]:
        async with serving() as served:
            stream = await served.connect()
            (connection,) = served.connections
            connection.pause_writing()
            connection.data_received(ROW)
            await asyncio.sleep(0.01)
            connection.resume_writing()
            await read_response(stream[0])
            return served.app.paths

    assert run(scenario) == ["/predict"]


def test_the_limit_of_a_body_counts_on_both_ways() -> None:
    async def scenario() -> list[bytes]:
        async with serving(settings=["--max-body-bytes", "20"]) as served:
            stream = await served.connect()
            return await ask(stream, ROW, OTHER[:-1], OTHER[-1:], n_responses=1)

    assert run(scenario)[0].startswith(b"HTTP/1.1 413 ")


def test_an_idle_connection_is_closed_after_a_prediction() -> None:
    async def scenario() -> list[bytes]:
        async with serving(settings=["--keep-alive-seconds", "1"]) as served:
            stream = await served.connect()
            return [*await ask(stream, ROW), await stream[0].read()]

    assert run(scenario) == [answer(80.0), b""]


def test_a_connection_that_is_used_does_not_end_for_being_idle() -> None:
    async def scenario() -> list[bytes]:
        async with serving(settings=["--keep-alive-seconds", "1"]) as served:
            stream = await served.connect()
            responses = await ask(stream, ROW)
            for _ in range(3):
                await asyncio.sleep(0.6)
                responses += await ask(stream, ROW)
            return responses

    assert run(scenario) == [answer(80.0)] * 4


async def nobody(*_: object) -> None:
    raise AssertionError


def test_heads_are_kept_but_not_without_end() -> None:
    settings = default_settings()
    find: Any = hot_heads(dict, Access(settings), Edge(nobody, settings))
    for number in range(300):
        find(b"POST /predict HTTP/1.1\r\nNumber: %d" % number)

    assert find.cache_info().currsize == MAX_KEPT_HEADS == 256
