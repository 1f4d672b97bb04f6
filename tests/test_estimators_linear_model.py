from typing import Any

import numpy as np
import pytest
from sklearn import linear_model, svm
from sklearn.cross_decomposition import PLSRegression
from sklearn.discriminant_analysis import (
    LinearDiscriminantAnalysis,
    QuadraticDiscriminantAnalysis,
)

from tests.emission import discrepancy, make_labels, make_matrix, make_target

DOUBLE = 1e-9

REGRESSORS = [
    linear_model.ARDRegression(),
    linear_model.BayesianRidge(),
    linear_model.ElasticNet(),
    linear_model.ElasticNetCV(),
    linear_model.HuberRegressor(),
    linear_model.Lars(),
    linear_model.LarsCV(),
    linear_model.Lasso(),
    linear_model.LassoCV(),
    linear_model.LassoLarsIC(),
    linear_model.LinearRegression(),
    linear_model.OrthogonalMatchingPursuit(),
    linear_model.QuantileRegressor(),
    linear_model.RANSACRegressor(random_state=0),
    linear_model.Ridge(),
    linear_model.RidgeCV(),
    linear_model.SGDRegressor(eta0=1e-5),
    linear_model.TheilSenRegressor(random_state=0),
    linear_model.PoissonRegressor(max_iter=1000),
    linear_model.GammaRegressor(max_iter=1000),
    linear_model.TweedieRegressor(power=1.5, max_iter=1000),
    linear_model.TweedieRegressor(power=0, max_iter=1000),
    PLSRegression(),
    svm.LinearSVR(max_iter=100_000),
]

CLASSIFIERS = [
    LinearDiscriminantAnalysis(),
    LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
    QuadraticDiscriminantAnalysis(),
    linear_model.LogisticRegression(max_iter=1000),
    linear_model.Perceptron(),
    linear_model.RidgeClassifier(),
    linear_model.RidgeClassifierCV(),
    linear_model.SGDClassifier(),
    linear_model.SGDClassifier(loss="log_loss"),
    linear_model.SGDClassifier(loss="modified_huber"),
    svm.LinearSVC(),
]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("estimator", REGRESSORS, ids=repr)
def test_regressor_predicts_as_fitted(estimator: Any) -> None:
    matrix, rows = make_matrix(), make_matrix(seed=77)
    estimator.fit(matrix, make_target(matrix))

    assert discrepancy(estimator, matrix) < DOUBLE
    assert discrepancy(estimator, rows) < DOUBLE
    assert discrepancy(estimator, rows * 1e6) < DOUBLE


@pytest.mark.parametrize(
    "estimator",
    [
        linear_model.LinearRegression(),
        linear_model.Ridge(),
        linear_model.RidgeCV(),
        linear_model.MultiTaskLasso(),
        PLSRegression(),
    ],
    ids=repr,
)
def test_regressor_of_two_targets_has_two_columns(estimator: Any) -> None:
    matrix = make_matrix()
    target = make_target(matrix)
    estimator.fit(matrix, np.column_stack([target, np.sqrt(target)]))

    assert discrepancy(estimator, matrix) < DOUBLE


def test_one_column_needs_no_matrix_product() -> None:
    matrix = make_matrix(n_columns=1)
    estimator = linear_model.Ridge().fit(matrix, matrix[:, 0] * 3 + 1)

    assert discrepancy(estimator, matrix) < DOUBLE


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("estimator", CLASSIFIERS, ids=repr)
def test_classifier_labels_and_probabilities(estimator: Any, n_classes: int) -> None:
    matrix, rows = make_matrix(), make_matrix(seed=77)
    estimator.fit(matrix, make_labels(matrix, n_classes))

    assert discrepancy(estimator, matrix) < DOUBLE
    assert discrepancy(estimator, rows) < DOUBLE
    assert discrepancy(estimator, rows * -1e6) < DOUBLE


def test_sparse_coefficients_are_read() -> None:
    matrix = make_matrix()
    estimator = linear_model.Lasso().fit(matrix, make_target(matrix))
    classifier = linear_model.SGDClassifier().fit(matrix, make_labels(matrix, 3))
    classifier.sparsify()

    assert discrepancy(estimator, matrix) < DOUBLE
    assert discrepancy(classifier, matrix) < DOUBLE


@pytest.mark.filterwarnings("ignore:.*PassiveAggressive:FutureWarning")
def test_passive_aggressive_estimators() -> None:
    matrix = make_matrix()
    regressor = linear_model.PassiveAggressiveRegressor()
    classifier = linear_model.PassiveAggressiveClassifier()
    regressor.fit(matrix, make_target(matrix))
    classifier.fit(matrix, make_labels(matrix, 3))

    assert discrepancy(regressor, matrix) < DOUBLE
    assert discrepancy(classifier, matrix) < DOUBLE
