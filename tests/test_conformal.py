import numpy as np
import pytest

from convert.conformal import COVERAGE, calibrate, score_regression


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


def test_scores_are_those_of_scikit_learn() -> None:
    truth, predictions = np.array([[1.0], [2], [3]]), np.array([[1.0], [2], [5]])

    assert score_regression(truth, predictions) == pytest.approx(
        {
            "r2_score": -1.0,
            "mean_absolute_error": 2 / 3,
            "root_mean_squared_error": (4 / 3) ** 0.5,
        }
    )
