from typing import Any

import numpy as np
import pandas as pd
import pytest

from convert.explore.columns import Variable, read_columns


def read(values: Any) -> Variable:
    return read_columns(pd.DataFrame({"a": values}))[0]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2, 3], "number"),
        (["1", "2.5", None], "category"),
        (["1", "2.5", "-3e4", None], "number"),
        ([0, 1, 1, 0], "category"),
        ([True, False, True], "category"),
        (["a", "b", None], "category"),
        (pd.Categorical(["x", "y", "x"]), "category"),
        (["2020-01-31", "2021-02-28", None], "date"),
        (["2020-01-31T10:00:00+02:00", "2021-02-28T10:00:00Z"], "date"),
        (["2020-13-45", "2021-02-28"], "category"),
        (pd.date_range("2020-01-01", periods=3, tz="Europe/Berlin"), "date"),
        ([f"remark {index}" for index in range(50)], "text"),
        ([f"town {index % 40}" for index in range(400)], "category"),
        ([None, None], "empty"),
        ([np.nan, np.inf], "empty"),
        ([1, "1", 2.5, "x"], "category"),
        (pd.array([1, None, 3, 4], dtype="Int64"), "number"),
    ],
)
def test_values_are_read_as(values: Any, kind: str) -> None:
    assert read(values).kind == kind


def test_codes_follow_the_sorted_levels_and_missing_is_minus_one() -> None:
    column = read(["b", None, "a", "b"])

    assert column.levels == ("a", "b")
    assert column.codes.tolist() == [1, -1, 0, 1]
    assert (column.n_present, column.n_missing, column.n_distinct) == (3, 1, 2)


def test_two_different_numbers_are_two_groups() -> None:
    column = read([0.5, 2, None, 2])

    assert column.levels == ("0.5", "2")
    assert column.codes.tolist() == [0, 1, -1, 1]


def test_infinite_values_are_counted_apart_from_missing_ones() -> None:
    column = read([1.0, np.inf, -np.inf, np.nan, 2.0, 1e300, 3.0])

    assert (column.n_present, column.n_missing, column.n_infinite) == (3, 1, 3)


def test_dates_are_days_as_their_own_clocks_showed_them() -> None:
    column = read(pd.date_range("1970-01-02", periods=3, tz="Europe/Berlin"))

    assert column.numbers.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("values", "near_unique"),
    [
        (range(7, 107), True),
        ([f"key {index}" for index in range(100)], True),
        (np.random.default_rng(0).normal(size=100), False),
        (np.arange(100) * 2, False),
        (range(10), False),
        (pd.date_range("2020-01-01", periods=100), False),
    ],
)
def test_columns_that_name_rows_are_near_unique(values: Any, near_unique: bool) -> None:
    assert read(list(values)).is_near_unique == near_unique
