"""When requests are due, in nanoseconds of `time.perf_counter_ns`."""

from typing import Protocol


class Schedule(Protocol):
    """`next_ns` is when the next request is due, or infinity."""

    next_ns: float

    def take(self, now_ns: int) -> int | None:
        """Return when the request was due that has to be sent now, if one is."""


class ClosedLoop:
    """A request is due whenever a connection is free: a slow server is asked less."""

    def __init__(self, end_ns: int) -> None:
        self.next_ns = float("inf")
        self.end_ns = end_ns

    def take(self, now_ns: int) -> int | None:
        return now_ns if now_ns < self.end_ns else None


class OpenLoop:
    """Requests are due at a constant rate, whatever the server does.

    Their latency counts from then, so that a stall is felt by every request that
    came due in it: no coordinated omission.
    """

    def __init__(self, begin_ns: int, end_ns: int, rate: float) -> None:
        self.next_ns: float = begin_ns
        self._begin_ns = begin_ns
        self._end_ns = end_ns
        self._interval_ns = 1e9 / rate
        self._n_taken = 0

    def take(self, now_ns: int) -> int | None:
        due_ns = self.next_ns
        if due_ns > now_ns or due_ns >= self._end_ns:
            return None
        self._n_taken += 1
        self.next_ns = self._begin_ns + self._n_taken * self._interval_ns
        if self.next_ns >= self._end_ns:
            self.next_ns = float("inf")
        return int(due_ns)
