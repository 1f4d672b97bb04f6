"""Sends requests over keep-alive connections and records how long each one took.

Plain sockets in one loop, because the timers of event libraries are no finer than
a millisecond, and an open loop of 20,000 requests a second sends one every 50 µs.
"""

import select
import selectors
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import cycle
from time import perf_counter_ns

import httptools
from hdrh.histogram import HdrHistogram

from bench.load.address import Address
from bench.load.client import ClientTime, Stopwatch
from bench.load.connection import Connection, resolve
from bench.load.schedule import ClosedLoop, OpenLoop, Schedule

TICK_NS = 100_000_000
NOTICEABLE_NS = 1_000_000
LONGEST_NS = 3_600_000_000_000


def make_histogram() -> HdrHistogram:
    """Return an empty histogram of nanoseconds, exact to three digits."""
    return HdrHistogram(1, LONGEST_NS, 3)


@dataclass(frozen=True)
class Load:
    """What to send.

    Parameters
    ----------
    requests
        Whole HTTP requests, sent in turn.
    rate
        Requests a second that are due whether or not earlier ones were answered
        (open loop); None sends the next one when a connection is free (closed).
    timeout_s
        After which a request that was sent counts as an error, and for how long
        after the end answers are awaited.
    """

    address: Address
    requests: list[bytes]
    connections: int
    duration_s: float
    warm_up_s: float = 0.0
    rate: float | None = None
    timeout_s: float = 10.0


@dataclass
class Measurement:
    """What came back.

    Parameters
    ----------
    latency
        Nanoseconds from when a request was due to the end of its 2xx answer, or
        until it was given up, for those due after the warm-up. Other answers and
        broken connections are left out: they are quick, and would flatter.
    lateness
        Nanoseconds that requests left late although a connection was free: the
        client's own fault.
    errors
        By kind, of the whole run, warm-up included.
    n_answers
        2xx answers that arrived after the warm-up and before the end.
    n_waited
        Requests that were due more than a millisecond before a connection was free.
    is_interrupted
        By Ctrl-C; what came until then is there.
    """

    latency: HdrHistogram = field(default_factory=make_histogram)
    lateness: HdrHistogram = field(default_factory=make_histogram)
    errors: Counter[str] = field(default_factory=Counter)
    n_sent: int = 0
    n_answers: int = 0
    n_waited: int = 0
    elapsed_s: float = 0.0
    is_interrupted: bool = False
    client: ClientTime = field(default_factory=ClientTime)

    @property
    def n_errors(self) -> int:
        return self.errors.total()

    @property
    def requests_per_second(self) -> float:
        return self.n_answers / self.elapsed_s if self.elapsed_s else 0.0


Progress = Callable[[float, Measurement], None]
"""Is told the seconds since the begin and what was measured, ten times a second."""


def measure(load: Load, progress: Progress = lambda *_: None) -> Measurement:
    """Send `load` until its end, or until Ctrl-C, and return what came back."""
    run = _Run(load, progress)
    try:
        run.loop()
    except KeyboardInterrupt:
        run.end_ns = min(run.end_ns, perf_counter_ns())
        run.result.is_interrupted = True
    finally:
        run.close()
    run.result.elapsed_s = max(0, run.end_ns - run.start_ns) / 1e9
    return run.result


def measure_whole(load: Load) -> Measurement:
    """Send `load` until its end; half of it would be another measurement.

    Raises
    ------
    KeyboardInterrupt
    """
    measurement = measure(load)
    if measurement.is_interrupted:
        raise KeyboardInterrupt
    return measurement


