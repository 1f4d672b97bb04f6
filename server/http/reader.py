"""Reads requests out of the bytes of a connection, with a bound for each part of them.

The parser is httptools' (Node's llhttp), which is strict about lines, lengths and
characters. What it leaves to its caller is here: how long a head, its target, its
trailers and the framing of a body may be, and what becomes of an offer of another
protocol.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeVar

import httptools

from server.http.head import declared_body_bytes, require_standard
from server.problems import HeadTooLarge, MalformedRequest, Problem, TargetTooLong
from server.settings import Settings

PIECE_BYTES = 4096
"""What the parser is given at once: it runs ahead of the answers by no more than that."""

FRAMING_SHARE = 8
"""A chunk of one byte takes five more. What takes more is framing and little else."""


Callback = TypeVar("Callback", bound=Callable[..., None])


def noted(callback: Callback) -> Callback:
    """Let a callback of the parser note the problem that it raises.

    The parser raises another error, whose context is the problem, but for where
    somebody handles an exception just then: that is its context instead.
    """

    @functools.wraps(callback)
    def report(reader: "Reader", *parts: bytes) -> None:
        try:
            callback(reader, *parts)
        except Problem as problem:
            reader.problem = problem
            raise

    return report  # type: ignore[return-value]


class RequestHead(NamedTuple):
    """What stands before the body."""

    method: str
    version: str
    path: bytes
    query: bytes
    fields: list[tuple[bytes, bytes]]
    may_stay: bool
    """Whether the client keeps its connection."""


class Receiver(Protocol):
    """What is told of the requests, in the order of their bytes."""

    def on_begin(self) -> None: ...

    def on_head(self, head: RequestHead) -> None: ...

    def on_part(self, part: bytes) -> None: ...

    def on_end(self) -> None: ...


class Reader:
    """Reads the requests of one connection.

    Parameters
    ----------
    settings
        Its bounds.
    receiver
        Is told of them.

    Attributes
    ----------
    is_in_head
        Whether a head has begun and has no end yet.
    n_missing_bytes
        Of a body whose length is known.
    problem
        That a callback has found.
    """

    def __init__(self, settings: Settings, receiver: Receiver) -> None:
        self._settings = settings
        self._receiver = receiver
        self._parser = httptools.HttpRequestParser(self)
        self.is_in_head = False
        self.n_missing_bytes = 0
        self.problem: Problem | None = None
        self._target = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._n_trailers = 0
        self._n_framed_bytes = 0  # of a head, or of a body that comes in chunks
        self._n_body_bytes = 0
        self._is_in_body = False
        self._is_declining = False

    def read(self, data: bytes) -> bytes:
        """Read a piece of the data, and return what is left of it.

        Raises
        ------
        MalformedRequest
        HeadTooLarge, TargetTooLong, UnknownCoding, UnknownVersion
            This is no request, or one that is beyond a bound; nothing can be read behind
            it.
        """
        n_bytes = self.n_missing_bytes or PIECE_BYTES
        piece, rest = data[:n_bytes], data[n_bytes:]
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserUpgrade as offer:
            self._decline()
            return piece[offer.args[0] :] + rest
        except httptools.HttpParserCallbackError as error:
            raise self.problem or error from None
        except httptools.HttpParserError as error:
            raise MalformedRequest(f"The request cannot be read: {error}.") from error
        self._bound(len(piece))
        return rest

    # what the parser reports

    def on_message_begin(self) -> None:
        if self._is_declining:
            return
        self.is_in_head = True
        self._target = b""
        self._fields = []
        self._n_framed_bytes = 0
        self._receiver.on_begin()

    @noted
    def on_url(self, part: bytes) -> None:
        if self._is_declining:
            return
        self._target += part
        limit = self._settings.max_target_bytes
        if len(self._target) > limit:
            raise TargetTooLong(f"Path and query have more than {limit} bytes.")

    @noted
    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_declining:
            return
        limit = self._settings.max_fields
        if self.is_in_head:
            self._fields.append((name.lower(), value))
        else:
            self._n_trailers += 1  # nobody asks for them
        if len(self._fields) > limit or self._n_trailers > limit:
            raise HeadTooLarge(f"The head has more than {limit} fields.")

    @noted
    def on_headers_complete(self) -> None:
        if self._is_declining:
            return
        self.is_in_head, self._is_in_body = False, True
        self._n_framed_bytes = self._n_trailers = self._n_body_bytes = 0
        head = self._head()
        self.n_missing_bytes = declared_body_bytes(head.fields)
        self._receiver.on_head(head)

    def on_body(self, part: bytes) -> None:
        self._n_body_bytes += len(part)
        if self.n_missing_bytes:
            self.n_missing_bytes -= len(part)
        self._receiver.on_part(part)

    def on_message_complete(self) -> None:
        if self._parser.should_upgrade():
            return  # so the parser has it; the body is still to come
        self._is_in_body = False
        self._receiver.on_end()

    def _head(self) -> RequestHead:
        parser = self._parser
        version, method = parser.get_http_version(), parser.get_method()
        require_standard(version, self._fields)
        if method == b"CONNECT":
            raise MalformedRequest("CONNECT is for proxies; this is none.")
        try:
            url = httptools.parse_url(self._target)
        except httptools.HttpParserInvalidURLError as error:
            raise MalformedRequest("The target is not a path.") from error
        return RequestHead(
            method.decode("ascii"),
            version,
            url.path or b"/",  # http://host has none
            url.query or b"",
            self._fields,
            version == "1.1" and parser.should_keep_alive(),
        )

    def _decline(self) -> None:
        """Go on as if the client had not offered another protocol.

        Whoever does not take such an offer ignores it (RFC 9110, section 7.8). Java's
        client and `curl --http2` offer HTTP/2 so. The parser stops behind the head;
        another one goes on with the body, whose length is all that it has to know.
        """
        self._parser = httptools.HttpRequestParser(self)
        framing = [
            b"%b: %b\r\n" % field
            for field in self._fields
            if field[0] in (b"content-length", b"transfer-encoding")
        ]
        self._is_declining = True
        self._parser.feed_data(b"".join([b"POST / HTTP/1.1\r\n", *framing, b"\r\n"]))
        self._is_declining = False

    def _bound(self, n_bytes: int) -> None:
        """Refuse a head, or the framing of a body, that has no end.

        Raises
        ------
        HeadTooLarge
        MalformedRequest
        """
        limit = self._settings.max_head_bytes
        if self.is_in_head:
            self._n_framed_bytes += n_bytes
            if self._n_framed_bytes > limit:
                raise HeadTooLarge(f"The head has more than {limit} bytes.")
        elif self._is_in_body and not self.n_missing_bytes:
            self._n_framed_bytes += n_bytes
            if self._n_framed_bytes > limit + FRAMING_SHARE * self._n_body_bytes:
                raise MalformedRequest("The chunks have next to no content.")
