"""Requests that arrive in one turn of the event loop share one run of the graph.

Nobody waits for company: the batch is run at the end of the turn in which its first
row came. A model that is slow runs in a worker thread, and what arrives meanwhile
is the next batch; so does a batch that is large, because it would hold up others.
Whether a model is slow is measured at the start and by every batch.
"""

import asyncio
import functools
import itertools
import logging
import math
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, NamedTuple, TypeVar

from server.batch import Columns, Rows
from server.metrics.seen import Seen
from server.model import Model
from server.problems import Overloaded
from server.runtime.session import RunTooLong, Tensor
from server.runtime.watchdog import WATCHDOG
from server.worker import Worker

LOG = logging.getLogger("server")

T = TypeVar("T")
Answer = list[Any] | Exception

MAX_COALESCED_ROWS = 64
"""Rows of several requests that share a run; larger requests run alone."""

MAX_RUN_ROWS = 1000
"""A small request beside 10,000 rows waits two thirds as long as beside one run, and
the arena stays small (docs/decisions.md)."""

SLOW_RUN_MS = 1.0
"""A model that takes longer for a single row leaves the event loop."""

N_CONTRARY_RUNS = 5
"""So many in succession show that a model is slow, or that it no longer is: what a
neighbour on the machine takes comes in single runs."""


class _Waiting(NamedTuple):
    rows: Rows
    answer: Callable[[Answer], None]
    is_left: Callable[[], bool]  # by the client
    due: float  # by perf_counter


