"""The HTTP protocol, with a shorter way for predictions than through ASGI.

A plain `POST` to a hot path is answered in the turn of the event loop in which it
came, without a task, an ASGI message or a second system call. All else goes
uvicorn's way to the same endpoint: other requests, large ones, slow models, and
whatever must be refused.
"""

from collections.abc import Mapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from server import answers
from server.batching import Answer
from server.endpoint import Endpoint
from server.head import read_head
from server.http1 import Http1Protocol
from server.problems import Problem
from server.rows import Form

MAX_SHORT_REQUEST_BYTES = 8192
"""A larger request goes uvicorn's way, where its head costs no more than its body."""


class Protocol(Http1Protocol):
    """One connection.

    Parameters
    ----------
    endpoints
        By path.
    arguments
        uvicorn's own.
    """

    def __init__(self, endpoints: Mapping[str, Endpoint], **arguments: Any) -> None:
        super().__init__(**arguments)
        self._endpoints = endpoints
        self._begun = b""  # of a request whose body has not come yet
        self._waiting: tuple[bytes, Form, Endpoint] | None = None

    def data_received(self, data: bytes) -> None:
        self._answer_now()
        self._unset_keepalive_if_required()
        if self._begun:
            data, self._begun = self._begun + data, b""
        if not self._takes(data):
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

    def _takes(self, data: bytes) -> bool:
        """Whether the request needs nothing of uvicorn."""
        if self._is_busy() or len(data) > MAX_SHORT_REQUEST_BYTES:
            return False
        lines, blank, body = data.partition(b"\r\n\r\n")
        head = read_head(lines) if blank else None
        endpoint = self._endpoints.get(head.target) if head else None
        if head is None or endpoint is None:
            return False
        if head.n_body_bytes > endpoint.max_body_bytes:
            return False
        n_missing_bytes = head.n_body_bytes - len(body)
        if n_missing_bytes == 0:
            return self._predicts(endpoint, body, data)
        if 0 < n_missing_bytes <= MAX_SHORT_REQUEST_BYTES - len(data):
            self._begun = data
            return True
        return False

    def _is_busy(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        answers_other = cycle is not None and not cycle.response_complete
        return answers_other or self.is_parsing or self.flow.write_paused

    def _predicts(self, endpoint: Endpoint, body: bytes, data: bytes) -> bool:
        try:
            batch = endpoint.reader.read(body)
        except Problem:
            return False
        if not endpoint.batcher.submit(batch.rows, self._answer):
            return False
        self._waiting = data, batch.form, endpoint
        return True

    def _answer_now(self) -> None:
        if self._waiting is not None:
            self._waiting[2].batcher.flush()

    def _answer(self, predictions: Answer) -> None:
        if self._waiting is None or self.transport.is_closing():
            return
        (data, form, _), self._waiting = self._waiting, None
        if isinstance(predictions, Exception):
            super().data_received(data)
            return
        try:
            answer = answers.plain(form, predictions)
        except Problem:
            super().data_received(data)
            return
        self.transport.write(
            b"HTTP/1.1 200 OK\r\n%bcontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%b"
            % (self._default_headers(), len(answer), answer)
        )
        self.server_state.total_requests += 1
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def _default_headers(self) -> bytes:
        headers = self.server_state.default_headers
        return b"".join([b"%b: %b\r\n" % header for header in headers])
