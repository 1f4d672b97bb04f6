"""The rows that a model was asked about, kept for a moment and counted in bulk.

Counting rows one by one would cost as much as answering them. So a run leaves behind
references to its rows and predictions; a few hundred are counted together, or what
there is when somebody asks. Where many come, one in `every` is looked at and counts as
many: which one is left to chance, so that the counts are right on average whatever
the order of the rows. Rows and runs themselves are counted exactly.
"""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from itertools import chain, groupby
from operator import itemgetter
from threading import Lock
from time import monotonic, perf_counter, time
from typing import TYPE_CHECKING, Any

from server.metrics.histogram import Histogram
from server.signature import Signature, is_text

if TYPE_CHECKING:
    from server.metrics.drift import Drift

MAX_KEPT = 512
"""Runs and rows, added up, after which they are counted: 0.2 ms of the event loop."""

MAX_KEPT_CHARACTERS = 4096
"""Of the texts of one run; longer ones are not kept."""

VALUES_PER_SECOND = 20_000
"""How many values are looked at, in the long run: 1 ms of each second."""

MAX_SAVED_VALUES = 200_000
"""What a quiet server may look at beyond that: bursts are counted row by row."""

BATCH_ROWS = (1, 2, 4, 8, 16, 32, 64, 250, 1000, 2500, 10_000)

Run = tuple[int, float, int, Sequence[tuple[Any, ...]], Sequence[Any]]
"""Rows, seconds, one in how many is kept, and these."""


class Seen:
    """What one model was asked and answered; any thread may add to it.

    Parameters
    ----------
    signature
        Of the model.

    Attributes
    ----------
    n_rows, run_seconds, batches
        Of all runs that were counted: exact.
    drift
        What the rows were like; None before the first.
    """

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self.n_rows = 0
        self.run_seconds = 0.0
        self.batches = Histogram(BATCH_ROWS)
        self.drift: Drift | None = None
        self._ended = 0.0
        self._n_columns = len(signature.features) + len(signature.targets)
        self._texts = [
            place
            for place, feature in enumerate(signature.features)
            if is_text(feature)
            and (feature.kind == "text" or feature.unknown == "ignore")
        ]
        self._lock = Lock()
        self._kept: deque[Run] = deque()
        self._room = MAX_KEPT  # about: what threads do at once may be lost
        self._every = 1
        self._random: Callable[[], float] = float  # until there is a choice: 0
        self._saved_values = float(MAX_SAVED_VALUES)
        self._counted = monotonic()

    @property
    def last(self) -> float:
        """When a run ended last, in seconds since 1970; 0 before the first."""
        return self._ended and time() - (perf_counter() - self._ended)

    def add(
        self, rows: Sequence[tuple[Any, ...]], values: Sequence[Any], start: float
    ) -> None:
        """Keep what a run was asked and what it answered, or a share of it.

        Parameters
        ----------
        start
            Of the run, by `perf_counter`.
        """
        self._ended = ended = perf_counter()
        every = self._every
        n_rows = len(rows)
        if every > 1:
            first = int(self._random() * every)
            is_one = first < n_rows
            rows = rows[first::every] if is_one else ()
            values = values[first::every] if is_one else ()
        self._kept.append((n_rows, ended - start, every, rows, values))
        self._room -= len(rows) + 1
        if self._room > 0 and not (self._texts and self._is_long(rows)):
            return
        # another thread that counts already does it for this one
        if self._lock.acquire(blocking=False):
            try:
                self._count()
            finally:
                self._lock.release()

    def count(self) -> None:
        """Count all that is kept."""
        with self._lock:
            self._count()

    def _is_long(self, rows: Sequence[tuple[Any, ...]]) -> bool:
        texts = (row[place] for place in self._texts for row in rows)
        return sum(len(text) for text in texts if text) > MAX_KEPT_CHARACTERS

    def _count(self) -> None:
        from server.metrics.drift import Drift  # a start does not need it

        runs = [self._kept.popleft() for _ in range(len(self._kept))]
        self._room = MAX_KEPT
        drift = self.drift = self.drift or Drift(self.signature)
        n_rows = n_looked_at = 0
        for every, group in groupby(runs, itemgetter(2)):
            ns, seconds, _, rows, values = zip(*group, strict=True)
            n_rows += sum(ns)
            self.run_seconds += sum(seconds)
            for n, n_runs in Counter(ns).items():
                self.batches.add(n, n_runs)
            looked_at = list(chain.from_iterable(rows))
            n_looked_at += len(looked_at)
            drift.add(looked_at, list(chain.from_iterable(values)), every)
        self.n_rows += n_rows
        self._choose_every(n_rows, n_looked_at)

    def _choose_every(self, n_rows: int, n_looked_at: int) -> None:
        """Look at fewer rows where more values come than may be looked at."""
        now = monotonic()
        seconds, self._counted = now - self._counted, now
        saved = self._saved_values + seconds * VALUES_PER_SECOND
        saved = min(saved, MAX_SAVED_VALUES) - n_looked_at * self._n_columns
        self._saved_values = saved
        if saved > 0:
            self._every = 1
            return
        from random import random  # 2 ms, for those who need it

        allowed = seconds * VALUES_PER_SECOND or 1.0
        self._random = random  # noqa: S311 - a sample, no secret
        self._every = 1 + int(n_rows * self._n_columns / allowed)
