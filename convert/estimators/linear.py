"""Linear regressors and classifiers: one matrix product in double."""

from typing import Any

import numpy as np

from convert.estimators import Outputs, emits
from convert.estimators.links import (
    above,
    argmax,
    complement,
    constant,
    dense,
    normalized,
    sigmoid,
    softmax,
)
from convert.graph import Graph
from convert.refusal import Refusal


@emits(
    "sklearn.ARDRegression",
    "sklearn.BayesianRidge",
    "sklearn.ElasticNet",
    "sklearn.ElasticNetCV",
    "sklearn.HuberRegressor",
    "sklearn.Lars",
    "sklearn.LarsCV",
    "sklearn.Lasso",
    "sklearn.LassoCV",
    "sklearn.LassoLars",
    "sklearn.LassoLarsCV",
    "sklearn.LassoLarsIC",
    "sklearn.LinearRegression",
    "sklearn.LinearSVR",
    "sklearn.MultiTaskElasticNet",
    "sklearn.MultiTaskElasticNetCV",
    "sklearn.MultiTaskLasso",
    "sklearn.MultiTaskLassoCV",
    "sklearn.OrthogonalMatchingPursuit",
    "sklearn.OrthogonalMatchingPursuitCV",
    "sklearn.PassiveAggressiveRegressor",
    "sklearn.QuantileRegressor",
    "sklearn.Ridge",
    "sklearn.RidgeCV",
    "sklearn.SGDRegressor",
    "sklearn.TheilSenRegressor",
)
def emit_regressor(
    estimator: Any, graph: Graph, matrix: str, n_columns: int
) -> Outputs:
    return Outputs(
        linear(graph, matrix, n_columns, estimator.coef_, estimator.intercept_)
    )


@emits("sklearn.PLSRegression", "sklearn.PLSCanonical", "sklearn.CCA")
def emit_pls(estimator: Any, graph: Graph, matrix: str, n_columns: int) -> Outputs:
    centred = graph.add("Sub", matrix, constant(graph, estimator._x_mean))
    if _scales_columns(estimator):
        centred = graph.add("Div", centred, constant(graph, estimator._x_std))
    return Outputs(
        linear(graph, centred, n_columns, estimator.coef_, estimator.intercept_)
    )


def _scales_columns(estimator: Any) -> bool:
    """Ask the estimator: scikit-learn 1.3 still divided by the deviations."""
    row = estimator._x_mean + estimator._x_std
    scaled = estimator.coef_.sum(axis=1) + estimator.intercept_
    return bool(np.allclose(np.ravel(estimator.predict(row[None])), scaled, rtol=1e-9))


@emits("sklearn.PoissonRegressor", "sklearn.GammaRegressor", "sklearn.TweedieRegressor")
def emit_generalized(
    estimator: Any, graph: Graph, matrix: str, n_columns: int
) -> Outputs:
    raw = linear(graph, matrix, n_columns, estimator.coef_, estimator.intercept_)
    link = type(estimator._base_loss.link).__name__
    match link:
        case "IdentityLink":
            return Outputs(raw)
        case "LogLink":
            return Outputs(graph.add("Exp", raw))
    raise Refusal(
        f"{type(estimator).__name__} has the link {link}: set link='log' or 'identity'"
    )


@emits(
    "sklearn.LogisticRegression",
    "sklearn.LogisticRegressionCV",
    "sklearn.LinearSVC",
    "sklearn.PassiveAggressiveClassifier",
    "sklearn.Perceptron",
    "sklearn.RidgeClassifier",
    "sklearn.RidgeClassifierCV",
    "sklearn.SGDClassifier",
    "sklearn.LinearDiscriminantAnalysis",
)
def emit_classifier(
    estimator: Any, graph: Graph, matrix: str, n_columns: int
) -> Outputs:
    scores = linear(graph, matrix, n_columns, estimator.coef_, estimator.intercept_)
    n_scores = np.atleast_2d(dense(estimator.coef_)).shape[0]
    if n_scores != (1 if len(estimator.classes_) == 2 else len(estimator.classes_)):
        raise Refusal(
            f"{type(estimator).__name__} was fitted on several labels a row: fit one "
            "classifier for each label"
        )
    label = above(graph, scores, 0.0) if n_scores == 1 else argmax(graph, scores)
    probabilities = None
    if hasattr(estimator, "predict_proba"):
        probabilities = _probabilities(estimator, graph, scores)
    return Outputs(None, probabilities, label, scores)


def linear(
    graph: Graph, matrix: str, n_columns: int, coefficients: Any, intercept: Any
) -> str:
    """`matrix` @ coefficients.T + intercept, (n_rows, n_targets)."""
    weights = dense(coefficients).astype(np.float64).reshape(-1, n_columns).T
    # onnxruntime fuses a scalar factor before a MatMul, a scaler over one column,
    # into float32
    operator = "MatMul" if n_columns > 1 else "Mul"
    product = graph.add(operator, matrix, graph.constant(weights))
    return graph.add("Add", product, constant(graph, np.atleast_1d(intercept)))


def _probabilities(estimator: Any, graph: Graph, scores: str) -> str:
    n_classes = len(estimator.classes_)
    if getattr(estimator, "loss", "") == "modified_huber":
        return _modified_huber(graph, scores, n_classes)
    if n_classes == 2 and not _is_multinomial(estimator):
        return complement(graph, sigmoid(graph, scores))
    if n_classes == 2:
        return softmax(graph, _signed(graph, scores))
    if _is_one_vs_rest(estimator):
        return normalized(graph, sigmoid(graph, scores), n_classes)
    return softmax(graph, scores)


def _is_multinomial(estimator: Any) -> bool:
    """Only before scikit-learn 1.8 could two classes have a softmax."""
    return getattr(estimator, "multi_class", "") == "multinomial"


def _is_one_vs_rest(estimator: Any) -> bool:
    return (
        hasattr(estimator, "loss")
        or getattr(estimator, "multi_class", "") == "ovr"
        or getattr(estimator, "solver", "") == "liblinear"
    )


def _signed(graph: Graph, scores: str) -> str:
    return graph.add("Concat", graph.add("Neg", scores), scores, axis=1)


def _modified_huber(graph: Graph, scores: str, n_classes: int) -> str:
    clipped = graph.add("Clip", scores, constant(graph, -1.0), constant(graph, 1.0))
    shifted = graph.add("Add", clipped, constant(graph, 1.0))
    halved = graph.add("Div", shifted, constant(graph, 2.0))
    if n_classes == 2:
        return complement(graph, halved)
    return normalized(graph, halved, n_classes)
