import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from sklearn.metrics import r2_score

from convert.training.regressors import CANDIDATES, make_candidate
from tests.students import make_students


def make_table() -> tuple[pd.DataFrame, pd.Series]:
    """Return students with gaps in a column of numbers and in one of categories."""
    students = make_students(200)
    X, y = students.drop(columns="math_score"), students["math_score"]
    rng = np.random.default_rng(0)
    for name in ("reading_score", "lunch"):
        X[name] = X[name].mask(rng.random(len(X)) < 0.1)
    return X, y


def encoded_by_hand(
    X: pd.DataFrame, numbers: list[str], categories: list[str], scale: bool
) -> npt.NDArray[np.float64]:
    filled = X[numbers].fillna(X[numbers].median())
    scaled = (filled - filled.mean()) / filled.std(ddof=0)
    known = X[categories].fillna(X[categories].mode().iloc[0])
    dummies = pd.get_dummies(known).astype(float)
    if scale:
        dummies /= dummies.std(ddof=0)
    return pd.concat([scaled, dummies], axis=1).to_numpy()


@pytest.mark.parametrize("name", CANDIDATES)
def test_every_candidate_learns_from_numbers_and_categories(name: str) -> None:
    X, y = make_table()
    numbers = ["reading_score", "writing_score"]
    categories = [str(column) for column in X if column not in numbers]

    pipeline = make_candidate(name, numbers, categories, seed=3).fit(X, y)

    scale = name == "linear"
    matrix = encoded_by_hand(X, numbers, categories, scale)
    alone = CANDIDATES[name].make(3).fit(matrix, y)
    found = pipeline.predict(X)
    np.testing.assert_allclose(found, alone.predict(matrix), rtol=1e-5)
    assert r2_score(y, found) > 0.6


def test_parameters_reach_the_regressor_and_the_preprocessor() -> None:
    X, y = make_table()
    numbers = ["reading_score", "writing_score"]
    categories = [str(column) for column in X if column not in numbers]
    parameters = {"alpha": 7.5, "scale_categories": True}

    pipeline = make_candidate("ridge", numbers, categories, 0, parameters).fit(X, y)

    matrix = encoded_by_hand(X, numbers, categories, scale=True)
    assert pipeline[-1].alpha == 7.5
    np.testing.assert_allclose(pipeline[:-1].transform(X), matrix, atol=1e-12)
