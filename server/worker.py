"""A thread beside the event loop that does one thing after the other, in time.

What cannot be begun before its deadline is refused at once, and what nobody waits for
any more is never begun: otherwise a server that is asked for more than it can do
answers clients that have left, and keeps those that are there waiting.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import TypeVar

from server.problems import Overloaded

T = TypeVar("T")

SHARE_OF_PAST = 0.8
"""What a run counts after the next one, in the mean that is expected of a row."""


class Worker:
    """Runs functions in one thread.

    Parameters
    ----------
    deadline_ms
        Longest time that something waits before it is begun.
    """

    def __init__(self, deadline_ms: int) -> None:
        self.deadline_ms = deadline_ms
        # The next one waits until the loop has what the last one returned: answers of
        # megabytes would otherwise pile up in front of it.
        self._turn = asyncio.Lock()
        self._thread: ThreadPoolExecutor | None = None
        self._n_rows = 0  # of what waits and what is run
        self._past_ms = 0.0
        self._n_past_rows = 1.0

    def is_overloaded(self, n_more_rows: int = 0) -> bool:
        """Whether what waits, and as many rows more, is expected to take too long."""
        n_rows = self._n_rows + n_more_rows
        return n_rows * self._past_ms > self.deadline_ms * self._n_past_rows

    async def run(self, function: Callable[[], T], n_rows: int) -> T:
        """Return what the function returns, which predicts about `n_rows`.

        Raises
        ------
        Overloaded
            If it would have to wait too long, or had to.
        """
        if self.is_overloaded():
            raise self.overload()
        due = perf_counter() + self.deadline_ms / 1000
        self._n_rows += n_rows
        try:
            async with self._turn:
                if perf_counter() > due:
                    raise self.overload()
                return await self._run_beside(function, n_rows)
        finally:
            self._n_rows -= n_rows

    def overload(self) -> Overloaded:
        return Overloaded(f"What waits takes longer than {self.deadline_ms} ms.")

    def close(self) -> None:
        """Begin nothing any more."""
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def _run_beside(self, function: Callable[[], T], n_rows: int) -> T:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        start = perf_counter()
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, function)
        finally:
            run_ms = (perf_counter() - start) * 1000
            self._past_ms = SHARE_OF_PAST * self._past_ms + run_ms
            self._n_past_rows = SHARE_OF_PAST * self._n_past_rows + n_rows
