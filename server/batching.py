"""Requests that arrive in one turn of the event loop share one run of the graph.

Nobody waits for company: the batch is run at the end of the turn in which its first
row came. A model that is slow runs in a worker thread, and what arrives meanwhile
is the next batch; so does a batch that is large, because it would hold up others.
Whether a model is slow is measured at the start and by every batch.
"""

import asyncio
import functools
import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any, NamedTuple, TypeVar

from server.batch import Columns, Rows
from server.model import Model
from server.runtime.session import Tensor

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


class Batcher:
    """Runs one model for many requests."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._columns = Columns(model.signature.features)
        self._waiting: list[_Waiting] = []
        self._slow = model.run_ms > SLOW_RUN_MS
        self._n_contrary = 0
        self._running = False
        self._worker: ThreadPoolExecutor | None = None

    async def predictions(self, rows: Rows) -> list[Any]:
        """Return one prediction a row, as JSON values."""
        if len(rows) > MAX_COALESCED_ROWS:
            return await self._in_worker(self._predict, rows)
        future: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._add(_Waiting(rows, functools.partial(_settle, future)))
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
        self._add(_Waiting(rows, answer))
        return True

    def flush(self) -> None:
        """Run what waits, instead of at the end of this turn."""
        if not self._slow:
            while self._waiting:  # even if it shows meanwhile that the model is slow
                batch = self._next_batch()
                answers, run_ms = self._run_timed(batch)
                self._judge(batch, run_ms)
                _resolve(batch, answers)
        elif self._waiting and not self._running:
            self._running = True
            flushing = self._flush_in_worker(self._next_batch())
            asyncio.get_running_loop().create_task(flushing)

    async def alone(self, run: Callable[[], T], n_rows: int) -> T:
        """Return `run()`, which predicts `n_rows` that share their run with nobody."""
        if self._slow or n_rows > MAX_COALESCED_ROWS:
            return await self._in_worker(run)
        return run()

    def run(self, rows: Rows, extra_outputs: Sequence[str] = ()) -> list[Tensor]:
        """Return the main outputs and the extra ones, here and now.

        Rows never depend on each other, so many of them are several runs.
        """
        if len(rows) > MAX_RUN_ROWS:
            starts = range(0, len(rows), MAX_RUN_ROWS)
            parts = (rows[start : start + MAX_RUN_ROWS] for start in starts)
            runs = [self.run(part, extra_outputs) for part in parts]
            return [_joined(tensors) for tensors in zip(*runs, strict=True)]
        columns = self._columns.of(rows)
        return self.model.predict(columns, len(rows), extra_outputs)

    def close(self) -> None:
        """End the worker thread after the run in flight."""
        if self._worker is not None:
            self._worker.shutdown(wait=True)

    async def _in_worker(self, function: Callable[..., T], *arguments: Any) -> T:
        if self._worker is None:
            self._worker = ThreadPoolExecutor(1, thread_name_prefix="model")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._worker, function, *arguments)

    def _add(self, waiting: _Waiting) -> None:
        if not self._waiting and not self._running:
            asyncio.get_running_loop().call_soon(self.flush)
        self._waiting.append(waiting)

    async def _flush_in_worker(self, batch: list[_Waiting]) -> None:
        answers, run_ms = await self._in_worker(self._run_timed, batch)
        self._judge(batch, run_ms)
        _resolve(batch, answers)
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
        return batch

    def _run_timed(self, batch: list[_Waiting]) -> tuple[list[Answer], float]:
        start = perf_counter()
        answers = self._run_batch(batch)
        return answers, (perf_counter() - start) * 1000

    def _run_batch(self, batch: list[_Waiting]) -> list[Answer]:
        """Return each request's predictions, or what its own rows raised."""
        try:
            predictions = self._predict(
                [row for waiting in batch for row in waiting.rows]
            )
        except Exception as error:  # raised again in the request it belongs to
            if len(batch) == 1:
                return [error]
            return [answer for one in batch for answer in self._run_batch([one])]
        answers: list[Answer] = []
        start = 0
        for waiting in batch:
            end = start + len(waiting.rows)
            answers.append(predictions[start:end])
            start = end
        return answers

    def _predict(self, rows: Rows) -> list[Any]:
        return self.model.predictions(self.run(rows))


def _joined(tensors: Sequence[Tensor]) -> Tensor:
    """Return the rows of all tensors, one after the other."""
    values = list(itertools.chain.from_iterable(each.values for each in tensors))
    n_rows = sum(each.shape[0] for each in tensors)
    return Tensor(values, (n_rows, *tensors[0].shape[1:]))


def _resolve(batch: list[_Waiting], answers: list[Answer]) -> None:
    for waiting, answer in zip(batch, answers, strict=True):
        waiting.answer(answer)


def _settle(future: "asyncio.Future[list[Any]]", answer: Answer) -> None:
    if future.done():
        return  # the client went away
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
