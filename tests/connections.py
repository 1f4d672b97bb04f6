"""Serves a small model in this process, on real sockets."""

import asyncio
import json
import re
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

import uvloop

from server import signature as signatures
from server.app import App
from server.batch import Column
from server.http.asgi import Receive, Scope, Send
from server.http.connections import Connections
from server.model import Model
from server.protocol import Protocol, hot_heads
from server.runtime.session import RuntimeFault, Session, Tensor
from server.settings import Settings, read_settings
from tests.models import make_model, make_row

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Watched(App):
    """A real application that notes what reaches it through ASGI."""

    def __init__(self, model: "Poisonable", settings: Settings) -> None:
        super().__init__([model], settings)
        self.model = model
        self.paths: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.paths.append(scope["path"])
        await super().__call__(scope, receive, send)


class Poisonable(Model):
    """A real model that notes its runs, and breaks on a text of poison."""

    def __init__(self, session: Session) -> None:
        text = session.metadata(signatures.METADATA_KEY)
        assert text is not None
        super().__init__(session, signatures.read(text))
        self.n_rows_of_runs: list[int] = []
        self.threads: list[str] = []

    def predict(
        self, columns: Sequence[Column], n_rows: int, extra_outputs: Sequence[str] = ()
    ) -> list[Tensor]:
        self.n_rows_of_runs.append(n_rows)
        self.threads.append(threading.current_thread().name.split("_")[0])
        if any("poison" in column for column in columns):
            raise RuntimeFault("poisoned")
        return super().predict(columns, n_rows, extra_outputs)


class Serving:
    """The protocol on a port, its connections in the order in which they came."""

    def __init__(self, app: Watched, settings: Settings) -> None:
        self.app = app
        self.connections: list[Protocol] = []
        self.all = Connections(app, settings)
        self._streams: list[Stream] = []
        self._find_hot = hot_heads(lambda: app.endpoints, app.access, app.edge)

    async def connect(self) -> Stream:
        (stream,) = await self.connect_all(1)
        return stream

    async def connect_all(self, n_connections: int) -> list[Stream]:
        streams = [
            await asyncio.open_connection(*self.address) for _ in range(n_connections)
        ]
        self._streams += streams
        while len(self.connections) < len(self._streams):
            await asyncio.sleep(0)
        return streams

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, "127.0.0.1", 0)
        self.address = self._server.sockets[0].getsockname()[:2]
        return self

    async def __aexit__(self, *exception: object) -> None:
        for _, writer in self._streams:
            writer.close()
        while any(not each.transport.is_closing() for each in self.connections):
            await asyncio.sleep(0)
        self._server.close()

    def _accept(self) -> Protocol:
        self.connections.append(Protocol(self.all, self._find_hot))
        return self.connections[-1]


@asynccontextmanager
async def serving(
    run_ms: float = 0.0,
    settings: Sequence[str] = (),
    content: bytes | None = None,
) -> AsyncIterator[Serving]:
    """Serve until the block ends; `settings` are those of the command line."""
    with Session(content or make_model()) as session:
        model = Poisonable(session)
        model.run_ms = run_ms
        values = read_settings(settings)
        app = Watched(model, values)
        async with Serving(app, values) as served, sweeping(served.all):
            yield served
        app.close()


@asynccontextmanager
async def sweeping(connections: Connections) -> AsyncIterator[None]:
    """Look at deadlines until the block ends, as the server does."""

    async def sweep() -> None:
        while True:
            await asyncio.sleep(0.05)
            connections.sweep()

    task = asyncio.create_task(sweep())
    try:
        yield
    finally:
        task.cancel()


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
        b"content-length: %d\r\nmodel-name: student\r\nmodel-version: 0123456789ab\r\n\r\n%b"
        % (len(body), body)
    )


ROW = post(make_row())
OTHER = post(make_row(reading_score=70))