class _Run:
    def __init__(self, load: Load, progress: Progress) -> None:
        endpoint = resolve(load.address)
        self.progress = progress
        self.result = Measurement()
        self.requests = cycle(load.requests)
        self.selector = selectors.DefaultSelector()
        self.connections = [
            Connection(endpoint, self.selector) for _ in range(load.connections)
        ]
        self.idle = deque(self.connections)
        self.resting: list[Connection] = []
        self.stopwatch: Stopwatch | None = None
        self.timeout_ns = int(load.timeout_s * 1e9)
        self.begin_ns = self.tick_ns = perf_counter_ns()
        self.start_ns = self.begin_ns + int(load.warm_up_s * 1e9)
        self.end_ns = self.start_ns + int(load.duration_s * 1e9)
        self.schedule: Schedule = ClosedLoop(self.end_ns)
        if load.rate is not None:
            self.schedule = OpenLoop(self.begin_ns, self.end_ns, load.rate)

    def loop(self) -> None:
        now_ns = self.begin_ns
        while not self._is_over(now_ns):
            now_ns = perf_counter_ns()
            self._send_due(now_ns)
            events = self.selector.select(0)
            if not events:
                self._wait(now_ns)
            for key, _ in events:
                self._advance(key.data)
            if now_ns >= self.tick_ns:
                self._tick(now_ns)
        self._give_up_all(now_ns)

    def close(self) -> None:
        for connection in self.connections:
            connection.close()
        self.selector.close()

    def _is_over(self, now_ns: int) -> bool:
        if now_ns < self.end_ns:
            return False
        n_free = len(self.idle) + len(self.resting)
        is_done = n_free == len(self.connections) and self.schedule.next_ns > now_ns
        return is_done or now_ns >= self.end_ns + self.timeout_ns

    def _wait(self, now_ns: int) -> None:
        until_ns: float = self.tick_ns
        if self.idle:
            until_ns = min(until_ns, self.schedule.next_ns)
        # select(2) counts in microseconds; a selector's own timeout in milliseconds
        select.select([self.selector], [], [], max(0.0, (until_ns - now_ns) / 1e9))

    def _send_due(self, now_ns: int) -> None:
        while self.idle and (due_ns := self.schedule.take(now_ns)) is not None:
            if due_ns >= self.start_ns:
                self.result.lateness.record_value(now_ns - due_ns)
            self._send(self.idle.popleft(), due_ns, now_ns)

    def _send(self, connection: Connection, due_ns: int, now_ns: int) -> None:
        connection.due_ns = due_ns
        connection.sent_ns = now_ns
        self.result.n_sent += 1
        try:
            connection.send(next(self.requests))
        except OSError as error:
            self._fail(connection, _kind(error))

    def _advance(self, connection: Connection) -> None:
        try:
            is_answered = connection.advance()
        except OSError as error:
            self._fail(connection, _kind(error))
        except httptools.HttpParserError:
            self._fail(connection, "answer is not HTTP")
        else:
            if is_answered:
                self._answered(connection, perf_counter_ns())

    def _answered(self, connection: Connection, now_ns: int) -> None:
        if 200 <= connection.status < 300:
            self._count_answer(connection.due_ns, now_ns)
        else:
            self.result.errors[f"HTTP {connection.status}"] += 1
        due_ns = None if self.idle else self.schedule.take(now_ns)
        if due_ns is None:
            connection.due_ns = 0
            self.idle.append(connection)
            return
        self.result.n_waited += now_ns - due_ns > NOTICEABLE_NS
        self._send(connection, due_ns, now_ns)

    def _count_answer(self, due_ns: int, now_ns: int) -> None:
        if due_ns >= self.start_ns:
            self.result.latency.record_value(now_ns - due_ns)
        if self.start_ns <= now_ns < self.end_ns:
            self.result.n_answers += 1

    def _fail(self, connection: Connection, kind: str) -> None:
        connection.close()
        if connection.due_ns == 0:  # idle: a server may close it, and that is no error
            return
        connection.due_ns = 0
        self.result.errors[kind] += 1
        # until the next tick, or a server that is down would be asked in a spin
        self.resting.append(connection)

    def _tick(self, now_ns: int) -> None:
        if self.stopwatch is None:
            if now_ns >= self.start_ns:
                self.stopwatch = Stopwatch()
        elif self.tick_ns <= self.end_ns:
            self.result.client = self.stopwatch.time()
        self.idle.extend(self.resting)
        self.resting.clear()
        for connection in self.connections:
            if connection.due_ns and now_ns - connection.sent_ns > self.timeout_ns:
                self._give_up(connection, now_ns)
        self.progress((now_ns - self.begin_ns) / 1e9, self.result)
        ticks_ns = (now_ns + TICK_NS, self.start_ns, self.end_ns)
        self.tick_ns = min(tick_ns for tick_ns in ticks_ns if tick_ns > now_ns)

    def _give_up(self, connection: Connection, now_ns: int) -> None:
        self._count_unanswered(connection.due_ns, now_ns)
        self._fail(connection, "timed out")

    def _give_up_all(self, now_ns: int) -> None:
        for connection in self.connections:
            if connection.due_ns:
                self._give_up(connection, now_ns)
        while self.schedule.next_ns < self.end_ns:
            due_ns = self.schedule.take(now_ns)
            if due_ns is not None:
                self._count_unanswered(due_ns, now_ns)
                self.result.errors["never sent"] += 1

    def _count_unanswered(self, due_ns: int, now_ns: int) -> None:
        if due_ns >= self.start_ns:
            self.result.latency.record_value(now_ns - due_ns)


def _kind(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
