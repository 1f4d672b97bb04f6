import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from convert.fitted.linear import Sum, read_sum
from convert.fitted.oracle import Oracle

FRAME = pd.DataFrame({"a": [0.0, 1, 2, 3, 4, 5], "b": [1.0, 0, 1, 0, 1, 0]})
TARGET = 3 * FRAME["a"] - 2 * FRAME["b"] + 7


def make_oracle(estimator: Any, target: Any = TARGET) -> Oracle:
    pipeline = make_pipeline(StandardScaler(), estimator).fit(FRAME, target)
    return Oracle(pipeline)


def test_a_linear_regressor_is_read_as_its_sum() -> None:
    oracle = make_oracle(LinearRegression())

    found = read_sum(oracle, FRAME)

    scaler, regressor = oracle.pipeline[0], oracle.pipeline[1]
    assert found is not None
    np.testing.assert_array_equal(found.matrix, scaler.transform(FRAME))
    np.testing.assert_array_equal(found.weights, regressor.coef_)
    assert found.intercept == regressor.intercept_
    np.testing.assert_allclose(found.exact(), TARGET, rtol=1e-15)


def test_the_exact_sum_rounds_once() -> None:
    matrix = np.array([[1e16, 1.0, -1e16], [0.1, 0.2, 0.3]])

    found = Sum(matrix, np.array([1.0, 1.0, 1.0]), 0.0).exact()

    assert found.tolist() == [1.0, math.fsum([0.1, 0.2, 0.3])]
    assert (matrix @ np.ones(3)).tolist() != found.tolist()


@pytest.mark.parametrize(
    ("estimator", "target"),
    [
        (PoissonRegressor(), TARGET),
        (DecisionTreeRegressor(), TARGET),
        (LogisticRegression(), TARGET > 12),
        (Ridge(), pd.concat([TARGET, TARGET], axis=1)),
        (TransformedTargetRegressor(Ridge(), func=np.log, inverse_func=np.exp), TARGET),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_does_more_than_add_is_no_sum(estimator: Any, target: Any) -> None:
    assert read_sum(make_oracle(estimator, target), FRAME) is None


def test_rows_with_a_missing_number_have_no_sum() -> None:
    oracle = make_oracle(LinearRegression())

    assert read_sum(oracle, FRAME.assign(a=np.nan)) is None
