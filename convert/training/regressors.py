"""The nine regressors that can be compared and trained, with their preprocessor.

XGBoost and CatBoost are imported only by the candidate that needs them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sklearn.base import RegressorMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import AdaBoostRegressor, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Lasso, LinearRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeRegressor

Parameter = bool | int | float | str
Parameters = Mapping[str, Parameter]


@dataclass(frozen=True)
class Candidate:
    """A regressor that may be chosen.

    Parameters
    ----------
    make
        Returns it, unfitted, with the library's default parameters, for a seed. All of
        them compute in one thread, so that sums are the same every time.
    scale_categories
        Whether the 0 and 1 of encoded categories are scaled too. Rare
        categories then count as much as common ones, which ruins distances
        (R² 0.48 instead of 0.79 for neighbours on the student table).
    """

    title: str
    make: Callable[[int], RegressorMixin]
    scale_categories: bool = False


def _xgboost(seed: int) -> RegressorMixin:
    from xgboost import XGBRegressor

    return XGBRegressor(random_state=seed, n_jobs=1)


def _catboost(seed: int) -> RegressorMixin:
    from catboost import CatBoostRegressor

    return CatBoostRegressor(
        random_seed=seed, thread_count=1, verbose=False, allow_writing_files=False
    )


CANDIDATES: dict[str, Candidate] = {
    "linear": Candidate("linear regression", lambda seed: LinearRegression(), True),
    "ridge": Candidate("ridge", lambda seed: Ridge(random_state=seed)),
    "lasso": Candidate("lasso", lambda seed: Lasso(random_state=seed)),
    # the default scans with |x|² − 2xy + |y|², which leaves 1e-7 between equal rows
    "neighbors": Candidate(
        "k-nearest neighbours", lambda seed: KNeighborsRegressor(algorithm="ball_tree")
    ),
    "tree": Candidate(
        "decision tree", lambda seed: DecisionTreeRegressor(random_state=seed)
    ),
    "forest": Candidate(
        "random forest", lambda seed: RandomForestRegressor(random_state=seed)
    ),
    "adaboost": Candidate(
        "AdaBoost", lambda seed: AdaBoostRegressor(random_state=seed)
    ),
    "xgboost": Candidate("XGBoost", _xgboost),
    "catboost": Candidate("CatBoost", _catboost),
}
"""Name on the command line → candidate, the simplest first."""


def make_preprocessor(
    numbers: Sequence[str], categories: Sequence[str], scale_categories: bool = True
) -> ColumnTransformer:
    """Return the unfitted preprocessor; a category never seen in training raises."""
    encoder = (
        [OneHotEncoder(), StandardScaler(with_mean=False)]
        if scale_categories
        else [OneHotEncoder(sparse_output=False)]  # XGBoost takes a sparse 0 as missing
    )
    return ColumnTransformer(
        [
            (
                "numbers",
                make_pipeline(SimpleImputer(strategy="median"), StandardScaler()),
                list(numbers),
            ),
            (
                "categories",
                make_pipeline(SimpleImputer(strategy="most_frequent"), *encoder),
                list(categories),
            ),
        ]
    )


def make_candidate(
    name: str,
    numbers: Sequence[str],
    categories: Sequence[str],
    seed: int,
    parameters: Parameters | None = None,
) -> Pipeline:
    """Return the unfitted pipeline of a candidate.

    Parameters
    ----------
    numbers, categories
        Columns that are scaled, and columns that are encoded.
    parameters
        Of the regressor, by its own names, and `scale_categories`.
    """
    candidate = CANDIDATES[name]
    others = dict(parameters or {})
    scale = bool(others.pop("scale_categories", candidate.scale_categories))
    return Pipeline(
        [
            ("preprocessor", make_preprocessor(numbers, categories, scale)),
            ("regressor", candidate.make(seed).set_params(**others)),
        ]
    )