class Batcher:
    """Runs one model for many requests.

    Parameters
    ----------
    deadline_ms
        Longest time that a request waits for others where the model is slow.
    seen
        Counts what is predicted; None counts nothing.

    Attributes
    ----------
    worker
        Where it runs beside the event loop.
    """

    def __init__(
        self, model: Model, deadline_ms: int, seen: Seen | None = None
    ) -> None:
        self.model = model
        self._seen = seen
        self.worker = Worker(deadline_ms)
        self._columns = Columns(model.signature.features)
        self._waiting: list[_Waiting] = []
        self._n_waiting_rows = 0
        self._slow = model.run_ms > SLOW_RUN_MS
        self._n_contrary = 0
        self._running = False

    async def predictions(self, rows: Rows) -> list[Any]:
        """Return one prediction a row, as JSON values.

        Raises
        ------
        Overloaded
            If others would be run first for too long.
        """
        if len(rows) > MAX_COALESCED_ROWS:
            run = functools.partial(self.predict, rows)
            values, _ = await self.worker.run(run, len(rows))
            return values
        if self._slow and self.worker.is_overloaded(self._n_waiting_rows):
            raise self.worker.overload()
        future: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        answer = functools.partial(_settle, future)
        due = perf_counter() + self.worker.deadline_ms / 1000
        self._add(_Waiting(rows, answer, future.done, due))
        return await future

    def submit(self, rows: Rows, answer: Callable[[Answer], None]) -> bool:
        """Call `answer` at the end of this turn of the loop, if that is soon enough.

        Returns
        -------
        bool
            False for a slow model and for many rows, which `predictions` is for.
        """
        if self._slow or len(rows) > MAX_COALESCED_ROWS:
            return False
        self._add(_Waiting(rows, answer, lambda: False, math.inf))
        return True

    def flush(self) -> None:
        """Run what waits, instead of at the end of this turn."""
        if not self._slow:
            while self._waiting:  # even if it shows meanwhile that the model is slow
                batch = self._next_batch()
                answers, run_ms = self._run_timed(batch)
                self._judge(batch, run_ms)
                _resolve(batch, answers)
            return
        if self._running:
            return
        self._drop_overdue()
        if self._waiting:
            self._running = True
            flushing = self._flush_in_worker(self._next_batch())
            asyncio.get_running_loop().create_task(flushing)

    async def alone(self, run: Callable[[], T], n_rows: int) -> T:
        """Return `run()`, which predicts `n_rows` that share their run with nobody."""
        if self._slow or n_rows > MAX_COALESCED_ROWS:
            return await self.worker.run(run, n_rows)
        return run()

    def predict(
        self, rows: Rows, extra_outputs: Sequence[str] = ()
    ) -> tuple[list[Any], list[Tensor]]:
        """Return one prediction a row, and what `run` returns."""
        start = perf_counter()
        tensors = self.run(rows, extra_outputs)
        values = self.model.predictions(tensors)
        if self._seen is not None:
            self._seen.add(rows, values)
            self._seen.took(start, perf_counter())
        return values, tensors

    def run(self, rows: Rows, extra_outputs: Sequence[str] = ()) -> list[Tensor]:
        """Return the main outputs and the extra ones, here and now.

        Rows never depend on each other, so many of them are several runs.

        Raises
        ------
        Overloaded
            If a run was over time and ended: the machine has too little of it, or the
            model takes more for so many rows than it took for its golden ones.
        """
        if len(rows) > MAX_RUN_ROWS:
            starts = range(0, len(rows), MAX_RUN_ROWS)
            parts = (rows[start : start + MAX_RUN_ROWS] for start in starts)
            runs = [self.run(part, extra_outputs) for part in parts]
            return [_joined(tensors) for tensors in zip(*runs, strict=True)]
        columns = self._columns.of(rows)
        try:
            return self.model.predict(columns, len(rows), extra_outputs)
        except RunTooLong as fault:
            LOG.error("%s", fault)
            raise Overloaded(
                f"A run took longer than {WATCHDOG.seconds} s; fewer rows take less."
            ) from fault

    def _add(self, waiting: _Waiting) -> None:
        if not self._waiting and not self._running:
            asyncio.get_running_loop().call_soon(self.flush)
        self._waiting.append(waiting)
        self._n_waiting_rows += len(waiting.rows)

    def _drop_overdue(self) -> None:
        """Leave out what nobody waits for, and what has waited too long."""
        now = perf_counter()
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if one.is_left():
                self._n_waiting_rows -= len(one.rows)
            elif one.due < now:
                self._n_waiting_rows -= len(one.rows)
                _tell(one, self.worker.overload())
            else:
                self._waiting.append(one)

    async def _flush_in_worker(self, batch: list[_Waiting]) -> None:
        n_rows = sum(len(waiting.rows) for waiting in batch)
        run = functools.partial(self._run_timed, batch)
        try:
            answers, run_ms = await self.worker.run(run, n_rows)
        except Overloaded as problem:
            _resolve(batch, [problem] * len(batch))
        else:
            self._judge(batch, run_ms)
            _resolve(batch, answers)
        finally:
            self._running = False
        self.flush()

    def _judge(self, batch: list[_Waiting], run_ms: float) -> None:
        """Learn from a run whether a single row takes too long for the event loop.

        It takes at most as long as the batch, and at least its share of it; a run
        that leaves it open says nothing.
        """
        if run_ms <= SLOW_RUN_MS:
            is_slow = False
        elif run_ms > SLOW_RUN_MS * sum(len(waiting.rows) for waiting in batch):
            is_slow = True
        else:
            return
        self._n_contrary = 0 if is_slow == self._slow else self._n_contrary + 1
        if self._n_contrary == N_CONTRARY_RUNS:
            self._slow, self._n_contrary = is_slow, 0

    def _next_batch(self) -> list[_Waiting]:
        n_rows = n_requests = 0
        for waiting in self._waiting:
            n_rows += len(waiting.rows)
            if n_requests and n_rows > MAX_COALESCED_ROWS:
                break
            n_requests += 1
        batch = self._waiting[:n_requests]
        del self._waiting[:n_requests]
        self._n_waiting_rows -= sum(len(waiting.rows) for waiting in batch)
        return batch

    def _run_timed(self, batch: list[_Waiting]) -> tuple[list[Answer], float]:
        start = perf_counter()
        answers = self._run_batch(batch)
        end = perf_counter()
        if self._seen is not None:
            self._seen.took(start, end)
        return answers, (end - start) * 1000

    def _run_batch(self, batch: list[_Waiting]) -> list[Answer]:
        """Return each request's predictions, or what its own rows raised."""
        try:
            predictions = self._predict(
                [row for waiting in batch for row in waiting.rows]
            )
        except Exception as error:  # raised again in the request it belongs to
            if len(batch) == 1 or isinstance(error, Overloaded):
                return [error] * len(batch)  # nobody waits for as many such runs
            return [answer for one in batch for answer in self._run_batch([one])]
        answers: list[Answer] = []
        start = 0
        for waiting in batch:
            end = start + len(waiting.rows)
            answers.append(predictions[start:end])
            start = end
        return answers

    def _predict(self, rows: Rows) -> list[Any]:
        values = self.model.predictions(self.run(rows))
        if self._seen is not None:
            self._seen.add(rows, values)
        return values


def _joined(tensors: Sequence[Tensor]) -> Tensor:
    """Return the rows of all tensors, one after the other."""
    values = list(itertools.chain.from_iterable(each.values for each in tensors))
    n_rows = sum(each.shape[0] for each in tensors)
    return Tensor(values, (n_rows, *tensors[0].shape[1:]))


def _resolve(batch: list[_Waiting], answers: Sequence[Answer]) -> None:
    for waiting, answer in zip(batch, answers, strict=True):
        _tell(waiting, answer)


def _tell(waiting: _Waiting, answer: Answer) -> None:
    try:
        waiting.answer(answer)
    except Exception:  # the others of the batch have theirs to get
        LOG.exception("A request could not be told its answer.")


def _settle(future: "asyncio.Future[list[Any]]", answer: Answer) -> None:
    if future.done():
        return  # the client went away
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
