import math

import numpy as np
import pytest

from convert.training.intervals import COVERAGE, calibrate, measure, observe
from server.signature import Interval


@pytest.mark.parametrize("n_rows", [9, 30, 200])
def test_the_interval_covers_new_rows_as_often_as_it_says(n_rows: int) -> None:
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(400):
        residuals = rng.standard_t(3, n_rows)
        interval = calibrate(residuals, np.zeros(n_rows))
        assert interval is not None
        covered.append(np.abs(rng.standard_t(3, 100)) <= interval.half_width)

    # split-conformal: at least 90 %, and at most 1 / (n + 1) more
    spread = 3 * np.std(np.mean(covered, axis=1)) / np.sqrt(400)
    assert COVERAGE - spread <= np.mean(covered) <= COVERAGE + 1 / (n_rows + 1) + spread


def test_too_few_rows_give_no_interval() -> None:
    assert calibrate(np.arange(8.0), np.zeros(8)) is None


def test_the_half_width_is_a_residual_of_the_right_rank() -> None:
    interval = calibrate(np.arange(1.0, 20.0), np.zeros(19))

    assert interval is not None
    assert (interval.half_width, interval.n_rows) == (18.0, 19)


def test_a_row_without_a_finite_prediction_counts_as_infinitely_far() -> None:
    truth, predictions = np.zeros(19), np.arange(1.0, 20.0)
    predictions[4] = math.nan

    interval = calibrate(truth, predictions)

    assert interval is not None
    assert interval.half_width == 19.0
    predictions[:2] = [math.inf, math.nan]
    assert calibrate(truth, predictions) is None


def test_the_coverage_is_measured_on_other_rows_the_ends_included() -> None:
    interval = Interval(half_width=2.0, coverage=0.9, n_rows=60)
    truth = np.array([0.0, 0.0, 0.0, 0.0])

    found = measure(interval, truth, np.array([2.0, -2.0, 2.5, math.nan]))

    assert found == Interval(
        half_width=2.0,
        coverage=0.9,
        n_rows=60,
        measured_coverage=0.5,
        n_measured_rows=4,
    )


def test_the_observed_range_is_of_the_true_values() -> None:
    assert observe(np.array([3.5, -1e9, 2.0])) == (-1e9, 3.5)
