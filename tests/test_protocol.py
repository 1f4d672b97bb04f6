"""The protocol on real sockets, and which way a request takes through it."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Self

import pytest
import uvloop
from uvicorn.config import Config
from uvicorn.server import ServerState

from server.app import App
from server.asgi import Receive, Scope, Send
from server.batching import MAX_COALESCED_ROWS, SLOW_RUN_MS
from server.model import Model
from server.protocol import MAX_SHORT_REQUEST_BYTES, Protocol
from server.rows import Column
from server.runtime import RuntimeFault, Session, Tensor
from server.settings import read_settings
from tests.models import make_model, make_row, make_signature

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Watched(App):
    """A real application that notes what reaches it through ASGI."""

    def __init__(self, model: "Poisonable") -> None:
        super().__init__([model], read_settings([]))
        self.model = model
        self.paths: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.paths.append(scope["path"])
        await super().__call__(scope, receive, send)


class Poisonable(Model):
    """A real model that notes its runs, and breaks on a lunch of poison."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, make_signature())
        self.n_rows_of_runs: list[int] = []

    def predict(
        self, columns: Sequence[Column], n_rows: int, extra_outputs: Sequence[str] = ()
    ) -> list[Tensor]:
        self.n_rows_of_runs.append(n_rows)
        if "poison" in columns[1]:
            raise RuntimeFault("poisoned")
        return super().predict(columns, n_rows, extra_outputs)


class Serving:
    """The protocol on a port, its connections in the order in which they came."""

    def __init__(self, app: Watched, keep_alive_seconds: int) -> None:
        self.app = app
        self.connections: list[Protocol] = []
        self._streams: list[Stream] = []
        config = Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_keep_alive=keep_alive_seconds,
        )
        config.load()
        self._make = partial(
            Protocol, app.hot_paths, config=config, server_state=ServerState()
        )

    async def connect(self) -> Stream:
        (stream,) = await self.connect_all(1)
        return stream

    async def connect_all(self, n_connections: int) -> list[Stream]:
        streams = [
            await asyncio.open_connection(*self._address) for _ in range(n_connections)
        ]
        self._streams += streams
        while len(self.connections) < len(self._streams):
            await asyncio.sleep(0)
        return streams

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, "127.0.0.1", 0)
        self._address = self._server.sockets[0].getsockname()[:2]
        return self

    async def __aexit__(self, *exception: object) -> None:
        for _, writer in self._streams:
            writer.close()
        while any(not each.transport.is_closing() for each in self.connections):
            await asyncio.sleep(0)
        self._server.close()

    def _accept(self) -> Protocol:
        self.connections.append(self._make(app_state={}))
        return self.connections[-1]


@asynccontextmanager
async def serving(
    run_ms: float = 0.0, keep_alive_seconds: int = 75
) -> AsyncIterator[Serving]:
    with Session(make_model()) as session:
        model = Poisonable(session)
        model.run_ms = run_ms
        app = Watched(model)
        async with Serving(app, keep_alive_seconds) as served:
            yield served
        app.hot_paths["/predict"].batcher.close()


def run(scenario: Callable[[], Any]) -> Any:
    return uvloop.run(asyncio.wait_for(scenario(), timeout=20))


def post(document: Any, *fields: bytes, target: bytes = b"/predict") -> bytes:
    body = json.dumps(document).encode()
    head = [
        b"POST %b HTTP/1.1" % target,
        b"Host: localhost",
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(body),
        *fields,
    ]
    return b"\r\n".join([*head, b"", body])


async def read_response(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    found = re.search(rb"content-length: (\d+)", head)
    assert found is not None
    return head + await reader.readexactly(int(found[1]))


async def ask(stream: Stream, *parts: bytes, n_responses: int = 1) -> list[bytes]:
    reader, writer = stream
    for part in parts:
        writer.write(part)
        await asyncio.sleep(0.01)  # so that it is a segment of its own
    return [await read_response(reader) for _ in range(n_responses)]


def answer(prediction: float) -> bytes:
    body = b'{"prediction":%.1f}' % prediction
    return (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%b" % (len(body), body)
    )


ROW = post(make_row())
OTHER = post(make_row(reading_score=70))


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


@pytest.mark.parametrize(
    ("request_", "paths"),
    [
        (ROW, []),
        (post([make_row()] * MAX_COALESCED_ROWS), []),
        (post(make_row(), target=b"/models/student/predict"), []),
        (post([make_row()] * (MAX_COALESCED_ROWS + 1)), ["/predict"]),
        (post(make_row(), b"Padding: " + b"x" * MAX_SHORT_REQUEST_BYTES), ["/predict"]),
        (post(make_row(), target=b"/predict?include=interval"), ["/predict"]),
        (post(make_row(), b"Connection: close"), ["/predict"]),
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


def test_a_slow_model_leaves_the_loop() -> None:
    async def scenario() -> tuple[list[bytes], list[str]]:
        async with serving(run_ms=2 * SLOW_RUN_MS) as served:
            responses = await ask(await served.connect(), ROW)
            return responses, served.app.paths

    assert run(scenario) == ([answer(80.0)], ["/predict"])


def test_a_client_that_ends_its_half_is_answered() -> None:
    async def scenario() -> bytes:
        async with serving() as served:
            reader, writer = await served.connect()
            writer.write(ROW)
            writer.write_eof()
            return await reader.read()

    assert run(scenario) == answer(80.0)


def test_a_client_that_went_away_costs_its_neighbours_nothing() -> None:
    async def scenario() -> bytes:
        async with serving() as served:
            _, there = await served.connect_all(2)
            for connection in served.connections:
                connection.data_received(ROW)
            served.connections[0].transport.abort()
            return await read_response(there[0])

    assert run(scenario) == answer(80.0)


def test_a_stop_answers_what_waits_and_closes_the_connection() -> None:
    async def scenario() -> bytes:
        async with serving() as served:
            reader, _ = await served.connect()
            (connection,) = served.connections
            connection.data_received(ROW)
            connection.shutdown()
            return await reader.read()

    assert run(scenario) == answer(80.0)


def test_a_stop_lets_a_request_that_has_begun_come_to_its_end() -> None:
    async def scenario() -> bytes:
        async with serving() as served:
            reader, writer = await served.connect()
            writer.write(ROW[:-5])
            await asyncio.sleep(0.01)
            (connection,) = served.connections
            connection.shutdown()
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


def test_an_idle_connection_is_closed_after_a_prediction() -> None:
    async def scenario() -> list[bytes]:
        async with serving(keep_alive_seconds=1) as served:
            stream = await served.connect()
            return [*await ask(stream, ROW), await stream[0].read()]

    assert run(scenario) == [answer(80.0), b""]


def test_the_offer_of_http_2_is_declined() -> None:
    offer = post(make_row(), b"Connection: Upgrade", b"Upgrade: h2c")

    async def scenario() -> list[bytes]:
        async with serving() as served:
            return await ask(await served.connect(), offer, ROW, n_responses=2)

    assert run(scenario) == [answer(80.0), answer(80.0)]
