"""The shorter way for predictions, with a line in the access log for each."""

from datetime import UTC, datetime
from time import perf_counter

from server.access_log import Line, ms_since
from server.batching import Answer
from server.contracts.contract import Question
from server.edge import Edge
from server.http.connections import Connections
from server.protocol import FindHot, HotHead, Protocol
from server.request_id import echoed, traceparent


class LoggedProtocol(Protocol):
    """One connection; of what goes the ordinary way the log learns there.

    Parameters
    ----------
    edge
        Has a log.
    """

    def __init__(self, edge: Edge, connections: Connections, find_hot: FindHot) -> None:
        super().__init__(connections, find_hot)
        assert edge.log is not None  # noqa: S101 - who has none makes none of these
        self._log = edge.log
        self._proxies = edge.proxies
        self._start = 0.0
        self._time = datetime.now(UTC)

    def _try_submit(self, head: HotHead, body: bytes, data: bytes) -> bool:
        self._start, self._time = perf_counter(), datetime.now(UTC)
        return super()._try_submit(head, body, data)

    def _response(
        self, values: Answer, question: Question, head: HotHead
    ) -> bytes | None:
        ids = echoed(head.head.headers)
        name = ids[0][1].decode() if ids else self._log.new_id()
        if not ids:
            lines = b"%bx-request-id: %b\r\n" % (head.lines, name.encode())
            head = head._replace(lines=lines)
        response = super()._response(values, question, head)
        if response is not None:
            n_bytes = len(response) - response.index(b"\r\n\r\n") - 4
            self._log.add(self._line(head, name, len(question.batch.rows), n_bytes))
        return response

    def _line(self, head: HotHead, name: str, n_rows: int, n_bytes: int) -> Line:
        headers = head.head.headers
        client = self.address
        if self._proxies is not None:
            client = self._proxies.client(client, headers)
        signature = head.endpoint.model.signature
        return Line(
            self._time,
            name,
            client,
            "POST",
            head.head.target,
            200,
            ms_since(self._start),
            n_bytes,
            n_rows,
            signature.name,
            signature.version,
            traceparent(headers),
        )
