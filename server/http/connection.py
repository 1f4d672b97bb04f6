"""One client's connection: HTTP/1.1 with deadlines and budgets.

Requests are answered one after the other, in the order in which they came; what comes
behind them is bytes that nobody looks at yet. Every wait for the client has a deadline:
its head, its body, its next request, and its reading of an answer.
"""

import asyncio
import socket
import struct
from typing import Literal
from urllib.parse import unquote

from server.http.connections import NEVER, Connections
from server.http.exchange import STATUS_LINES, Exchange
from server.http.reader import Reader, RequestHead
from server.problems import MEDIA_TYPE, Overloaded, Problem, RequestTimeout

Awaited = Literal["head", "body", "request", "reading", "end"]

MAX_WRITE_BUFFER_BYTES = 16_384
"""Of answers, what a client may leave unread before the server waits for it."""

MAX_LINGER_BYTES = 16_777_216
"""What is still read from a client that was refused: if the connection was closed at
once, its system would drop the refusal unread (RFC 9112, section 9.6)."""

RESET = struct.pack("ii", 1, 0)
"""Of SO_LINGER: a close is a reset. Otherwise the system keeps for minutes what it has
not sent, up to 4 MB a connection."""


class Connection(asyncio.Protocol):
    """One connection.

    Parameters
    ----------
    connections
        All of the process.

    Attributes
    ----------
    address
        The client's.
    since
        When the wait for the client began, by the loop's clock.
    deadline
        When it ends; `NEVER` while the client waits for the server.
    is_served
        Whether a request was ever answered.
    n_held_bytes
        Of requests that are not answered yet, what is still to come included.
    n_unsent_bytes
        Of answers that the client has not read.
    """

    transport: asyncio.Transport

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self.address = ""
        self.since = 0.0
        self.deadline = NEVER
        self.is_served = False
        self.n_held_bytes = 0
        self.n_unsent_bytes = 0
        self._awaited: Awaited = "head"
        self._reader = Reader(connections.settings, self)
        self._unread = b""  # behind the requests that are not answered yet
        self._exchanges: list[Exchange] = []  # the first is being answered
        self._incoming: Exchange | None = None  # the last, while its body comes
        self._refusal: Problem | None = None  # to be sent behind their answers
        self._is_reading_paused = False
        self._writable: asyncio.Event | None = None  # while writing is paused
        self._is_half_closed = False
        self._is_lingering = False
        self._n_lingered_bytes = 0

    # what the loop reports

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        transport.set_write_buffer_limits(MAX_WRITE_BUFFER_BYTES)
        peer = transport.get_extra_info("peername")
        self.address = peer[0] if peer else ""
        self._await("head")
        if not self._connections.add(self):
            self._refuse(Overloaded("All connections are taken."))

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()

    def data_received(self, data: bytes) -> None:
        if self._is_lingering:
            self._n_lingered_bytes += len(data)
            if self._n_lingered_bytes > MAX_LINGER_BYTES:
                self.abort()
            return
        self._unread += data
        self.read_on()

    def eof_received(self) -> bool:
        """Let a client that has said all it has to say wait for its answers."""
        self._is_half_closed = True
        self._drop_unfinished()
        return bool(self._exchanges or self._unread) and not self._is_lingering

    def pause_writing(self) -> None:
        self._writable = asyncio.Event()
        self._await("reading")
        n_bytes = self.transport.get_write_buffer_size()
        self._connections.leave_unsent(self, n_bytes)

    def resume_writing(self) -> None:
        self._release_writers()
        self._connections.leave_unsent(self, 0)
        if self.transport.is_closing() or self._is_lingering:
            return
        self.deadline = NEVER
        if not self._exchanges:
            self._settle()

    # what the process asks for

    def expire(self) -> None:
        """End the wait for the client, because its deadline has passed."""
        if self._awaited in ("reading", "end"):
            self.abort()
        elif self._awaited == "request" or not self.is_busy:
            self.close()
        else:
            seconds = self._seconds(self._awaited)
            self._refuse(
                RequestTimeout(f"The {self._awaited} did not come within {seconds} s.")
            )

    def stop(self, idle_seconds: float = 0) -> None:
        """Close the connection if it is idle, and has been for so long.

        Sooner, a request may be under way: its client has just connected, or has just
        read an answer.
        """
        if not self.is_busy and self._loop.time() - self.since >= idle_seconds:
            self.close()

    def close(self) -> None:
        """Close the connection as soon as the client has read what was written."""
        self._forget_requests()
        self.transport.close()
        if self.transport.get_write_buffer_size():
            self._await("reading")
        else:
            self.deadline = NEVER

    def abort(self) -> None:
        """Close the connection, and let the system drop what the client has not read."""
        self._forget()
        if not self.transport.is_closing() or self.transport.get_write_buffer_size():
            here = self.transport.get_extra_info("socket")
            here.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.transport.abort()

    @property
    def is_busy(self) -> bool:
        """Whether what comes now belongs to, or must wait for, what came before."""
        return bool(
            self._exchanges
            or self._incoming
            or self._reader.is_in_head
            or self._unread
            or self._writable
            or self._refusal
            or self._is_lingering
        )

    # what an exchange asks for

    @property
    def said_always(self) -> bytes:
        return self._connections.said_always

    @property
    def may_stay(self) -> bool:
        return not self._connections.is_stopping

    @property
    def n_missing_bytes(self) -> int:
        """Of a body whose length is known."""
        return self._reader.n_missing_bytes

    def write(self, *parts: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.writelines(parts)

    async def drained(self) -> None:
        """Wait until the client has read enough for more to be written."""
        if self._writable is not None:
            self._await("reading")
            await self._writable.wait()

    def await_part(self) -> None:
        """Begin to wait for more of a body that is answered while it comes."""
        self._await("body")

    def await_nothing(self) -> None:
        """Let the client wait for the server, which has enough of the body."""
        self.deadline = NEVER

    def read_on(self) -> None:
        """Parse what has come, as far as it can be taken now."""
        while self._unread and self._may_parse:
            try:
                self._unread = self._reader.read(self._unread)
            except Problem as problem:
                self._refuse(problem)
        self._note_held()
        self._pause_reading(bool(self._unread))

    def answered(self) -> None:
        """Go on behind the first exchange, whose response is complete."""
        if not self._exchanges:
            return  # to write it was more than the client may leave unread
        exchange = self._exchanges.pop(0)
        self.is_served = True
        self._note_held()
        if exchange.may_stay and not exchange.is_received:
            self._await("body")  # and drop it
        elif exchange.may_stay:
            self._settle()
        elif not exchange.is_received:
            self._linger()
        elif self._connections.is_stopping:
            self._linger()  # it did not say that it would go, and may have asked again
        else:
            self.close()

    # what the reader reports

    def on_begin(self) -> None:
        if not self._exchanges:
            self._await("head")

    def on_head(self, head: RequestHead) -> None:
        exchange = self._new_exchange(head)
        self._incoming = exchange
        self._exchanges.append(exchange)
        self._await("body")
        if len(self._exchanges) == 1:
            exchange.start(self._connections.application)

    def on_part(self, part: bytes) -> None:
        assert self._incoming is not None  # noqa: S101 - its head was read
        self._incoming.take(part)

    def on_end(self) -> None:
        assert self._incoming is not None  # noqa: S101 - its head was read
        self._incoming.end()
        if self._incoming.is_answered:
            self._await("request")
        else:
            self.deadline = NEVER
        self._incoming = None

    def _new_exchange(self, head: RequestHead) -> Exchange:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": head.version,
            "method": head.method,
            "scheme": "http",
            "path": unquote(head.path.decode("ascii")),
            "raw_path": head.path,
            "query_string": head.query,
            "root_path": "",
            "headers": head.fields,
            "client": self.transport.get_extra_info("peername"),
            "server": self.transport.get_extra_info("sockname"),
        }
        expects = (b"expect", b"100-continue") in (
            (name, value.lower()) for name, value in head.fields
        )
        return Exchange(self, scope, may_stay=head.may_stay, expects_continue=expects)

    # the connection's own

    @property
    def _may_parse(self) -> bool:
        if self._refusal is not None or self._is_lingering:
            return False
        if self._incoming is not None:
            return not self._incoming.is_full
        return not self._exchanges and self._writable is None

    def _await(self, awaited: Awaited) -> None:
        self._awaited = awaited
        self.since = self._loop.time()
        self.deadline = self.since + self._seconds(awaited)

    def _seconds(self, awaited: Awaited) -> int:
        return self._connections.seconds[awaited]

    @property
    def _n_expected_bytes(self) -> int:
        """Of a body that will be held; one that is too large is refused by its head."""
        n_bytes = self.n_missing_bytes
        is_held = self._incoming is not None and not self._incoming.is_started
        max_bytes = self._connections.settings.max_body_bytes
        return n_bytes if is_held and n_bytes <= max_bytes else 0

    def _note_held(self) -> None:
        n_bytes = len(self._unread) + sum(it.n_body_bytes for it in self._exchanges)
        n_bytes += self._n_expected_bytes
        if n_bytes != self.n_held_bytes and not self._connections.hold(self, n_bytes):
            self._refuse(Overloaded("Too much of other requests is held already."))

    def _settle(self) -> None:
        """Go on behind an answer that was given, if its client reads it."""
        if self._writable is not None:
            return
        if self._exchanges:
            self._exchanges[0].start(self._connections.application)
        elif self._refusal is not None:
            self._write_refusal(self._refusal)
        else:
            self._await("head" if self._reader.is_in_head else "request")
        self.read_on()
        if self._is_half_closed:
            self._drop_unfinished()
            if not self._exchanges:
                self.close()

    def _refuse(self, problem: Problem) -> None:
        """Answer a request that the application will not see to its end."""
        incoming = self._incoming
        self._refusal = problem
        self._unread = b""
        if incoming is not None:
            if incoming.is_started:
                self.abort()
                return
            self._drop_incoming(incoming)
        if not self._exchanges:
            self._write_refusal(problem)

    def _drop_unfinished(self) -> None:
        """Drop the request whose rest will not come, because the client has said so."""
        if self._incoming is not None and not self._unread:
            self._drop_incoming(self._incoming)

    def _drop_incoming(self, incoming: Exchange) -> None:
        self._incoming = None
        incoming.abandon()
        if incoming in self._exchanges:  # where it was answered, it is not
            self._exchanges.remove(incoming)

    def _write_refusal(self, problem: Problem) -> None:
        self._connections.n_refused[problem.slug] += 1
        body = problem.body(self._connections.settings.root_path)
        head = [
            STATUS_LINES[problem.status],
            self.said_always,
            b"content-type: %b\r\n" % MEDIA_TYPE.encode(),
            b"content-length: %d\r\n" % len(body),
            *(b"%b: %b\r\n" % field for field in problem.fields),
            b"connection: close\r\n\r\n",
        ]
        self.write(b"".join(head), body)
        self._linger()

    def _linger(self) -> None:
        """Let the client read the answer before the connection is closed."""
        self._forget_requests()
        if self.transport.is_closing():
            return
        self._is_lingering = True
        self._pause_reading(False)
        self.transport.write_eof()
        self._await("end")
        if self._is_half_closed:
            self.close()

    def _pause_reading(self, pause: bool) -> None:
        if pause == self._is_reading_paused or self.transport.is_closing():
            return
        self._is_reading_paused = pause
        if pause:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def _release_writers(self) -> None:
        if self._writable is not None:
            self._writable.set()
            self._writable = None

    def _forget_requests(self) -> None:
        exchanges, self._exchanges = self._exchanges, []
        self._incoming = None
        self._unread = b""
        for exchange in exchanges:
            exchange.abandon()
        self._connections.hold(self, 0)

    def _forget(self) -> None:
        self.deadline = NEVER
        self._connections.discard(self)
        self._forget_requests()
        self._release_writers()
