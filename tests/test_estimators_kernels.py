"""Neighbours, support vectors, processes, perceptrons and naive Bayes."""

from typing import Any

import numpy as np
import pytest
from sklearn import gaussian_process, naive_bayes, neighbors, svm
from sklearn.gaussian_process.kernels import (
    RBF,
    ConstantKernel,
    DotProduct,
    ExpSineSquared,
    Matern,
    RationalQuadratic,
    WhiteKernel,
)
from sklearn.kernel_ridge import KernelRidge
from sklearn.neural_network import MLPClassifier, MLPRegressor

from convert.errors import Refusal
from convert.lowering.estimators.pairwise import expands
from convert.proof.ties import has_ties
from tests.emission import (
    Floats,
    build,
    discrepancy,
    make_labels,
    make_matrix,
    make_target,
)

DOUBLE = 1e-9
SINGLE = 1e-5

NEIGHBORS: list[dict[str, Any]] = [
    {},
    {"weights": "distance"},
    {"metric": "manhattan"},
    {"p": 3, "weights": "distance"},
    {"metric": "chebyshev", "weights": "distance"},
    {"algorithm": "brute", "n_neighbors": 300},
]
KERNELS = [
    svm.SVR(),
    svm.NuSVR(),
    svm.SVR(kernel="linear"),
    svm.SVR(kernel="poly", degree=2),
    svm.SVR(kernel="sigmoid"),
    KernelRidge(),
    KernelRidge(kernel="rbf"),
    KernelRidge(kernel="poly", alpha=10),
    KernelRidge(kernel="laplacian", gamma=0.1),
    MLPRegressor(hidden_layer_sizes=(20, 10), max_iter=20),
    MLPRegressor(activation="tanh", max_iter=20),
    MLPRegressor(activation="logistic", max_iter=20),
]
PROCESSES = [
    None,
    RBF([1.0] * 5) + WhiteKernel(),
    ConstantKernel(2.0) * Matern(2.0, nu=0.5) + WhiteKernel(),
    Matern(2.0, nu=1.5) + WhiteKernel(),
    Matern(2.0, nu=2.5) + WhiteKernel(),
    RationalQuadratic() + DotProduct() + WhiteKernel(),
    ExpSineSquared(periodicity=20) * RBF() + WhiteKernel(),
    RBF(3.0) ** 2 + WhiteKernel(),
]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def make_rows(scale: str = "standard", seed: int = 3) -> Floats:
    rows = make_matrix(seed=seed)
    if scale == "uneven":
        return rows * [1, 1, 1, 1, 1e7]
    known = make_matrix()
    standard: Floats = (rows - known.mean(axis=0)) / known.std(axis=0)
    return standard


@pytest.mark.parametrize("scale", ["standard", "uneven"])
@pytest.mark.parametrize("settings", NEIGHBORS, ids=str)
def test_neighbors_regressor_where_nothing_ties(
    settings: dict[str, Any], scale: str
) -> None:
    matrix, rows = make_rows(scale), make_rows(scale, seed=77)
    estimator = neighbors.KNeighborsRegressor(**settings)
    estimator.fit(matrix, make_target(make_matrix()))
    known = np.vstack([matrix, rows, rows * 1e3])
    clear = known[~has_ties(estimator, known)]

    assert len(clear) > 500
    assert discrepancy(estimator, clear) < DOUBLE


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_neighbors_classifier(n_classes: int, weights: str) -> None:
    matrix = make_rows()
    estimator = neighbors.KNeighborsClassifier(weights=weights)
    estimator.fit(matrix, make_labels(make_matrix(), n_classes))
    rows = np.vstack([matrix, make_rows(seed=77)])

    assert discrepancy(estimator, rows[~has_ties(estimator, rows)]) < DOUBLE


@pytest.mark.filterwarnings("ignore:One or more samples have no neighbors")
@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_radius_regressor_is_nan_where_nobody_is_near(weights: str) -> None:
    matrix = make_rows()
    estimator = neighbors.RadiusNeighborsRegressor(1.5, weights=weights)
    estimator.fit(matrix, make_target(make_matrix()))
    rows = np.vstack([matrix, make_rows(seed=77), matrix[:1] + 100])

    assert np.isnan(estimator.predict(rows)).any()
    assert discrepancy(estimator, rows) < DOUBLE


