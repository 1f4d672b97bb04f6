"""One keep-alive connection of the load generator."""

import errno
import selectors
import socket
from typing import Any

import httptools

from bench.errors import Refusal
from bench.load.address import Address

RECEIVE_BYTES = 65536

Endpoint = tuple[int, Any]
"""Address family and its socket address."""


def resolve(address: Address) -> Endpoint:
    """Look the host up once, so that no run measures the name service.

    Raises
    ------
    Refusal
        If the host is not known, or nothing listens on the address.
    """
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise Refusal(f"the host {address.host!r} is not known: {error}") from error
    for family, kind, _, _, target in found:
        with socket.socket(family, kind) as probe:
            if probe.connect_ex(target) == 0:
                return family, target
    raise Refusal(f"nothing listens on {address.authority}: start the server first")


class Connection:
    """At most one request is under way; `due_ns` is 0 while none is.

    It connects when it has something to send, and again after a close.
    """

    __slots__ = (
        "_endpoint",
        "_is_complete",
        "_is_kept",
        "_is_writing",
        "_parser",
        "_selector",
        "_sock",
        "_unsent",
        "due_ns",
        "sent_ns",
        "status",
    )

    def __init__(self, endpoint: Endpoint, selector: selectors.BaseSelector) -> None:
        self.due_ns = self.sent_ns = self.status = 0
        self._endpoint = endpoint
        self._selector = selector
        self._sock: socket.socket | None = None
        self._unsent: bytes | memoryview = b""
        self._is_complete = self._is_kept = self._is_writing = False

    def send(self, request: bytes) -> None:
        """Begin to send; the selector tells when `advance` can go on."""
        self._unsent = request
        if self._sock is None:
            self._connect()
        else:
            self._write(self._sock)

    def advance(self) -> bool:
        """Write or read what the system allows; return whether an answer is whole.

        Raises
        ------
        ConnectionResetError
            The server closed the connection.
        OSError
            The connection broke.
        httptools.HttpParserError
            The answer is not HTTP.
        """
        sock = self._sock
        if sock is None:
            return False
        if self._is_writing:
            self._write(sock)
            return False
        received = sock.recv(RECEIVE_BYTES)
        if not received:
            raise ConnectionResetError(errno.ECONNRESET, "connection closed by server")
        self._parser.feed_data(received)
        is_complete, self._is_complete = self._is_complete, False
        if is_complete and not self._is_kept:
            self.close()
        return is_complete

    def close(self) -> None:
        if self._sock is not None:
            self._selector.unregister(self._sock)
            self._sock.close()
            self._sock = None

    def on_message_complete(self) -> None:
        self._is_complete = True
        self._is_kept = self._parser.should_keep_alive()
        self.status = self._parser.get_status_code()

    def _connect(self) -> None:
        family, target = self._endpoint
        self._parser = httptools.HttpResponseParser(self)
        self._sock = socket.socket(family, socket.SOCK_STREAM)
        self._sock.setblocking(False)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(self._sock, selectors.EVENT_WRITE, self)
        self._is_writing = True
        code = self._sock.connect_ex(target)
        if code not in (0, errno.EINPROGRESS):
            raise OSError(code, errno.errorcode.get(code, "cannot connect"))

    def _write(self, sock: socket.socket) -> None:
        try:
            n_sent = sock.send(self._unsent)
        except BlockingIOError:
            n_sent = 0
        is_unfinished = n_sent < len(self._unsent)
        if is_unfinished:
            self._unsent = memoryview(self._unsent)[n_sent:]
        if is_unfinished != self._is_writing:
            event = selectors.EVENT_WRITE if is_unfinished else selectors.EVENT_READ
            self._selector.modify(sock, event, self)
            self._is_writing = is_unfinished
