import asyncio
import gc
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from server.batching import MAX_COALESCED_ROWS, MAX_RUN_ROWS, SLOW_RUN_MS, Batcher
from server.model import Model
from server.rows import Column, RowReader
from server.runtime import RuntimeFault, Session, Tensor
from tests.models import make_model, make_signature

ROW = ("male", "standard", 80.0)
POISON = ("poison", "standard", 80.0)


class Watched(Model):
    """A real model that notes its runs, and breaks on a row with poison."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, make_signature())
        self.runs: list[tuple[int, str]] = []
        self.gate = threading.Event()
        self.gate.set()

    def predict(
        self, columns: Sequence[Column], n_rows: int, extra_outputs: Sequence[str] = ()
    ) -> list[Tensor]:
        self.runs.append((n_rows, threading.current_thread().name.split("_")[0]))
        self.gate.wait()
        if "poison" in columns[0]:
            raise RuntimeFault("poisoned")
        return super().predict(columns, n_rows, extra_outputs)


@contextmanager
def batching(run_ms: float = 0.0) -> Iterator[tuple[Watched, Batcher]]:
    with Session(make_model()) as session:
        model = Watched(session)
        model.run_ms = run_ms
        batcher = Batcher(model, RowReader(model.signature, 10_000))
        yield model, batcher
        batcher.close()


async def ask(batcher: Batcher, *requests: list[Any]) -> list[Any]:
    answers = (batcher.predictions(rows) for rows in requests)
    return list(await asyncio.gather(*answers, return_exceptions=True))


def test_requests_of_one_turn_share_a_run_and_get_their_own_rows() -> None:
    other = ("female", "free/reduced", 70.0)
    with batching() as (model, batcher):
        answers = asyncio.run(ask(batcher, [ROW], [other, ROW], [], [other]))

        assert answers == [[81.0], [64.0, 81.0], [], [64.0]]
        assert model.runs == [(4, "MainThread")]


def test_a_batch_is_bounded() -> None:
    half = [ROW] * (MAX_COALESCED_ROWS // 2 + 1)
    with batching() as (model, batcher):
        asyncio.run(ask(batcher, half, half, [ROW]))

        assert model.runs == [(33, "MainThread"), (34, "MainThread")]


def test_a_large_request_runs_alone_in_the_worker() -> None:
    many = [ROW] * (MAX_COALESCED_ROWS + 1)
    with batching() as (model, batcher):
        answers = asyncio.run(ask(batcher, many, [ROW]))

        assert answers == [[81.0] * 65, [81.0]]
        assert sorted(model.runs) == [(1, "MainThread"), (65, "model")]


def test_a_very_large_request_is_several_runs() -> None:
    rows = [("male", "standard", float(score)) for score in range(MAX_RUN_ROWS + 1)]
    with batching() as (model, batcher):
        (answer,) = asyncio.run(ask(batcher, rows))

        assert answer == [float(score + 1) for score in range(MAX_RUN_ROWS + 1)]
        assert model.runs == [(MAX_RUN_ROWS, "model"), (1, "model")]


def test_one_bad_request_does_not_fail_its_neighbours() -> None:
    with batching() as (_, batcher):
        first, bad, last = asyncio.run(ask(batcher, [ROW], [POISON], [ROW]))

        assert (first, last) == ([81.0], [81.0])
        assert repr(bad) == "RuntimeFault('poisoned')"


def test_a_slow_model_runs_in_the_worker_and_later_requests_form_the_next_batch() -> (
    None
):
    async def staggered(batcher: Batcher) -> list[Any]:
        tasks = [asyncio.create_task(batcher.predictions([ROW]))]
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # the first run is under way now
        tasks += [asyncio.create_task(batcher.predictions([ROW])) for _ in range(3)]
        return list(await asyncio.gather(*tasks))

    with batching(run_ms=SLOW_RUN_MS * 2) as (model, batcher):
        answers = asyncio.run(staggered(batcher))

        assert answers == [[81.0]] * 4
        assert model.runs == [(1, "model"), (3, "model")]


@pytest.mark.parametrize("run_ms", [0.0, SLOW_RUN_MS * 2])
def test_a_cancelled_request_costs_nobody_anything(run_ms: float) -> None:
    async def cancelled(batcher: Batcher) -> list[Any]:
        tasks = [asyncio.create_task(batcher.predictions([ROW])) for _ in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        return list(await asyncio.gather(*tasks, return_exceptions=True))

    with batching(run_ms) as (_, batcher):
        first, gone, last = asyncio.run(cancelled(batcher))

        assert (first, last) == ([81.0], [81.0])
        assert isinstance(gone, asyncio.CancelledError)


def test_a_stop_leaves_no_task_behind(caplog: pytest.LogCaptureFixture) -> None:
    async def stopped(batcher: Batcher) -> None:
        first = asyncio.create_task(batcher.predictions([ROW]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # the first run is under way now
        second = asyncio.create_task(batcher.predictions([ROW]))
        await asyncio.sleep(0)
        assert [first.done(), second.done()] == [False, False]

    with batching(run_ms=SLOW_RUN_MS * 2) as (model, batcher):
        model.gate.clear()
        asyncio.run(stopped(batcher))
        model.gate.set()
    gc.collect()

    assert caplog.text == ""


def test_a_fault_of_the_program_reaches_the_request() -> None:
    with batching() as (_, batcher):
        (answer,) = asyncio.run(ask(batcher, [("male",)]))

        assert isinstance(answer, IndexError)
