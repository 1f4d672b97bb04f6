from typing import Any

import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from tests.lowered import compare, lower_to_model, make_numbers

POLYNOMIALS: list[Any] = [
    PolynomialFeatures(1),
    PolynomialFeatures(2),
    PolynomialFeatures(4, include_bias=False),
    PolynomialFeatures(3, interaction_only=True),
    PolynomialFeatures((2, 4), interaction_only=True),
    PolynomialFeatures((0, 2), include_bias=False),
    PolynomialFeatures(9, interaction_only=True),
]


@pytest.mark.parametrize("polynomial", POLYNOMIALS, ids=str)
def test_polynomial_equals_scikit_learn_to_the_last_bit(polynomial: Any) -> None:
    steps = make_pipeline(StandardScaler(), polynomial).fit(make_numbers())

    assert compare(steps, make_numbers(), make_numbers(300, seed=3) * 7) == 0


def test_product_is_owned_by_both_factors() -> None:
    sample = make_numbers()[["decimal", "whole"]]
    _, matrix = lower_to_model(PolynomialFeatures(2).fit(sample), sample)

    owners = [set(owners) for owners in matrix.owners]
    assert owners == [set(), {0}, {1}, {0}, {0, 1}, {1}]
