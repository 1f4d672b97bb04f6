import asyncio
import gc
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from server import batching as batching_module
from server.batch import Column
from server.batching import (
    MAX_COALESCED_ROWS,
    N_CONTRARY_RUNS,
    SLOW_RUN_MS,
    Batcher,
)
from server.model import Model
from server.runtime.session import RuntimeFault, RunTooLong, Session, Tensor
from server.runtime.watchdog import WATCHDOG
from tests.connections import run
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
        self.n_at_once = self.most_at_once = 0

    def predict(
        self, columns: Sequence[Column], n_rows: int, extra_outputs: Sequence[str] = ()
    ) -> list[Tensor]:
        self.runs.append((n_rows, threading.current_thread().name.split("_")[0]))
        self.n_at_once += 1
        self.most_at_once = max(self.most_at_once, self.n_at_once)
        assert self.gate.wait(timeout=20)
        self.n_at_once -= 1
        if "poison" in columns[0]:
            raise RuntimeFault("poisoned")
        return super().predict(columns, n_rows, extra_outputs)


@contextmanager
def batching(run_ms: float = 0.0) -> Iterator[tuple[Watched, Batcher]]:
    with Session(make_model()) as session:
        model = Watched(session)
        model.run_ms = run_ms
        batcher = Batcher(model, deadline_ms=2000)
        yield model, batcher
        batcher.worker.close()


async def ask(batcher: Batcher, *requests: list[Any]) -> list[Any]:
    answers = (batcher.predictions(rows) for rows in requests)
    return list(await asyncio.gather(*answers, return_exceptions=True))


def test_requests_of_one_turn_share_a_run_and_get_their_own_rows() -> None:
    other = ("female", "free/reduced", 70.0)
    with batching() as (model, batcher):
        answers = run(partial(ask, batcher, [ROW], [other, ROW], [], [other]))

        assert answers == [[81.0], [64.0, 81.0], [], [64.0]]
        assert model.runs == [(4, "MainThread")]


