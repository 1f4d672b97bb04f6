"""The HTTP protocol, with a shorter way for predictions than through ASGI.

A plain `POST` to a hot path is answered in the turn of the event loop in which it
came, without a task, an ASGI message or a second system call. All else goes
uvicorn's way to the same endpoint: other requests, large ones, slow models, and
whatever must be refused. Which path is hot is for its contract to say.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from server.batch import Batch
from server.batching import Answer
from server.contracts.headers import is_compressed
from server.endpoint import Endpoint
from server.http.head import read_head
from server.http.http1 import Http1Protocol
from server.problems import Problem

MAX_KEPT_HEADS = 256

MAX_SHORT_REQUEST_BYTES = 8192
"""A larger request goes uvicorn's way, where its head costs no more than its body."""


class HotHead(NamedTuple):
    """Of a request that can be answered in the turn of the loop in which it comes."""

    endpoint: Endpoint
    n_body_bytes: int


FindHot = Callable[[bytes], HotHead | None]


def hot_heads(endpoints: Mapping[str, Endpoint]) -> FindHot:
    """Return what finds the endpoint of a head, None for those that are not hot.

    A head that was read before is not read again: a client that keeps its connection
    sends the same one each time.

    Parameters
    ----------
    endpoints
        By path.
    """

    @functools.lru_cache(MAX_KEPT_HEADS)
    def find(lines: bytes) -> HotHead | None:
        head = read_head(lines)
        endpoint = endpoints.get(head.target) if head else None
        if head is None or endpoint is None:
            return None
        if not endpoint.contract.is_hot(head.target):
            return None
        if head.n_body_bytes > endpoint.max_body_bytes or is_compressed(head.headers):
            return None
        try:
            endpoint.contract.accept(head.headers)
        except Problem:
            return None
        return HotHead(endpoint, head.n_body_bytes)

    return find


class Protocol(Http1Protocol):
    """One connection.

    Parameters
    ----------
    find_hot
        What `hot_heads` returns, the same for all connections.
    arguments
        uvicorn's own.
    """

    def __init__(self, find_hot: FindHot, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._find_hot = find_hot
        self._begun = b""  # of a request whose body has not come yet
        self._waiting: tuple[bytes, Batch, Endpoint] | None = None

    def data_received(self, data: bytes) -> None:
        self._answer_now()
        self._unset_keepalive_if_required()
        if self._begun:
            data, self._begun = self._begun + data, b""
        if not self._try_hot(data):
            super().data_received(data)

    def eof_received(self) -> None:
        self._answer_now()
        super().eof_received()

    def shutdown(self) -> None:
        self._answer_now()
        begun, self._begun = self._begun, b""
        if begun:
            super().data_received(begun)
        super().shutdown()

    def _try_hot(self, data: bytes) -> bool:
        """Submit a request that needs nothing of uvicorn, or keep its beginning.

        Returns
        -------
        bool
            False where uvicorn must have it.
        """
        if self._is_busy() or len(data) > MAX_SHORT_REQUEST_BYTES:
            return False
        lines, blank, body = data.partition(b"\r\n\r\n")
        head = self._find_hot(lines) if blank else None
        if head is None:
            return False
        n_missing_bytes = head.n_body_bytes - len(body)
        if n_missing_bytes == 0:
            return self._try_submit(head.endpoint, body, data)
        if 0 < n_missing_bytes <= MAX_SHORT_REQUEST_BYTES - len(data):
            self._begun = data
            return True
        return False

    def _is_busy(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        answers_other = cycle is not None and not cycle.response_complete
        return answers_other or self.is_parsing or self.flow.write_paused

    def _try_submit(self, endpoint: Endpoint, body: bytes, data: bytes) -> bool:
        """Let a body be predicted in this turn; return False if that is impossible."""
        try:
            batch, _ = endpoint.contract.read(body)
        except Problem:
            return False
        if not endpoint.batcher.submit(batch.rows, self._answer):
            return False
        self._waiting = data, batch, endpoint
        return True

    def _answer_now(self) -> None:
        if self._waiting is not None:
            self._waiting[2].batcher.flush()

    def _answer(self, values: Answer) -> None:
        if self._waiting is None or self.transport.is_closing():
            return
        (data, batch, endpoint), self._waiting = self._waiting, None
        if isinstance(values, Exception):
            super().data_received(data)
            return
        contract = endpoint.contract
        try:
            answer = contract.write(batch, batch.predicted(values))
        except Problem:
            super().data_received(data)
            return
        self.transport.write(
            b"HTTP/1.1 200 OK\r\n%bcontent-type: %b\r\ncontent-length: %d\r\n\r\n%b"
            % (self._default_headers(), contract.media_type, len(answer), answer)
        )
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def _default_headers(self) -> bytes:
        headers = self.server_state.default_headers
        return b"".join([b"%b: %b\r\n" % header for header in headers])
