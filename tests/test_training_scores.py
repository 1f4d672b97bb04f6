import numpy as np
import pytest

from convert.training.scores import score_regression


def test_scores_are_those_of_scikit_learn() -> None:
    truth, predictions = np.array([[1.0], [2], [3]]), np.array([[1.0], [2], [5]])

    assert score_regression(truth, predictions) == pytest.approx(
        {
            "r2_score": -1.0,
            "mean_absolute_error": 2 / 3,
            "root_mean_squared_error": (4 / 3) ** 0.5,
        }
    )
