"""The regressors that `train` can fit, behind the classic preprocessor."""

from collections.abc import Callable, Sequence

from sklearn.base import RegressorMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

CANDIDATES: dict[str, Callable[[int], RegressorMixin]] = {
    "linear": lambda seed: LinearRegression(),
}
"""Name on the command line → the regressor for a seed."""


def make_preprocessor(
    numbers: Sequence[str], categories: Sequence[str]
) -> ColumnTransformer:
    """Return the unfitted preprocessor; a category never seen in training raises."""
    return ColumnTransformer(
        [
            (
                "numbers",
                make_pipeline(SimpleImputer(strategy="median"), StandardScaler()),
                list(numbers),
            ),
            (
                "categories",
                make_pipeline(
                    SimpleImputer(strategy="most_frequent"),
                    OneHotEncoder(),
                    StandardScaler(with_mean=False),
                ),
                list(categories),
            ),
        ]
    )


def make_candidate(
    name: str, numbers: Sequence[str], categories: Sequence[str], seed: int
) -> Pipeline:
    """Return the unfitted pipeline of a candidate."""
    return Pipeline(
        [
            ("preprocessor", make_preprocessor(numbers, categories)),
            ("regressor", CANDIDATES[name](seed)),
        ]
    )
