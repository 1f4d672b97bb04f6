"""A connection with a shorter way for predictions than through ASGI.

A plain `POST` to a hot path is answered in the turn of the event loop in which it
came, without a task, an ASGI message or a second system call. All else goes the
ordinary way to the same endpoint: other requests, large ones, slow models, and
whatever must be refused. Which path is hot is for its contract to say.
"""

import functools
import logging
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import NamedTuple, TypeAlias

from server.access import Access
from server.batching import Answer
from server.contracts.contract import Question
from server.contracts.headers import is_compressed
from server.edge import UNIQUE, Edge
from server.endpoint import Endpoint
from server.http.connection import Connection
from server.http.connections import NEVER, Connections
from server.http.head import Head, read_head
from server.metrics.counters import MAX_QUICK, Tally
from server.problems import Problem

LOG = logging.getLogger("server")

MAX_KEPT_HEADS = 256

MAX_SHORT_REQUEST_BYTES = 8192
"""A larger request goes the ordinary way, where its head costs no more than its body."""


class HotHead(NamedTuple):
    """Of a request that can be answered in the turn of the loop in which it comes."""

    endpoint: Endpoint
    n_body_bytes: int
    tally: Tally | None
    lines: bytes
    """Of the head of its answer, each with its CR LF."""
    head: Head


class UniqueHead(Exception):
    """A head has what no other request has: what is found of it is not kept."""

    def __init__(self, hot: HotHead) -> None:
        super().__init__()
        self.hot = hot


FindHot: TypeAlias = "functools._lru_cache_wrapper[HotHead | None]"
"""From the lines of a head; what is kept is for `cache_clear`."""


def hot_heads(
    endpoints: Callable[[], Mapping[str, Endpoint]],
    access: Access,
    edge: Edge,
    tallies: Callable[[], Mapping[str, Tally]] = dict,
) -> FindHot:
    """Return what finds the endpoint of a head, None for those that are not hot.

    A head that was read before is not read again: a client that keeps its connection
    sends the same one each time. One that comes but once is raised as `UniqueHead`.

    Parameters
    ----------
    endpoints
        Returns them by path; whoever changes them clears what is kept.
    access
        Who may ask; a head that was admitted is so as long as it is kept.
    edge
        What it asks for beside the answer.
    tallies
        Returns by path what counts its requests; none does where they are not counted.
    """

    @functools.lru_cache(MAX_KEPT_HEADS)
    def find(lines: bytes) -> HotHead | None:
        head = read_head(lines)
        if head is None or access.has_rates:
            return None  # rates are counted on the ordinary way
        target = edge.inner_path(head.target)
        endpoint = endpoints().get(target)
        if endpoint is None or not endpoint.contract.is_hot(target):
            return None
        names = {name for name, _ in head.headers}
        if b"prefer" in names:
            return None
        if head.n_body_bytes > endpoint.max_body_bytes or is_compressed(head.headers):
            return None
        try:
            endpoint.contract.accept(head.headers)
            access.admit(target, head.headers)
        except Problem:
            return None
        fields = (*endpoint.named, *edge.fields(head.headers, names))
        lines_of_answer = b"".join(b"%b: %b\r\n" % field for field in fields)
        tally = tallies().get(target)
        hot = HotHead(endpoint, head.n_body_bytes, tally, lines_of_answer, head)
        if UNIQUE.isdisjoint(names):
            return hot
        raise UniqueHead(hot)

    return find


class Protocol(Connection):
    """One connection.

    Parameters
    ----------
    connections
        All of the process.
    find_hot
        What `hot_heads` returns, the same for all connections.
    """

    def __init__(self, connections: Connections, find_hot: FindHot) -> None:
        super().__init__(connections)
        self._find_hot = find_hot
        self._begun = b""  # of a request whose body has not come yet
        self._waiting: tuple[bytes, Question, HotHead, float] | None = None

    def data_received(self, data: bytes) -> None:
        self._answer_now()
        if self._begun:
            data, self._begun = self._begun + data, b""
        if not self._try_hot(data):
            super().data_received(data)

    def eof_received(self) -> bool:
        self._answer_now()
        return super().eof_received()

    def expire(self) -> None:
        self._pass_on()
        super().expire()

    def stop(self, idle_seconds: float = 0) -> None:
        self._answer_now()
        self._pass_on()
        super().stop(idle_seconds)

    def _pass_on(self) -> None:
        """Let the ordinary way have what has come of a request."""
        begun, self._begun = self._begun, b""
        if begun:
            super().data_received(begun)

    def _try_hot(self, data: bytes) -> bool:
        """Submit a request that needs nothing of ASGI, or keep its beginning.

        Returns
        -------
        bool
            False where the ordinary way must have it.
        """
        if len(data) > MAX_SHORT_REQUEST_BYTES or self.is_busy or not self.may_stay:
            return False
        lines, blank, body = data.partition(b"\r\n\r\n")
        try:
            head = self._find_hot(lines) if blank else None
        except UniqueHead as found:
            head = found.hot
        if head is None:
            return False
        n_missing_bytes = head.n_body_bytes - len(body)
        if n_missing_bytes == 0:
            return self._try_submit(head, body, data)
        if 0 < n_missing_bytes <= MAX_SHORT_REQUEST_BYTES - len(data):
            self._begun = data
            self._await("body")
            return True
        return False

    def _try_submit(self, head: HotHead, body: bytes, data: bytes) -> bool:
        """Let a body be predicted in this turn; return False if that is impossible."""
        start, endpoint = perf_counter(), head.endpoint
        try:
            question = endpoint.contract.read(body)
        except Problem:
            return False
        if not endpoint.batcher.submit(question.batch.rows, self._answer):
            return False
        self._waiting = data, question, head, start
        self.deadline = NEVER
        return True

    def _answer_now(self) -> None:
        if self._waiting is not None:
            self._waiting[2].endpoint.batcher.flush()

    def _answer(self, values: Answer) -> None:
        if self._waiting is None or self.transport.is_closing():
            return
        (data, question, head, start), self._waiting = self._waiting, None
        response = self._response(values, question, head)
        if response is None:
            super().data_received(data)
            return
        self.transport.write(response)
        self.is_served = True
        if head.tally is not None:
            quick = head.tally.quick
            quick.append(perf_counter() - start)
            if len(quick) >= MAX_QUICK:
                head.tally.count()
        if self._writable is None:
            self._await("request")

    def _response(
        self, values: Answer, question: Question, head: HotHead
    ) -> bytes | None:
        """Return all of it, None where the ordinary way must find what is wrong."""
        if isinstance(values, Exception):
            return None
        try:
            prediction = question.batch.predicted(values)
            answer = head.endpoint.contract.write(question, prediction)
        except Problem:
            return None
        except Exception:
            LOG.exception("An answer could not be written.")  # its neighbours' will be
            return None
        return (
            b"HTTP/1.1 200 OK\r\n%bcontent-type: %b\r\ncontent-length: %d\r\n%b\r\n%b"
            % (
                self.said_always,
                answer.media_type,
                len(answer.body),
                head.lines,
                answer.body,
            )
        )
