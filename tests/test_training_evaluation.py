from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from convert.tables.description import Description
from convert.tables.holdout import split_table
from convert.tables.table import read_table
from convert.training.evaluation import bootstrap, evaluate
from convert.training.importances import draw_importances
from convert.training.regressors import make_candidate
from tests.students import make_students


def test_scores_are_those_of_scikit_learn_within_their_intervals() -> None:
    rng = np.random.default_rng(0)
    actual = rng.normal(60, 15, 300)
    predicted = actual + rng.normal(0, 5, 300)

    found = bootstrap(actual, predicted, seed=1)

    for score in (r2_score, mean_absolute_error, root_mean_squared_error):
        one = found[score.__name__]
        assert one.mean == pytest.approx(score(actual, predicted))
        assert one.low < one.mean < one.high
    # the standard error of a mean of half-normal errors is 5 · 0.603 / √300
    mae = found["mean_absolute_error"]
    assert mae.high - mae.low == pytest.approx(
        2 * 1.96 * 5 * 0.603 / 300**0.5, rel=0.15
    )


def test_rows_with_one_true_value_have_the_score_of_scikit_learn() -> None:
    actual = np.full(20, 5.0)

    for predicted, expected in ((actual, 1.0), (actual + 1, 0.0)):
        found = bootstrap(actual, predicted, seed=1)["r2_score"]

        assert r2_score(actual, predicted) == expected
        assert (found.mean, found.low, found.high) == (expected,) * 3


def test_the_column_that_matters_is_first_and_the_same_every_time(
    tmp_path: Path,
) -> None:
    students = make_students(150)
    students["noise"] = np.random.default_rng(0).normal(size=150)
    students["math_score"] = students["reading_score"] * 0.5 + 20
    students.to_csv(tmp_path / "table.csv", index=False)
    table = read_table(tmp_path / "table.csv")
    split = split_table(table, "math_score", Description())
    pipeline = make_candidate("linear", split.numbers, split.categories, 0)
    pipeline.fit(split.X_train, split.y_train)

    once, again = (evaluate(pipeline, split, 3, "a.svg") for _ in range(2))

    assert once == again
    assert once.importances[0].column == "reading_score"
    assert once.importances[0].loss.low > 1
    assert all(abs(one.loss.mean) < 1e-9 for one in once.importances[1:])
    drawn = draw_importances(once.importances, "points")
    assert drawn == draw_importances(again.importances, "points")
    assert drawn.startswith("<svg ")
    assert 'xmlns="http://www.w3.org/2000/svg"' in drawn.partition(">")[0]
    assert "prefers-color-scheme: dark" in drawn
