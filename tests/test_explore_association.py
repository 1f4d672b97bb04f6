import numpy as np
import pandas as pd
import pytest
from scipy import stats

from convert.explore.association import (
    association,
    association_matrix,
    correlation_ratio,
    cramers_v,
    measure,
)
from convert.explore.columns import Variable, read_columns
from tests.students import make_students


def make_columns() -> dict[str, Variable]:
    return {column.name: column for column in read_columns(make_students(600))}


def test_two_numbers_have_pearsons_r() -> None:
    students = make_students(600)
    columns = make_columns()

    r = association(columns["math_score"], columns["reading_score"])

    assert r == pytest.approx(
        students["math_score"].corr(students["reading_score"], method="pearson")
    )


def test_cramers_v_is_that_of_bergsma() -> None:
    rng = np.random.default_rng(1)
    a = rng.integers(0, 4, 500)
    b = np.where(rng.random(500) < 0.4, a % 3, rng.integers(0, 3, 500))
    table = pd.crosstab(a, b).to_numpy()
    phi = stats.chi2_contingency(table, correction=False).statistic / 500
    smaller = min(4 - 9 / 499, 3 - 4 / 499) - 1
    expected = np.sqrt((phi - 3 * 2 / 499) / smaller)

    assert cramers_v(a, b) == pytest.approx(expected)


def test_category_with_two_levels_and_a_number_agree_with_r() -> None:
    columns, students = make_columns(), make_students(600)
    is_standard = (students["lunch"] == "standard").astype(float)

    eta = association(columns["lunch"], columns["math_score"])

    # the correction for bias takes away a little
    assert eta == pytest.approx(is_standard.corr(students["math_score"]), abs=0.005)


@pytest.mark.parametrize("n_levels", [2, 10, 60])
def test_unrelated_columns_have_almost_no_association(n_levels: int) -> None:
    rng = np.random.default_rng(n_levels)
    a, b = rng.integers(0, n_levels, 1000), rng.integers(0, n_levels, 1000)

    assert cramers_v(a, b) < 0.1
    assert correlation_ratio(a, rng.normal(size=1000)) < 0.15


def test_columns_that_say_each_other_have_association_one() -> None:
    codes = np.arange(90) % 3

    assert cramers_v(codes, (codes + 1) % 3) == pytest.approx(1.0)
    assert correlation_ratio(codes, codes.astype(float)) == 1.0


def test_matrix_is_symmetric_with_ones_on_the_diagonal() -> None:
    matrix = association_matrix(list(make_columns().values()))

    assert np.array_equal(matrix, matrix.T)
    assert np.array_equal(np.diag(matrix), np.ones(8))
    assert np.abs(matrix).max() <= 1


def test_each_kind_of_pair_names_its_measure() -> None:
    columns = make_columns()
    number, category = columns["math_score"], columns["gender"]

    measures = [
        measure(number, number),
        measure(category, number),
        measure(category, category),
    ]

    assert measures == ["r", "η", "V"]
