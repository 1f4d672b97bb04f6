"""Drift and its index, beside an independent computation with numpy."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from server.metrics import drift as drift_module
from server.metrics.drift import WINDOW_ROWS, Column, Drift, stability_index
from server.signature import Distribution, Feature, Signature, Target
from tests.models import TARGET, make_signature

RANDOM = np.random.default_rng(3)
COLOURS = ("red", "green", "blue")


def feature(name: str, **about: Any) -> Feature:
    return Feature(name=name, input=name, **about)


def signature(*features: Feature, targets: tuple[Target, ...] = ()) -> Signature:
    return make_signature(features=features, targets=targets or (TARGET,))


def column(of: Feature, values: list[Any], weight: int = 1) -> Column:
    """Return what is counted of a feature's values."""
    drift = Drift(signature(of))
    drift.add([(value,) for value in values], [66.0] * len(values), weight)
    return drift.features[0]


def index_of(expected: Any, found: Any) -> float:
    """Return the index as numpy has it."""
    p: npt.NDArray[np.float64] = np.asarray(expected, float) + 0.5
    q: npt.NDArray[np.float64] = np.asarray(found, float) + 0.5
    p, q = p / p.sum(), q / q.sum()
    return float(((q - p) * np.log(q / p)).sum())


def test_the_index_is_the_sum_over_the_bins() -> None:
    assert stability_index([10, 20, 0], [40, 5, 3]) == pytest.approx(
        index_of([10, 20, 0], [40, 5, 3])
    )
    assert stability_index([10, 20, 30], [10, 20, 30]) == 0


def test_the_index_of_a_drifted_sample_is_numpys() -> None:
    training, later = RANDOM.normal(50, 10, 800), RANDOM.normal(58, 14, 3000)
    edges = np.quantile(training, np.arange(1, 10) / 10)
    bins = [-np.inf, *edges, np.inf]
    expected = np.histogram(training, bins)[0]
    spread = Distribution(
        n_rows=804,
        n_missing=4,
        edges=tuple(edges),
        counts=tuple(int(count) for count in expected),
    )
    x = feature("x", kind="number", distribution=spread, observed=(20.0, 80.0))

    seen = column(x, [*later, None, None])

    found = [*np.histogram(later, bins)[0], 2]
    assert seen.stability_index() == pytest.approx(index_of([*expected, 4], found))
    assert seen.n_missing == 2
    assert seen.n_outside == ((later < 20) | (later > 80)).sum()


def test_an_edge_belongs_to_the_bin_below_it() -> None:
    spread = Distribution(n_rows=3, edges=(1.0, 2.0), counts=(1, 1, 1))
    x = feature("x", kind="number", distribution=spread, observed=(1.0, 2.0))

    seen = column(x, [1.0, 1.5, 2.0, 2.0, 3.0, 0.5], weight=10)

    expected = index_of([1, 1, 1, 0], [20, 30, 10, 0])
    assert seen.stability_index() == pytest.approx(expected)
    assert seen.n_outside == 20


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf, None])
def test_what_is_no_number_is_missing_wherever_it_stands(odd: float | None) -> None:
    spread = Distribution(n_rows=2, edges=(1.0,), counts=(1, 1))
    x = feature("x", kind="integer", distribution=spread, observed=(0.0, 9.0))

    seen = column(x, [3.0, odd, 1, 2.5])

    assert (seen.n_missing, seen.n_outside) == (1, 0)
    assert seen.stability_index() == pytest.approx(index_of([1, 1, 0], [1, 2, 1]))