def test_a_batch_is_bounded() -> None:
    half = [ROW] * (MAX_COALESCED_ROWS // 2 + 1)
    with batching() as (model, batcher):
        run(partial(ask, batcher, half, half, [ROW]))

        assert model.runs == [(33, "MainThread"), (34, "MainThread")]


def test_a_batch_may_be_full() -> None:
    with batching() as (model, batcher):
        run(partial(ask, batcher, [ROW] * 32, [ROW] * 32, [ROW]))

        assert model.runs == [(64, "MainThread"), (1, "MainThread")]


def test_a_large_request_runs_alone_in_the_worker() -> None:
    many = [ROW] * (MAX_COALESCED_ROWS + 1)
    with batching() as (model, batcher):
        answers = run(partial(ask, batcher, many, [ROW]))

        assert answers == [[81.0] * 65, [81.0]]
        assert sorted(model.runs) == [(1, "MainThread"), (65, "model")]


def test_a_very_large_request_is_several_runs() -> None:
    rows = [("male", "standard", float(score)) for score in range(1001)]
    with batching() as (model, batcher):
        (answer,) = run(partial(ask, batcher, rows))

        assert answer == [float(score + 1) for score in range(1001)]
        assert model.runs == [(1000, "model"), (1, "model")]


def test_runs_in_the_worker_are_one_after_the_other() -> None:
    many = [ROW] * (MAX_COALESCED_ROWS + 1)
    with batching() as (model, batcher):
        model.gate.clear()
        threading.Timer(0.1, model.gate.set).start()
        run(partial(ask, batcher, many, many, many))

        assert model.most_at_once == 1


def test_one_bad_request_does_not_fail_its_neighbours() -> None:
    with batching() as (_, batcher):
        first, bad, last = run(partial(ask, batcher, [ROW], [POISON], [ROW]))

        assert (first, last) == ([81.0], [81.0])
        assert repr(bad) == "RuntimeFault('poisoned')"


def test_a_request_that_cannot_be_told_its_answer_does_not_fail_its_neighbours(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def submit(batcher: Batcher, answers: list[Any]) -> None:
        def break_down(_: Any) -> None:
            raise ValueError("the connection is gone")

        for answer in (answers.append, break_down, answers.append):
            batcher.submit([ROW], answer)
        batcher.flush()

    answers: list[Any] = []
    with batching() as (_, batcher):
        run(partial(submit, batcher, answers))

    assert answers == [[81.0], [81.0]]
    (record,) = caplog.records
    assert record.message == "A request could not be told its answer."
    assert record.exc_info is not None
    assert repr(record.exc_info[1]) == "ValueError('the connection is gone')"


def test_a_run_that_took_too_long_is_not_run_again_for_each_request(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Each is told to come again, and the log has one sentence."""
    runs = []

    def predict(_: Any, n_rows: int, __: Any) -> list[Tensor]:
        runs.append(n_rows)
        raise RunTooLong("a run took longer than 1 s")

    monkeypatch.setattr(WATCHDOG, "seconds", 1)
    with batching() as (model, batcher):
        monkeypatch.setattr(model, "predict", predict)
        answers = run(partial(ask, batcher, [ROW], [ROW, ROW], [ROW]))

    said = "A run took longer than 1 s; fewer rows take less."
    assert list(map(repr, answers)) == [f"Overloaded({said!r})"] * 3
    assert runs == [4]
    assert caplog.messages == ["a run took longer than 1 s"]


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
        answers = run(partial(staggered, batcher))

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
        first, gone, last = run(partial(cancelled, batcher))

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
        run(partial(stopped, batcher))
        model.gate.set()
    gc.collect()

    assert caplog.text == ""


class Clock:
    """Goes on with each run of a model, by `ms_a_row` and `ms_a_run`."""

    def __init__(self, model: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ms_a_row = self.ms_a_run = self.now = 0.0
        self._predict = model.predict
        monkeypatch.setattr(model, "predict", self.predict)
        monkeypatch.setattr(batching_module, "perf_counter", lambda: self.now)

    def predict(
        self, columns: Sequence[Column], n_rows: int, extra_outputs: Sequence[str]
    ) -> list[Tensor]:
        self.now += (self.ms_a_run + n_rows * self.ms_a_row) / 1000
        return self._predict(columns, n_rows, extra_outputs)


async def ask_in_turn(batcher: Batcher, n_requests: int, n_rows: int = 1) -> None:
    for _ in range(n_requests):
        await batcher.predictions([ROW] * n_rows)


HERE, THERE = ["MainThread"], ["model"]


@pytest.mark.parametrize(
    ("run_ms", "ms_a_row", "ms_a_run", "n_rows", "threads"),
    [
        (0.0, 1.1, 0.0, 1, HERE * 5 + THERE),
        (0.0, 1.1, 0.0, 64, HERE * 5 + THERE),
        (0.0, 0.9, 0.0, 1, HERE * 6),
        (0.0, 0.9, 0.0, 64, HERE * 6),
        (0.0, 0.0, 30.0, 64, HERE * 6),
        (2.0, 0.0, 0.9, 1, THERE * 5 + HERE),
        (2.0, 0.0, 0.9, 9, THERE * 5 + HERE),
        (2.0, 0.0, 1.1, 9, THERE * 6),
        (1.0, 0.0, 0.0, 1, HERE * 6),
        (1.1, 0.0, 1.1, 1, THERE * 6),
    ],
)
def test_what_a_run_takes_while_serving_decides_where_the_next_ones_run(
    monkeypatch: pytest.MonkeyPatch,
    run_ms: float,
    ms_a_row: float,
    ms_a_run: float,
    n_rows: int,
    threads: list[str],
) -> None:
    with batching(run_ms) as (model, batcher):
        clock = Clock(model, monkeypatch)
        clock.ms_a_row, clock.ms_a_run = ms_a_row, ms_a_run
        run(partial(ask_in_turn, batcher, len(threads), n_rows))

        assert model.runs == [(n_rows, thread) for thread in threads]


def test_a_model_that_was_slow_for_a_while_is_fast_again_as_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def there_and_back(batcher: Batcher, clock: Clock) -> None:
        clock.ms_a_run = SLOW_RUN_MS + 1
        await ask_in_turn(batcher, 5)
        clock.ms_a_run = 0.0
        await ask_in_turn(batcher, 6)

    with batching() as (model, batcher):
        run(partial(there_and_back, batcher, Clock(model, monkeypatch)))

        threads = [thread for _, thread in model.runs]
        assert threads == HERE * 5 + THERE * 5 + HERE


def test_a_run_that_was_held_up_now_and_then_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def held_up(batcher: Batcher, clock: Clock) -> None:
        for _ in range(2):
            for ms_a_run, n_requests in ((90.0, N_CONTRARY_RUNS - 1), (0.0, 1)):
                clock.ms_a_run = ms_a_run
                await ask_in_turn(batcher, n_requests)

    with batching() as (model, batcher):
        run(partial(held_up, batcher, Clock(model, monkeypatch)))

        assert set(model.runs) == {(1, "MainThread")}


def test_what_was_promised_for_this_turn_is_run_in_it_by_a_model_that_turns_out_slow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers: list[Any] = []

    async def promised(batcher: Batcher) -> list[bool]:
        full = [ROW] * MAX_COALESCED_ROWS
        submitted = [
            batcher.submit(full, answers.append) for _ in range(N_CONTRARY_RUNS + 1)
        ]
        batcher.flush()
        return [*submitted, batcher.submit([ROW], answers.append)]

    with batching() as (model, batcher):
        Clock(model, monkeypatch).ms_a_row = SLOW_RUN_MS * 2
        submitted = run(partial(promised, batcher))

        assert submitted == [True] * (N_CONTRARY_RUNS + 1) + [False]
        assert answers == [[81.0] * MAX_COALESCED_ROWS] * (N_CONTRARY_RUNS + 1)
        assert {thread for _, thread in model.runs} == {"MainThread"}


def test_a_slow_model_has_one_run_under_way_whoever_asks_for_another() -> None:
    async def impatient(batcher: Batcher) -> list[Any]:
        tasks = [asyncio.create_task(batcher.predictions([ROW]))]
        for _ in range(3):
            await asyncio.sleep(0)
            batcher.flush()
            tasks.append(asyncio.create_task(batcher.predictions([ROW])))
        return list(await asyncio.gather(*tasks))

    with batching(run_ms=SLOW_RUN_MS * 2) as (model, batcher):
        model.gate.clear()
        threading.Timer(0.1, model.gate.set).start()
        answers = run(partial(impatient, batcher))

        assert answers == [[81.0]] * 4
        assert model.runs == [(1, "model"), (3, "model")]


@pytest.mark.parametrize(
    ("run_ms", "n_rows", "thread"),
    [
        (0.0, 1, "MainThread"),
        (0.0, MAX_COALESCED_ROWS, "MainThread"),
        (0.0, MAX_COALESCED_ROWS + 1, "model"),
        (SLOW_RUN_MS * 2, 1, "model"),
    ],
)
def test_what_runs_alone_leaves_the_loop_where_it_would_hold_up_others(
    run_ms: float, n_rows: int, thread: str
) -> None:
    with batching(run_ms) as (model, batcher):
        rows = [ROW] * n_rows
        (tensor,) = run(partial(batcher.alone, partial(batcher.run, rows), n_rows))

        assert tensor == Tensor([81.0] * n_rows, (n_rows, 1))
        assert model.runs == [(n_rows, thread)]


def test_extra_outputs_of_many_rows_are_several_runs_too() -> None:
    rows = [("male", "standard", float(score)) for score in range(1002)]
    with batching() as (model, batcher):
        prediction, contributions = batcher.run(rows, ["contributions"])

        assert prediction == Tensor(
            [float(score + 1) for score in range(len(rows))], (len(rows), 1)
        )
        assert contributions == Tensor(
            [value for score in range(len(rows)) for value in (2.0, 3.0, score - 70.0)],
            (len(rows), 3),
        )
        assert model.runs == [(1000, "MainThread"), (2, "MainThread")]


def test_a_fault_of_the_program_reaches_the_request() -> None:
    with batching() as (_, batcher):
        (answer,) = run(partial(ask, batcher, [("male",)]))

        assert isinstance(answer, IndexError)
