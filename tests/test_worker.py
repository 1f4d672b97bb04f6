"""The thread beside the loop: in turn, in time, and for nobody who left."""

import asyncio
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from server.problems import Overloaded
from server.worker import Worker


def run(scenario: Callable[[Worker], Any], deadline_ms: int = 2000) -> Any:
    async def main() -> Any:
        worker = Worker(deadline_ms)
        try:
            return await asyncio.wait_for(scenario(worker), timeout=20)
        finally:
            worker.close()

    return asyncio.run(main())


def test_functions_run_one_after_the_other_in_the_order_of_their_asking() -> None:
    order: list[str] = []

    async def scenario(worker: Worker) -> None:
        runs = (worker.run(partial(order.append, each), 1) for each in "abc")
        await asyncio.gather(*runs)

    run(scenario)
    assert order == ["a", "b", "c"]


def test_the_next_begins_when_the_loop_has_what_the_last_returned() -> None:
    events: list[str] = []

    async def ask(worker: Worker, name: str) -> None:
        await worker.run(lambda: events.append(f"{name} run"), 1)
        events.append(f"{name} had")

    async def scenario(worker: Worker) -> None:
        await asyncio.gather(ask(worker, "a"), ask(worker, "b"))

    run(scenario)
    assert events == ["a run", "a had", "b run", "b had"]


def test_a_fault_reaches_who_asked_and_nobody_else() -> None:
    def fail() -> None:
        raise ValueError("mine")

    async def scenario(worker: Worker) -> list[Any]:
        runs = (worker.run(each, 1) for each in (fail, lambda: 7))
        return await asyncio.gather(*runs, return_exceptions=True)

    failed, answered = run(scenario)
    assert (repr(failed), answered) == ("ValueError('mine')", 7)


def test_what_nobody_waits_for_is_not_begun() -> None:
    begun: list[str] = []
    gate = threading.Event()

    async def scenario(worker: Worker) -> None:
        first = asyncio.create_task(worker.run(gate.wait, 1))
        left = asyncio.create_task(worker.run(lambda: begun.append("left"), 1))
        there = asyncio.create_task(worker.run(lambda: begun.append("there"), 1))
        await asyncio.sleep(0.05)
        left.cancel()
        gate.set()
        await asyncio.gather(first, there)

    run(scenario)
    assert begun == ["there"]


def test_what_would_wait_too_long_is_refused_at_once() -> None:
    async def scenario(worker: Worker) -> list[Any]:
        await worker.run(lambda: time.sleep(0.05), 1)  # so a row takes 50 ms
        started = time.perf_counter()
        runs = [worker.run(lambda: time.sleep(0.05), 1) for _ in range(9)]
        answers = await asyncio.gather(*runs, return_exceptions=True)
        assert time.perf_counter() - started < 5
        return answers

    answers = run(scenario, deadline_ms=200)
    refused = [each for each in answers if isinstance(each, Overloaded)]
    assert 3 <= len(refused) <= 6
    assert str(refused[0]) == "What waits takes longer than 200 ms."


def test_what_had_to_wait_too_long_is_refused_when_its_turn_comes() -> None:
    async def scenario(worker: Worker) -> Any:
        first = asyncio.create_task(worker.run(lambda: time.sleep(0.3), 1))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await worker.run(lambda: None, 1)
        return await first

    run(scenario, deadline_ms=50)


def test_a_long_run_is_no_overload_while_nobody_waits() -> None:
    async def scenario(worker: Worker) -> list[int]:
        def work() -> int:
            time.sleep(0.1)
            return 1

        return [await worker.run(work, 1) for _ in range(3)]

    assert run(scenario, deadline_ms=1) == [1, 1, 1]
