import math

import pytest

from convert.training.estimates import FoldMean, estimate, estimates


def test_the_standard_error_counts_that_folds_share_rows() -> None:
    values = [0.8, 0.9, 0.85, 0.95, 0.75]

    found = estimate(values, n_folds=5)

    spread = math.sqrt(0.025 / 4)
    assert found.mean == pytest.approx(0.85)
    assert found.standard_error == pytest.approx(spread * math.sqrt(1 / 5 + 1 / 4))


def test_repeats_do_not_make_the_error_vanish() -> None:
    values = [0.8, 0.9, 0.85, 0.95, 0.75]

    once, often = estimate(values, 5), estimate(values * 1000, 5)

    assert once.standard_error > often.standard_error > 0.6 * once.standard_error


def test_every_score_is_estimated() -> None:
    assert estimates({"r2_score": [1.0, 1.0]}, 2) == {"r2_score": FoldMean(1.0, 0.0)}
