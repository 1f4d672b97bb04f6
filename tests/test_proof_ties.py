import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import BaggingRegressor, VotingRegressor
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from convert.fitted.oracle import Oracle
from convert.proof.ties import CLASS_GAP, has_ties, tied_classes, tied_neighbours

FRAME = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0]})
ROWS = pd.DataFrame({"x": [0.2, 0.5, 1.0]})


def test_a_row_between_two_neighbours_is_tied_also_inside_a_vote() -> None:
    near = KNeighborsRegressor(1)
    for estimator in (near, VotingRegressor([("a", near), ("b", Ridge())])):
        pipeline = make_pipeline(StandardScaler(), estimator).fit(FRAME, FRAME["x"])

        tied = tied_neighbours(Oracle(pipeline), ROWS)

        np.testing.assert_array_equal(tied, [False, True, False])


def test_members_of_a_bagging_read_their_own_columns() -> None:
    frame = pd.DataFrame({"x": [0.0, 4.0, 9.0], "y": [0.0, 5.0, 7.0]})
    bagged = BaggingRegressor(
        KNeighborsRegressor(1), 2, max_features=1, bootstrap=False, random_state=1
    ).fit(frame, frame["x"])
    assert np.ravel(bagged.estimators_features_).tolist() == [1, 0]
    rows = pd.DataFrame({"x": [2.0, 3.0, 3.0, 6.5], "y": [1.0, 2.0, 2.5, 6.0]})

    tied = tied_neighbours(Oracle(bagged), rows)

    np.testing.assert_array_equal(tied, [True, False, True, True])


def test_rows_that_the_pipeline_refuses_are_not_tied() -> None:
    frame = pd.DataFrame({"c": ["x", "y", "x", "y"]})
    pipeline = make_pipeline(OneHotEncoder(), KNeighborsRegressor(1))
    pipeline.fit(frame, [1.0, 2.0, 3.0, 4.0])
    oracle = Oracle(pipeline)

    rows = pd.DataFrame({"c": ["x", "neither"]})
    np.testing.assert_array_equal(tied_neighbours(oracle, rows), [False, False])
    np.testing.assert_array_equal(tied_neighbours(oracle, rows[:1]), [True])


def test_an_estimator_without_neighbours_has_no_tied_rows() -> None:
    oracle = Oracle(make_pipeline(Ridge()).fit(FRAME, FRAME["x"]))

    np.testing.assert_array_equal(tied_neighbours(oracle, ROWS), [False] * 3)


def test_equally_probable_classes_are_tied() -> None:
    shares = np.array(
        [
            [0.5, 0.5, 0.0],
            [0.4, 0.35, 0.25],
            [0.5, 0.5 - 9e-13, 9e-13],
            [0.5, 0.5 - 2e-12, 2e-12],
            [0.2, 0.4, 0.4],
            [0.0, CLASS_GAP, -1.0],  # no more apart than that, to the last bit
        ]
    )

    np.testing.assert_array_equal(
        tied_classes(shares), [True, False, True, False, True, True]
    )


@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_neighbours_are_as_near_that_differ_by_a_billionth(scale: float) -> None:
    points = scale * np.array([[-1.0], [1.0]])
    nearest = KNeighborsRegressor(1).fit(points, [1.0, 2.0])

    found = has_ties(nearest, scale * np.array([[0.0], [4e-10], [6e-10], [4e-9]]))

    np.testing.assert_array_equal(found, [True, True, False, False])


def test_who_asks_all_rows_has_no_nearest_that_is_left_out() -> None:
    rows = np.array([[1.0], [1.0], [2.0]])
    everybody = KNeighborsRegressor(3).fit(rows, [1.0, 2.0, 3.0])

    np.testing.assert_array_equal(has_ties(everybody, rows), [False, False, False])
