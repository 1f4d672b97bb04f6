"""The rows that a model was asked about, kept for a moment and counted in bulk.

Counting rows one by one would cost as much as answering them. So a run leaves behind
references to its rows and predictions; a few hundred are counted together, or what
there is when somebody asks. Where many come, one in so many is looked at and counts as
many: which one is left to chance, so that the counts are right on average whatever
the order of the rows. Rows and runs themselves are counted exactly.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain
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


class Seen:
    """What one model was asked and answered; any thread may add to it.

    Parameters
    ----------
    signature
        Of the model.

    Attributes
    ----------
    n_rows, batches
        Of all runs that were counted: exact.
    run_seconds
        Of all runs; of two that end at once in two threads one may be missing.
    ended
        When a run ended last, by `perf_counter`; 0 before the first.
    drift
        What the rows were like; None before the first.
    """

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self.n_rows = 0
        self.run_seconds = 0.0
        self.batches = Histogram(BATCH_ROWS)
        self.drift: Drift | None = None
        self.ended = 0.0
        self._n_columns = len(signature.features) + len(signature.targets)
        self._texts = [
            place
            for place, feature in enumerate(signature.features)
            if is_text(feature)
            and (feature.kind == "text" or feature.unknown == "ignore")
        ]
        self._lock = Lock()
        self._kept: list[Any] = []  # of each run its rows, and their predictions
        self._room = MAX_KEPT  # about: what threads do at once may be lost
        self._random: Callable[[], float] | None = None
        self._saved_values = float(MAX_SAVED_VALUES)
        self._counted = monotonic()

    @property
    def last(self) -> float:
        """When a run ended last, in seconds since 1970; 0 before the first."""
        return self.ended and time() - (perf_counter() - self.ended)

    def took(self, start: float, end: float) -> None:
        """Count the time of a run, by `perf_counter`."""
        self.run_seconds += end - start
        self.ended = end

    def add(self, rows: Sequence[tuple[Any, ...]], values: Sequence[Any]) -> None:
        """Keep what a run was asked and what it answered."""
        self._kept.extend((rows, values))  # together, whatever other threads add
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

        drift = self.drift = self.drift or Drift(self.signature)
        self._room = MAX_KEPT
        runs = self._kept[:]
        del self._kept[: len(runs)]  # what other threads add meanwhile stays
        if not runs:
            return
        several, predictions = runs[::2], runs[1::2]
        for n, n_runs in Counter(map(len, several)).items():
            self.batches.add(n, n_runs)
        rows = list(chain.from_iterable(several))
        values = list(chain.from_iterable(predictions))
        self.n_rows += len(rows)
        step = self._step(len(rows))
        if step > 1:
            first = int(self._chance() * step)
            rows, values = rows[first::step], values[first::step]
        drift.add(rows, values, step)

    def _step(self, n_rows: int) -> int:
        """Return one in how many rows is looked at, so that no more values are than may."""
        now = monotonic()
        earned = (now - self._counted) * VALUES_PER_SECOND
        self._counted = now
        saved = max(1.0, min(self._saved_values + earned, MAX_SAVED_VALUES))
        n_values = n_rows * self._n_columns
        step = max(1, math.ceil(n_values / saved))
        self._saved_values = saved - n_values / step
        return step

    def _chance(self) -> float:
        """Return a number from 0 to below 1."""
        if self._random is None:
            from random import random  # 2 ms, for those who need it

            self._random = random  # noqa: S311 - a sample, no secret
        return self._random()
