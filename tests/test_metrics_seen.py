"""Rows that are counted later, all of them or a sample."""

import threading
from collections import Counter
from typing import Any

import pytest

from server.metrics import seen as seen_module
from server.metrics.drift import Drift
from server.metrics.seen import MAX_KEPT, Seen
from tests.models import LUNCH, SCORE, TARGET, make_signature

ROW = ("male", "standard", 80.0)
MISSING = ("male", None, None)


def counts_of(seen: Seen) -> tuple[int, int, list[int]]:
    """Return the rows, those that drift stands for, and the missing of each feature."""
    seen.count()
    assert seen.drift is not None
    missing = [column.n_missing for column in seen.drift.features]
    return seen.n_rows, seen.drift.n_rows, missing


def test_runs_are_counted_when_somebody_asks() -> None:
    seen = Seen(make_signature())
    assert (seen.last, seen.drift) == (0, None)

    seen.add([ROW], [66.0])
    seen.add([ROW, MISSING, MISSING], [66.0] * 3)
    assert (seen.n_rows, seen.drift) == (0, None)

    assert counts_of(seen) == (4, 4, [0, 2, 2])
    assert counts_of(seen) == (4, 4, [0, 2, 2])
    assert (seen.batches.total, sum(seen.batches.counts)) == (4, 2)
    assert seen.batches.counts[:3] == [1, 0, 1]
    seen.took(1.0, 1.5)
    seen.took(2.0, 2.25)
    assert seen.run_seconds == 0.75


@pytest.mark.parametrize(
    ("n_runs", "n_rows"),
    [(MAX_KEPT // 2, 1), (1, MAX_KEPT - 1), (8, 63), (MAX_KEPT, 0)],
)
def test_no_more_rows_are_kept_than_a_few_hundred(n_runs: int, n_rows: int) -> None:
    seen = Seen(make_signature())
    for _ in range(n_runs - 1):
        seen.add([ROW] * n_rows, [66.0] * n_rows)
    assert seen.drift is None

    seen.add([ROW] * n_rows, [66.0] * n_rows)

    assert (seen.n_rows, sum(seen.batches.counts)) == (n_rows * n_runs, n_runs)
    assert not seen._kept


def test_a_long_text_is_not_kept() -> None:
    seen = Seen(make_signature())
    seen.add([("male", "a" * 4000, None)], [66.0])
    assert seen._kept

    seen.add([("male", "b" * 5000, None)], [66.0])

    assert seen.n_rows == 2
    assert not seen._kept


def test_where_many_rows_come_a_sample_stands_for_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(seen_module, "monotonic", lambda: 0.0)  # no second passes
    looked_at: Counter[int] = Counter()
    add = Drift.add

    def noting(self: Drift, rows: Any, predictions: Any, weight: int) -> None:
        looked_at[weight] += len(rows)
        assert len(predictions) == len(rows)
        add(self, rows, predictions, weight)

    monkeypatch.setattr(Drift, "add", noting)
    monkeypatch.setattr(seen_module, "MAX_SAVED_VALUES", 1000)
    monkeypatch.setattr(seen_module, "VALUES_PER_SECOND", 40)
    seen = Seen(make_signature())
    clock = iter(range(1_000_000))
    monkeypatch.setattr(seen_module, "monotonic", lambda: next(clock))
    n_runs = 20_000
    for number in range(n_runs):
        seen.add([ROW, MISSING if number % 2 else ROW], [66.0, 70.0])

    n_rows, n_stood_for, missing = counts_of(seen)

    assert n_rows == 2 * n_runs  # exact, whatever is sampled
    # 256 rows a second and 40 values of 4 columns: one row in 26
    assert sum(looked_at.values()) < n_rows / 10
    assert max(looked_at) > 10
    assert n_stood_for == pytest.approx(n_rows, rel=0.2)
    assert missing[1] == missing[2] == pytest.approx(n_rows / 4, rel=0.2)


def test_every_row_has_the_same_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen_module, "MAX_SAVED_VALUES", 6)  # two columns, ten rows
    monkeypatch.setattr(seen_module, "VALUES_PER_SECOND", 10**9)
    seen = Seen(make_signature(features=(SCORE,), targets=(TARGET,)))
    chances = iter([step / 100 for step in range(100)])
    seen._random = chances.__next__
    found: Counter[float] = Counter()

    def noting(self: Drift, rows: Any, predictions: Any, weight: int) -> None:
        assert weight == 4
        assert [value for (value,) in rows] == list(predictions)
        found.update(predictions)

    monkeypatch.setattr(Drift, "add", noting)
    for _ in range(100):
        numbers = [float(place) for place in range(10)]
        seen.add([(number,) for number in numbers], numbers)
        seen.count()

    assert found == {float(place): 25 for place in range(10)}


def test_a_quiet_time_brings_back_the_exact_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr(seen_module, "monotonic", lambda: now)
    monkeypatch.setattr(seen_module, "MAX_SAVED_VALUES", 100)
    weights = []
    add = Drift.add

    def noting(self: Drift, rows: Any, predictions: Any, weight: int) -> None:
        weights.append(weight)
        add(self, rows, predictions, weight)

    monkeypatch.setattr(Drift, "add", noting)
    seen = Seen(make_signature())
    seen.add([ROW] * MAX_KEPT, [66.0] * MAX_KEPT)

    now = 60.0
    seen.add([ROW] * 25, [66.0] * 25)
    seen.count()

    assert weights == [21, 1]  # 2048 values where 100 may be looked at, then 100


def test_threads_lose_no_row_and_no_run() -> None:
    seen = Seen(make_signature(features=(LUNCH,), targets=(TARGET,)))
    n_threads, n_runs = 4, 3000

    def add() -> None:
        for _ in range(n_runs):
            seen.add([("standard",)] * 3, [66.0] * 3)

    threads = [threading.Thread(target=add) for _ in range(n_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen.count()

    assert seen.n_rows == 3 * n_threads * n_runs
    assert sum(seen.batches.counts) == n_threads * n_runs
