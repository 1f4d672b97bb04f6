"""A line of JSON for each request, which nobody who is answered waits for.

Lines are kept until a thread of their own takes all of them at once. Where whoever reads
them stands still, what comes beyond a bound is dropped and counted.
"""

import os
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from threading import Event, Thread
from time import monotonic, perf_counter, sleep
from urllib.parse import quote

import msgspec

from server.http.asgi import Application, Message, Receive, Scope, Send
from server.request_id import echoed, traceparent
from server.settings import InvalidSetting

STREAMS = {"stdout": 1, "stderr": 2}

MAX_WAITING_BYTES = 1_048_576

MAX_PATH_LENGTH = 512

GATHER_SECONDS = 0.1
"""How long lines are gathered before they are written."""

FLUSH_SECONDS = 1.0
"""How long the process waits at its end for its lines to be read."""


class Line(msgspec.Struct, omit_defaults=True):
    """What is told of one request; what there is not, or nobody knows, is left out.

    Attributes
    ----------
    time
        When its head had come.
    path
        As it was asked for, without the query: that may hold a row.
    status, ms
        None where the client was gone before its answer; to the last byte of that.
    bytes
        Of the answer's body.
    """

    time: datetime
    id: str
    client: str
    method: str
    path: str
    status: int | None = None
    ms: float | None = None
    bytes: int | None = None
    rows: int | None = None
    model: str = ""
    version: str = ""
    traceparent: str = ""


class AccessLog:
    """Writes lines to a stream of the process.

    Parameters
    ----------
    stream
        Of `STREAMS`.

    Raises
    ------
    InvalidSetting
        There is no such stream, or no thread for it.
    """

    def __init__(self, stream: str) -> None:
        if stream not in STREAMS:
            raise InvalidSetting(
                f"--access-log is {stream!r}; expected one of: {', '.join(STREAMS)}"
            )
        self._descriptor = STREAMS[stream]
        self._encode = msgspec.json.Encoder().encode
        self._lines: deque[bytes] = deque()
        self._n_added_bytes = 0  # by the loop alone
        self._n_taken_bytes = 0  # by the thread alone
        self._n_dropped = 0
        self._news = Event()
        self._start_of_ids = os.urandom(6).hex()
        self._numbers = count(1)
        try:
            Thread(target=self._write, name="access log", daemon=True).start()
        except RuntimeError as error:
            raise InvalidSetting(f"--access-log needs a thread: {error}") from error

    def new_id(self) -> str:
        """Return an id for a request that has none."""
        return f"{self._start_of_ids}-{next(self._numbers):x}"

    def add(self, line: Line) -> None:
        """Let a line be written soon, or drop it where too many wait."""
        text = self._encode(line) + b"\n"
        if self._n_added_bytes - self._n_taken_bytes > MAX_WAITING_BYTES:
            self._n_dropped += 1
            return
        self._lines.append(text)
        self._n_added_bytes += len(text)
        if not self._news.is_set():
            self._news.set()

    async def watch(
        self, application: Application, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Let an application answer, and add a line about it."""
        line = self._begun(scope)
        made = (
            () if echoed(scope["headers"]) else ((b"x-request-id", line.id.encode()),)
        )
        begun = perf_counter()

        async def send_and_note(message: Message) -> None:
            if message["type"] == "http.response.start":
                line.status, line.bytes = message["status"], 0
                fields = [*message.get("headers", ()), *made]
                message = {**message, "headers": fields}
                named = dict(fields)
                line.model = named.get(b"model-name", b"").decode()
                line.version = named.get(b"model-version", b"").decode()
            elif scope["method"] != "HEAD":
                line.bytes = (line.bytes or 0) + len(message.get("body", b""))
            await send(message)
            line.ms = ms_since(begun)

        try:
            await application(scope, receive, send_and_note)
        finally:
            line.rows = scope.get("n_rows")
            self.add(line)

    def close(self) -> None:
        """Wait until all is written, but not for long."""
        deadline = monotonic() + FLUSH_SECONDS
        while self._n_taken_bytes < self._n_added_bytes and monotonic() < deadline:
            sleep(0.01)

    def _begun(self, scope: Scope) -> Line:
        headers = scope["headers"]
        ids = echoed(headers)
        address, *_ = scope.get("client") or [""]
        path = scope.get("raw_path") or quote(scope["path"]).encode()
        return Line(
            datetime.now(UTC),
            ids[0][1].decode() if ids else self.new_id(),
            address,
            scope["method"],
            path[:MAX_PATH_LENGTH].decode("latin-1"),
            traceparent=traceparent(headers),
        )

    def _write(self) -> None:
        n_told = 0
        while True:
            self._news.wait()
            sleep(GATHER_SECONDS)
            self._news.clear()
            n_dropped = self._n_dropped
            text = b"".join(self._lines.popleft() for _ in range(len(self._lines)))
            told = b'{"dropped":%d}\n' % (n_dropped - n_told)
            self._write_all(text + told * (n_dropped > n_told))
            self._n_taken_bytes += len(text)
            n_told = n_dropped

    def _write_all(self, text: bytes) -> None:
        """Write to the system's own stream: one of Python's is locked while it waits.

        Python waits for that lock at its end, and nobody may ever read.
        """
        with suppress(OSError):  # a full disk, or nobody reads any more
            while text:
                text = text[os.write(self._descriptor, text) :]


def ms_since(begun: float) -> float:
    return round(1000 * (perf_counter() - begun), 3)
