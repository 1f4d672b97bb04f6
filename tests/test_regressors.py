import pytest
from sklearn.metrics import r2_score

from convert.regressors import CANDIDATES, make_candidate
from tests.students import make_students


@pytest.mark.parametrize("name", CANDIDATES)
def test_every_candidate_learns_from_numbers_and_categories(name: str) -> None:
    students = make_students(200)
    X, y = students.drop(columns="math_score"), students["math_score"]
    numbers = [str(column) for column in X.select_dtypes("number")]
    categories = [str(column) for column in X if column not in numbers]

    pipeline = make_candidate(name, numbers, categories, seed=0).fit(X, y)

    assert r2_score(y, pipeline.predict(X)) > 0.6
