from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer, StandardScaler

from convert.errors import Refusal
from tests.lowered import compare, lower_to_model, make_numbers, run

SPLINES: list[Any] = [
    SplineTransformer(),
    SplineTransformer(degree=2, n_knots=7, knots="quantile"),
    SplineTransformer(degree=1, include_bias=False),
    SplineTransformer(extrapolation="linear"),
    SplineTransformer(degree=2, extrapolation="linear", include_bias=False),
    SplineTransformer(extrapolation="continue"),
    SplineTransformer(extrapolation="periodic", n_knots=6),
    SplineTransformer(degree=5, n_knots=4, sparse_output=True),
]


@pytest.mark.parametrize("spline", SPLINES, ids=str)
def test_spline_agrees_inside_outside_and_on_its_knots(spline: Any) -> None:
    steps = make_pipeline(StandardScaler(), spline).fit(make_numbers())
    rows = make_numbers(400, seed=3)
    rows["decimal"] *= 2
    scaler = steps[0]
    knots = np.column_stack([each.t for each in steps[1].bsplines_])
    rows.iloc[: len(knots)] = scaler.inverse_transform(knots)

    # far outside, "continue" reaches values of 1e3
    assert compare(steps, make_numbers(), rows) < 2e-13


def test_linear_continuation_of_degree_one_agrees_for_a_single_column() -> None:
    sample = make_numbers()[["decimal"]]
    spline = SplineTransformer(degree=1, extrapolation="linear").fit(sample)

    assert compare(spline, sample, make_numbers(300, seed=3)[["decimal"]] * 3) < 1e-14


def test_linear_continuation_of_degree_one_is_refused_for_several_columns() -> None:
    spline = SplineTransformer(degree=1, extrapolation="linear").fit(make_numbers())

    with pytest.raises(Refusal, match="wrong knot"):
        lower_to_model(spline, make_numbers())


def test_value_outside_gives_nan_where_scikit_learn_raises() -> None:
    sample = pd.DataFrame({"x": np.linspace(0, 1, 20)})
    spline = SplineTransformer(extrapolation="error").fit(sample)
    model, _ = lower_to_model(spline, sample)
    rows = pd.DataFrame({"x": [0.0, 1.0, 1.5, -0.1, np.nan]})

    found = np.isnan(run(model, rows)).all(axis=1)
    assert found.tolist() == [False, False, True, True, True]


def test_missing_value_becomes_zeros_where_scikit_learn_says_so() -> None:
    sample = pd.DataFrame({"x": np.linspace(0, 1, 20)})
    spline = SplineTransformer(handle_missing="zeros").fit(sample)

    rows = pd.DataFrame({"x": [np.nan, 0.3]})
    assert compare(spline, sample, rows) < 1e-15
