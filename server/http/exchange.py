"""One request and its response, in the messages of ASGI.

https://asgi.readthedocs.io/en/latest/specs/www.html
"""

import asyncio
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING

from server.http.asgi import Application, Message, Scope, respond_fault

if TYPE_CHECKING:
    from server.http.connection import Connection

LOG = logging.getLogger("server")

STATUS_LINES = {
    int(status): f"HTTP/1.1 {status:d} {status.phrase}\r\n".encode()
    for status in HTTPStatus
}

BODILESS = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}

MAX_UNREAD_BYTES = 65_536
"""Of a body that the application has not asked for yet; more is not read from it."""

MAX_UNREAD_PARTS = 1024
"""Chunks may be of a byte: what 64 KiB of them take, others would wait for."""


class Exchange:
    """A request that an application answers.

    Parameters
    ----------
    connection
        Where the response goes.
    scope
        ASGI's.
    may_stay
        Whether the client keeps its connection.
    expects_continue
        Whether the client waits to be told before it sends the body.

    Attributes
    ----------
    is_received
        The whole body has come.
    is_started
        A part of the response may have gone to the client.
    is_answered
        All of the response was handed to the connection.
    n_body_bytes
        What has come of the body; it is held until the response.
    """

    def __init__(
        self,
        connection: "Connection",
        scope: Scope,
        *,
        may_stay: bool,
        expects_continue: bool,
    ) -> None:
        self.scope = scope
        self.may_stay = may_stay
        self.is_received = False
        self.is_started = False
        self.is_answered = False
        self.n_body_bytes = 0
        self._connection = connection
        self._expects_continue = expects_continue
        self._is_abandoned = False
        self._is_read = False  # the application has the whole body
        self._unread: list[bytes] = []
        self._n_unread_bytes = 0
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._head = b""
        self._has_body = True
        self._is_chunked = False
        self._n_missing_bytes: int | None = None  # of the response

    @property
    def is_full(self) -> bool:
        n_parts = len(self._unread)
        return self._n_unread_bytes > MAX_UNREAD_BYTES or n_parts > MAX_UNREAD_PARTS

    def take(self, part: bytes) -> None:
        """Keep a part of the body until the application asks for it, or drop it."""
        if self.is_answered:
            return
        self.n_body_bytes += len(part)
        self._n_unread_bytes += len(part)
        self._unread.append(part)
        self._news.set()

    def end(self) -> None:
        """Note that the body is complete."""
        self.is_received = True
        self._news.set()

    def start(self, application: Application) -> None:
        """Let the application answer."""
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._run(application))

    def abandon(self) -> None:
        """Note that nobody waits for the response: what is left of the work ends."""
        self._is_abandoned = True
        self._news.set()
        if self._task is not None and not self.is_answered:
            self._task.cancel()

    async def receive(self) -> Message:
        """Return the next part of the body, or that there is nobody any more."""
        if self._expects_continue and not (self._unread or self.is_started):
            self._connection.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._expects_continue = False
        is_streamed = self.is_started and not self.is_received
        if is_streamed:
            self._connection.await_part()
        while not self._is_over and not self._has_part:
            self._news.clear()
            await self._news.wait()
        if is_streamed:
            self._connection.await_nothing()
        if self._is_over:
            return {"type": "http.disconnect"}
        body = b"".join(self._unread)
        self._unread.clear()
        self._n_unread_bytes = 0
        self._is_read = self.is_received
        if not self.is_received:
            self._connection.read_on()
            if self.is_full:
                await asyncio.sleep(0)  # others have their turn before more is read
        return {"type": "http.request", "body": body, "more_body": not self._is_read}

    async def send(self, message: Message) -> None:
        """Write a part of the response, as soon as the client has read the last one."""
        await self._connection.drained()
        if self._is_abandoned:
            return
        if message["type"] == "http.response.start":
            self._begin(message["status"], message.get("headers", ()))
        else:
            self._write(message.get("body", b""), message.get("more_body", False))
            if "n_held_bytes" in message:  # the rest of what was read is answered
                self.n_body_bytes = message["n_held_bytes"] + self._n_unread_bytes

    @property
    def _is_over(self) -> bool:
        return self._is_abandoned or self.is_answered

    @property
    def _may_be_skipped(self) -> bool:
        """Whether the rest of the body costs less than a new connection.

        A client that waits to be told to send it may send it or not, and nobody knows.
        """
        if self.is_received:
            return True
        n_bytes = self._connection.n_missing_bytes
        return 0 < n_bytes <= MAX_UNREAD_BYTES and not self._expects_continue

    @property
    def _has_part(self) -> bool:
        return bool(self._unread) or (self.is_received and not self._is_read)

    async def _run(self, application: Application) -> None:
        try:
            await application(self.scope, self.receive, self.send)
        except asyncio.CancelledError:  # by abandon, or at the end of the process
            if not self._is_abandoned:
                self._connection.abort()
            return
        except Exception:
            LOG.exception("A request ended with a fault.")
        if self._is_over:
            return
        if self.is_started:
            self._connection.abort()
        else:
            await respond_fault(self.send)

    def _begin(self, status: int, fields: list[tuple[bytes, bytes]]) -> None:
        """Make the head; it is written together with the first part of the body."""
        connection = self._connection
        self.is_started = True
        self.may_stay &= connection.may_stay and self._may_be_skipped
        parts = [STATUS_LINES[status], connection.said_always]
        length = None
        for name, value in fields:
            if name == b"content-length":
                length = int(value)
            parts.append(b"%b: %b\r\n" % (name, value))
        self._has_body = self.scope["method"] != "HEAD" and status not in BODILESS
        self._n_missing_bytes = length if self._has_body else 0
        if self._n_missing_bytes is None and self.scope["http_version"] == "1.1":
            self._is_chunked = True
            parts.append(b"transfer-encoding: chunked\r\n")
        if not self.may_stay:
            parts.append(b"connection: close\r\n")
        self._head = b"".join([*parts, b"\r\n"])

    def _write(self, body: bytes, more: bool) -> None:
        if not self._has_body:
            body = b""
        elif self._is_chunked:
            body = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            body += b"" if more else b"0\r\n\r\n"
        elif self._n_missing_bytes is not None:
            self._n_missing_bytes -= len(body)
            if self._n_missing_bytes < 0 or (self._n_missing_bytes and not more):
                raise RuntimeError("the body is not as long as its Content-Length")
        self._connection.write(self._head, body)
        self._head = b""
        if not more:
            self.is_answered = True
            self._news.set()
            self._connection.answered()