def test_numbers_too_large_to_be_added_up_are_counted() -> None:
    x = feature("x", kind="number", observed=(0.0, 9.0))

    assert column(x, [1e308, 1e308, 10**400 // 10**100]).n_outside == 3


def test_a_category_is_known_unknown_or_missing() -> None:
    spread = Distribution(n_rows=20, n_missing=1, counts=(4, 8, 6))
    colour = feature("c", kind="category", categories=COLOURS, distribution=spread)

    seen = column(colour, ["red", "pink", None, "blue", "pink", "red"], weight=3)

    assert (seen.n_unknown, seen.n_missing) == (6, 3)
    expected = index_of([4, 8, 6, 1, 1], [6, 0, 3, 6, 3])
    assert seen.stability_index() == pytest.approx(expected)


def test_a_category_that_is_too_rare_to_be_counted_is_not_unknown() -> None:
    spread = Distribution(n_rows=9, values=("red", "blue"), counts=(4, 3))
    colour = feature("c", kind="category", categories=COLOURS, distribution=spread)

    seen = column(colour, ["green", "pink", "blue"])

    assert seen.n_unknown == 1
    assert seen.stability_index() == pytest.approx(index_of([4, 3, 2, 0], [0, 1, 2, 0]))


def test_truth_and_texts_have_bins_too() -> None:
    truth = Distribution(n_rows=8, counts=(6, 2))
    text = Distribution(n_rows=8, n_missing=3, counts=(5,))
    yes = column(feature("t", kind="boolean", distribution=truth), [True, None, False])
    said = column(feature("s", kind="text", distribution=text), ["a b", None, ""])

    assert yes.stability_index() == pytest.approx(index_of([6, 2, 0, 0], [1, 1, 0, 1]))
    assert said.stability_index() == pytest.approx(index_of([5, 3], [2, 1]))
    assert (yes.n_missing, said.n_missing) == (1, 1)


def test_without_training_or_rows_there_is_no_index() -> None:
    spread = Distribution(n_rows=1, counts=(1,))

    assert column(feature("x", kind="number"), [1.0]).stability_index() is None
    x = feature("x", kind="number", distribution=spread)
    assert column(x, []).stability_index() is None


def test_labels_and_several_targets_are_counted_apart() -> None:
    spread = Distribution(n_rows=4, counts=(3, 1))
    label = Target(
        name="l", kind="classification", classes=("no", "yes"), distribution=spread
    )
    numbers = Distribution(n_rows=2, edges=(1.0,), counts=(1, 1))
    two = tuple(
        Target(name=name, distribution=numbers, observed=(0.0, 5.0)) for name in "ab"
    )
    x = feature("x", kind="number")
    labels, both = (
        Drift(signature(x, targets=(label,))),
        Drift(signature(x, targets=two)),
    )

    labels.add([(1.0,)] * 3, ["yes", "no", math.nan], 1)
    both.add([(1.0,)] * 2, [{"a": 1.0, "b": 7.0}, {"a": 2.0, "b": 8.0}], 1)

    found = labels.targets[0].stability_index()
    assert found == pytest.approx(index_of([3, 1, 0, 0], [1, 1, 1, 0]))
    assert [it.stability_index() for it in both.targets] == [
        pytest.approx(index_of([1, 1, 0], [1, 1, 0])),
        pytest.approx(index_of([1, 1, 0], [0, 2, 0])),
    ]
    assert [it.n_outside for it in both.targets] == [0, 2]


def test_the_index_forgets_what_came_two_windows_ago(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spread = Distribution(n_rows=2, edges=(1.0,), counts=(1, 1))
    drift = Drift(signature(feature("x", kind="number", distribution=spread)))
    low, high = [(0.0,)] * WINDOW_ROWS, [(2.0,)] * WINDOW_ROWS
    values = [66.0] * WINDOW_ROWS
    monkeypatch.setattr(drift_module, "WINDOW_SECONDS", 0)
    indices = []
    for rows in (low, high, high):
        drift.add(rows, values, 1)
        indices.append(drift.features[0].stability_index())

    full = WINDOW_ROWS
    assert drift.n_rows == 3 * full
    assert drift.n_window_rows == full
    assert indices == [
        pytest.approx(index_of([1, 1, 0], [full, 0, 0])),
        pytest.approx(index_of([1, 1, 0], [0, full, 0])),
        pytest.approx(index_of([1, 1, 0], [0, full, 0])),
    ]


def test_a_window_is_full_when_both_time_and_rows_have_passed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drift = Drift(signature(feature("x", kind="number")))
    drift.add([(0.0,)] * WINDOW_ROWS, [66.0] * WINDOW_ROWS, 1)
    monkeypatch.setattr(drift_module, "WINDOW_SECONDS", 0)
    drift.add([(0.0,)], [66.0], 1)
    drift.add([(0.0,)], [66.0], 1)

    assert drift.n_window_rows == WINDOW_ROWS + 2
    drift.add([(0.0,)] * WINDOW_ROWS, [66.0] * WINDOW_ROWS, 1)
    assert drift.n_window_rows == WINDOW_ROWS + 1
