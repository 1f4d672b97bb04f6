from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn import ensemble, tree
from sklearn.linear_model import LinearRegression, LogisticRegression

from convert.lowering.estimators.forest import read_tree
from tests.emission import (
    discrepancy,
    edge_rows,
    make_labels,
    make_matrix,
    make_target,
    with_missing,
)

DOUBLE = 1e-9

REGRESSORS = [
    tree.DecisionTreeRegressor(random_state=0),
    tree.ExtraTreeRegressor(random_state=0),
    ensemble.RandomForestRegressor(10, random_state=0),
    ensemble.ExtraTreesRegressor(10, random_state=0),
]
CLASSIFIERS = [
    tree.DecisionTreeClassifier(max_depth=4, random_state=0),
    tree.ExtraTreeClassifier(random_state=0),
    ensemble.RandomForestClassifier(10, random_state=0),
    ensemble.ExtraTreesClassifier(10, max_depth=5, random_state=0),
]
BOOSTING = [
    ensemble.GradientBoostingRegressor(n_estimators=20),
    ensemble.GradientBoostingRegressor(n_estimators=20, loss="huber"),
    ensemble.GradientBoostingRegressor(n_estimators=20, loss="quantile"),
    ensemble.GradientBoostingRegressor(n_estimators=20, init="zero"),
    ensemble.AdaBoostRegressor(random_state=0),
    ensemble.AdaBoostRegressor(LinearRegression(), n_estimators=5, random_state=0),
]
BOOSTING_CLASSIFIERS = [
    ensemble.GradientBoostingClassifier(n_estimators=10),
    ensemble.GradientBoostingClassifier(n_estimators=10, init="zero"),
    ensemble.AdaBoostClassifier(random_state=0),
    ensemble.AdaBoostClassifier(LogisticRegression(), n_estimators=4, random_state=0),
]
HISTOGRAMS = [
    ensemble.HistGradientBoostingRegressor(max_iter=20),
    ensemble.HistGradientBoostingRegressor(max_iter=20, loss="poisson"),
    ensemble.HistGradientBoostingRegressor(max_iter=20, loss="gamma"),
    ensemble.HistGradientBoostingRegressor(max_iter=20, loss="quantile", quantile=0.8),
    ensemble.HistGradientBoostingRegressor(max_iter=20, categorical_features=[1, 4]),
]


def check(estimator: Any, matrix: Any, rows: Any) -> None:
    for part in (matrix, rows, edge_rows(estimator, rows)):
        assert discrepancy(estimator, part) < DOUBLE


def test_a_tree_from_before_missing_values_sends_none_left() -> None:
    estimator = tree.DecisionTreeRegressor(random_state=0).fit(
        [[0], [1], [2]], [0, 1, 2]
    )
    now = estimator.tree_
    names = ("node_count", "feature", "threshold", "children_left", "children_right")
    before_1_3 = SimpleNamespace(
        **{name: getattr(now, name) for name in names}, value=now.value
    )

    read = read_tree(SimpleNamespace(tree_=before_1_3))

    assert not read.missing_left.any()
    for found, expected in zip(read[:4], read_tree(estimator)[:4], strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("estimator", REGRESSORS, ids=repr)
def test_tree_regressor_is_exact_on_both_sides_of_its_thresholds(
    estimator: Any,
) -> None:
    matrix = make_matrix()
    estimator.fit(matrix, make_target(matrix))

    check(estimator, matrix, make_matrix(seed=77))


@pytest.mark.parametrize("estimator", REGRESSORS, ids=repr)
def test_tree_regressor_sends_missing_values_where_it_learnt(estimator: Any) -> None:
    matrix = with_missing(make_matrix())
    estimator.fit(matrix, make_target(matrix))

    check(estimator, matrix, with_missing(make_matrix(seed=77), 0.4))


@pytest.mark.parametrize("estimator", REGRESSORS, ids=repr)
def test_tree_regressor_of_two_targets_has_two_columns(estimator: Any) -> None:
    matrix = make_matrix()
    target = make_target(matrix)
    estimator.fit(matrix, np.column_stack([target, np.sqrt(target)]))

    check(estimator, matrix, make_matrix(seed=77))


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("estimator", CLASSIFIERS, ids=repr)
def test_tree_classifier_with_missing_values(estimator: Any, n_classes: int) -> None:
    matrix = with_missing(make_matrix())
    estimator.fit(matrix, make_labels(matrix, n_classes))

    check(estimator, matrix, with_missing(make_matrix(seed=77)))


def test_tree_that_is_one_leaf() -> None:
    matrix = make_matrix()
    estimator = tree.DecisionTreeRegressor(min_samples_leaf=200)
    estimator.fit(matrix, make_target(matrix))

    assert len(read_tree(estimator).left) == 1
    assert discrepancy(estimator, matrix) < DOUBLE


@pytest.mark.parametrize("estimator", BOOSTING, ids=repr)
def test_boosting_regressor(estimator: Any) -> None:
    matrix = make_matrix()
    estimator.fit(matrix, make_target(matrix))

    check(estimator, matrix, make_matrix(seed=77))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("estimator", BOOSTING_CLASSIFIERS, ids=repr)
def test_boosting_classifier(estimator: Any, n_classes: int) -> None:
    matrix = make_matrix()
    estimator.fit(matrix, make_labels(matrix, n_classes))

    check(estimator, matrix, make_matrix(seed=77))


def test_exponential_loss_has_its_own_link() -> None:
    matrix = make_matrix()
    estimator = ensemble.GradientBoostingClassifier(
        n_estimators=10, loss="exponential"
    ).fit(matrix, make_labels(matrix, 2))

    check(estimator, matrix, make_matrix(seed=77))


def test_first_guess_of_another_estimator_is_float32_in_the_library_too() -> None:
    matrix = make_matrix()
    regressor = ensemble.GradientBoostingRegressor(init=LinearRegression())
    classifier = ensemble.GradientBoostingClassifier(init=LogisticRegression())
    regressor.fit(matrix, make_target(matrix))
    classifier.fit(matrix, make_labels(matrix, 3))

    assert discrepancy(regressor, matrix) < 1e-6
    assert discrepancy(classifier, matrix) < 1e-5


@pytest.mark.parametrize("estimator", HISTOGRAMS, ids=repr)
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_histogram_regressor(estimator: Any, missing: float) -> None:
    matrix = with_missing(make_matrix(), missing)
    matrix[:, 1] = np.floor(matrix[:, 1])
    estimator.fit(matrix, make_target(matrix))

    check(estimator, matrix, with_missing(make_matrix(seed=77)))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("categorical", [None, [4]])
def test_histogram_classifier(categorical: Any, n_classes: int) -> None:
    matrix = with_missing(make_matrix())
    estimator = ensemble.HistGradientBoostingClassifier(
        max_iter=10, categorical_features=categorical
    ).fit(matrix, make_labels(matrix, n_classes))

    check(estimator, matrix, with_missing(make_matrix(seed=77)))


def test_histogram_categories_it_has_not_seen_are_missing() -> None:
    matrix = make_matrix()
    estimator = ensemble.HistGradientBoostingRegressor(categorical_features=[4])
    estimator.fit(matrix, make_target(matrix))
    unseen = matrix[:50].copy()
    unseen[:, 4] = np.linspace(-3, 300, 50)

    assert discrepancy(estimator, unseen) < DOUBLE
