"""What is counted of requests: exactly, and in constant memory.

Everything here is touched on the event loop only. What comes from clients is no label:
paths are those of routes, models those that are served.
"""

from collections import Counter
from collections.abc import Iterable
from time import perf_counter

from server.http.asgi import Application, Message, Receive, Scope, Send
from server.http.scope import MODEL, PROBLEM, ROUTE
from server.metrics.histogram import Histogram
from server.metrics.seen import Seen
from server.signature import Signature

OTHER = "other"
"""The path of what no route is for."""

GONE = 499
"""The status of a request whose client left before its answer; as nginx has it."""

SECONDS = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
"""Bounds of latencies: a row takes 0.1 ms, 10,000 of them 10 ms, and a request that
waits for others 2 s by default."""


MAX_QUICK = 512
"""Answers of the hot path after which they are counted."""


class Tally:
    """Requests of one path to one model.

    Attributes
    ----------
    quick
        Seconds of those that were answered with 200 on the hot path, up to `MAX_QUICK`,
        and are not counted yet.
    """

    def __init__(self) -> None:
        self.quick: list[float] = []
        self.latencies = Histogram(SECONDS)
        self.n_of_status: Counter[int] = Counter()
        self.failed_seconds = 0.0

    @property
    def n_successes(self) -> int:
        return sum(n for status, n in self.n_of_status.items() if status < 400)

    @property
    def n_failures(self) -> int:
        return self.n_of_status.total() - self.n_successes

    def count(self) -> None:
        """Count what is kept."""
        self.latencies.add_all(self.quick)
        if self.quick:
            self.n_of_status[200] += len(self.quick)
        self.quick.clear()

    def add(self, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self.latencies.add(seconds)
        self.n_of_status[status] += 1
        if status >= 400:
            self.failed_seconds += seconds


class Counters:
    """What one process counts.

    Attributes
    ----------
    tallies
        By the path of a route and the name of a model, "" for none.
    n_rejected
        By the slug of the problem.
    n_in_flight
        Requests that are being answered.
    seen
        By model: the rows.
    """

    def __init__(self) -> None:
        self.tallies: dict[tuple[str, str], Tally] = {}
        self.n_rejected: Counter[str] = Counter()
        self.n_in_flight = 0
        self.seen: dict[str, Seen] = {}

    def serve(self, signatures: Iterable[Signature]) -> None:
        """Count for these models; what was counted of one that stays is kept."""
        before, self.seen = self.seen, {}
        for signature in signatures:
            seen = before.get(signature.name)
            is_same = seen is not None and seen.signature is signature
            self.seen[signature.name] = seen if seen and is_same else Seen(signature)
        self.tallies = {
            key: tally
            for key, tally in self.tallies.items()
            if key[1] in self.seen or not key[1]
        }

    def tally(self, path: str, model: str) -> Tally:
        """Return the tally of a route's path and a served model."""
        key = path, model if model in self.seen else ""
        if key not in self.tallies:
            self.tallies[key] = Tally()
        return self.tallies[key]

    async def counted(
        self, application: Application, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Let the application answer, and count the request when it has."""
        status = GONE

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self.n_in_flight += 1
        start = perf_counter()
        try:
            await application(scope, receive, noting)
        finally:
            self.n_in_flight -= 1
            tally = self.tally(scope.get(ROUTE, OTHER), scope.get(MODEL, ""))
            tally.add(status, perf_counter() - start)
            if PROBLEM in scope:
                self.n_rejected[scope[PROBLEM]] += 1
