from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import PowerTransformer

from tests.lowered import compare, lower_to_model, make_gaps, make_numbers, run


@pytest.mark.parametrize("standardize", [False, True])
def test_yeo_johnson_agrees_with_gaps_and_large_values(standardize: bool) -> None:
    power = PowerTransformer(standardize=standardize).fit(make_gaps())

    assert compare(power, make_gaps(), make_gaps(500, seed=3)) < 5e-15


@pytest.mark.parametrize("standardize", [False, True])
def test_box_cox_agrees_on_positive_values(standardize: bool) -> None:
    columns = ["positive", "epoch"]
    power = PowerTransformer("box-cox", standardize=standardize)
    power.fit(make_gaps()[columns])
    rows = make_gaps(500, seed=3)[columns]

    assert compare(power, make_gaps()[columns], rows) < 5e-14


def test_box_cox_gives_nan_where_scikit_learn_raises() -> None:
    power = PowerTransformer("box-cox").fit(make_numbers()[["positive"]])
    model, _ = lower_to_model(power, make_numbers()[["positive"]])
    rows = make_numbers(3)[["positive"]]
    rows["positive"] = [0.0, -1.0, 1.0]

    assert np.isnan(run(model, rows)).ravel().tolist() == [True, True, False]


@pytest.mark.parametrize("method", ["yeo-johnson", "box-cox"])
@pytest.mark.parametrize("power", [0.0, 2.0, 1e-17, 1.0, -3.0])
def test_powers_that_are_logarithms_agree(method: Any, power: float) -> None:
    sample = make_numbers()[["positive"]]
    transformer = PowerTransformer(method, standardize=False).fit(sample)
    transformer.lambdas_[:] = power
    rows = make_numbers(300, seed=3)[["positive"]]
    if method == "yeo-johnson":
        rows = rows - 5

    assert compare(transformer, sample, rows) < 5e-15
