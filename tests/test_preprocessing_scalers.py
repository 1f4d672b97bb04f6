from typing import Any

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    RobustScaler,
    StandardScaler,
)

from tests.lowered import compare, lower_to_model, make_gaps, make_numbers, run

SCALERS = [
    StandardScaler(),
    StandardScaler(with_mean=False),
    StandardScaler(with_std=False),
    RobustScaler(),
    RobustScaler(with_centering=False, quantile_range=(10, 90), unit_variance=True),
    RobustScaler(with_scaling=False),
    MinMaxScaler(),
    MinMaxScaler((-2, 3), clip=True),
    MaxAbsScaler(),
    MaxAbsScaler(clip=True),
]


@pytest.mark.parametrize("scaler", SCALERS, ids=str)
def test_scaler_equals_scikit_learn_to_the_last_bit(scaler: Any) -> None:
    scaler.fit(make_gaps())
    rows = make_gaps(500, seed=3) * 1.7

    assert compare(scaler, make_gaps(), rows) == 0


@pytest.mark.parametrize("norm", ["l1", "l2", "max"])
def test_normalizer_agrees_also_on_a_row_of_zeros(norm: str) -> None:
    normalizer = Normalizer(norm).fit(make_numbers())
    rows = make_numbers(300, seed=3)
    rows.iloc[0] = 0

    assert compare(normalizer, make_numbers(), rows) < 1e-15


def test_binarizer_agrees_on_and_around_its_threshold() -> None:
    binarizer = Binarizer(threshold=10.0).fit(make_numbers())
    rows = make_numbers(3)
    rows["whole"] = [10.0, np.nextafter(10.0, 11), np.nextafter(10.0, 9)]

    assert compare(binarizer, make_numbers(), rows) == 0


def test_binarizer_gives_nan_where_scikit_learn_raises() -> None:
    binarizer = Binarizer().fit(make_numbers())
    model, _ = lower_to_model(binarizer, make_numbers())
    rows = make_numbers(1)
    rows.loc[0, "whole"] = np.nan

    assert np.isnan(run(model, rows)).tolist() == [[False, False, True, False, False]]


def test_scalers_in_a_row_equal_scikit_learn_to_the_last_bit() -> None:
    scalers = make_pipeline(StandardScaler(), MinMaxScaler(), RobustScaler())
    scalers.fit(make_numbers())

    assert compare(scalers, make_numbers(), make_numbers(500, seed=9) * 3) == 0