def test_rows_on_a_grid_tie() -> None:
    grid = np.array([[x, y] for x in range(10) for y in range(10)], np.float64)
    estimator = neighbors.KNeighborsRegressor(3).fit(grid, grid[:, 0])
    rows = np.array([[4.0, 4.0], [4.1, 4.2]])

    assert has_ties(estimator, rows).tolist() == [True, False]


def test_a_column_in_millions_is_measured_by_differences() -> None:
    assert expands(make_rows())
    assert not expands(make_rows("uneven"))


@pytest.mark.parametrize("estimator", KERNELS, ids=repr)
def test_kernel_regressor(estimator: Any) -> None:
    matrix, rows = make_rows(), make_rows(seed=77)
    estimator.fit(matrix, make_target(make_matrix()))

    assert discrepancy(estimator, matrix) < DOUBLE
    assert discrepancy(estimator, np.vstack([rows, rows * 1e3])) < DOUBLE


@pytest.mark.parametrize("kernel", PROCESSES, ids=str)
def test_gaussian_process_mean(kernel: Any) -> None:
    matrix = make_rows()
    estimator = gaussian_process.GaussianProcessRegressor(
        kernel, alpha=1e-3, optimizer=None, normalize_y=True
    ).fit(matrix, make_target(make_matrix()))

    assert discrepancy(estimator, matrix) < DOUBLE
    assert discrepancy(estimator, make_rows(seed=77)) < DOUBLE


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "estimator",
    [
        svm.SVC(),
        svm.NuSVC(nu=0.2),
        svm.SVC(kernel="poly"),
        svm.SVC(decision_function_shape="ovo"),
        svm.SVC(break_ties=True),
        MLPClassifier(max_iter=20),
        naive_bayes.GaussianNB(),
        naive_bayes.BernoulliNB(),
        neighbors.NearestCentroid(),
        neighbors.NearestCentroid(priors="empirical"),
        neighbors.NearestCentroid(metric="manhattan"),
    ],
    ids=repr,
)
def test_classifier(estimator: Any, n_classes: int) -> None:
    matrix, rows = make_rows(), make_rows(seed=77)
    estimator.fit(matrix, make_labels(make_matrix(), n_classes))

    assert discrepancy(estimator, matrix) < DOUBLE
    assert discrepancy(estimator, np.vstack([rows, rows * 1e3])) < DOUBLE


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "estimator", [naive_bayes.MultinomialNB(), naive_bayes.ComplementNB()], ids=repr
)
def test_naive_bayes_of_counts(estimator: Any, n_classes: int) -> None:
    matrix = np.abs(make_matrix())
    estimator.fit(matrix, make_labels(make_matrix(), n_classes))

    assert discrepancy(estimator, matrix) < DOUBLE


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*probability:FutureWarning")
@pytest.mark.parametrize("n_classes", [2, 3])
def test_support_vector_probabilities_are_coupled_as_libsvm_does(
    n_classes: int,
) -> None:
    matrix = make_rows()
    estimator = svm.SVC(probability=True, random_state=0)
    estimator.fit(matrix, make_labels(make_matrix(), n_classes))

    assert discrepancy(estimator, np.vstack([matrix, make_rows(seed=77)])) < SINGLE


@pytest.mark.parametrize(
    ("estimator", "reason"),
    [
        (svm.SVR(kernel=lambda a, b: a @ b.T), "kernel"),
        (neighbors.KNeighborsRegressor(weights=lambda d: d), "weights"),
        (neighbors.KNeighborsRegressor(metric="canberra"), "metric 'canberra'"),
        (gaussian_process.GaussianProcessRegressor(Matern(nu=0.7)), "Bessel"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_has_no_form_is_refused(estimator: Any, reason: str) -> None:
    matrix = make_rows()
    estimator.fit(matrix, make_target(make_matrix()))

    with pytest.raises(Refusal, match=reason):
        build(estimator, 5)
