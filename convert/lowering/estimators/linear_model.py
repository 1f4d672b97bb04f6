"""Linear regressors and classifiers: one matrix product in double."""

from typing import Any

import numpy as np

from convert.errors import Unsupported
from convert.fitted.plain import dense
from convert.graph.arithmetic import (
    above,
    argmax,
    clip,
    complement,
    normalized,
    opposite,
    sigmoid,
    softmax,
)
from convert.graph.builder import Graph, Tensor
from convert.lowering.outputs import Outputs
from convert.lowering.registry import emits


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
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit x · coefficients + intercept.

    scikit-learn's user guide, "Linear Models": the penalties matter only while fitting.
    """
    return Outputs(
        linear(graph, matrix, n_columns, estimator.coef_, estimator.intercept_)
    )


@emits("sklearn.PLSRegression", "sklearn.PLSCanonical", "sklearn.CCA")
def emit_pls(graph: Graph, estimator: Any, matrix: Tensor, n_columns: int) -> Outputs:
    """Emit (x − mean) · coefficients + intercept.

    Wegelin (2000), A survey of partial least squares (PLS) methods.
    """
    centred = graph.add("Sub", matrix, graph.constant(estimator._x_mean))
    if _scales_columns(estimator):
        centred = graph.add("Div", centred, graph.constant(estimator._x_std))
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
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit link⁻¹(x · coefficients + intercept), exp or the identity.

    scikit-learn's user guide, "Generalized Linear Models".

    Raises
    ------
    Unsupported
        The link is another.
    """
    raw = linear(graph, matrix, n_columns, estimator.coef_, estimator.intercept_)
    link = type(estimator._base_loss.link).__name__
    match link:
        case "IdentityLink":
            return Outputs(raw)
        case "LogLink":
            return Outputs(graph.add("Exp", raw))
    raise Unsupported(
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
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit x · coefficients + intercept, and its sigmoid or softmax.

    scikit-learn's user guide, "Logistic regression" and "Stochastic Gradient Descent".

    Raises
    ------
    Unsupported
        It was fitted on several labels a row.
    """
    scores = linear(graph, matrix, n_columns, estimator.coef_, estimator.intercept_)
    n_scores = np.atleast_2d(dense(estimator.coef_)).shape[0]
    if n_scores != (1 if len(estimator.classes_) == 2 else len(estimator.classes_)):
        raise Unsupported(
            f"{type(estimator).__name__} was fitted on several labels a row: fit one "
            "classifier for each label"
        )
    label = above(graph, scores, 0.0) if n_scores == 1 else argmax(graph, scores)
    probabilities = None
    if hasattr(estimator, "predict_proba"):
        probabilities = _probabilities(graph, estimator, scores)
    return Outputs(None, probabilities, label, scores)


def linear(
    graph: Graph, matrix: Tensor, n_columns: int, coefficients: Any, intercept: Any
) -> Tensor:
    """`matrix` @ coefficients.T + intercept, (n_rows, n_targets)."""
    weights = dense(coefficients).astype(np.float64).reshape(-1, n_columns).T
    # onnxruntime fuses a scalar factor before a MatMul, a scaler over one column,
    # into float32
    operator = "MatMul" if n_columns > 1 else "Mul"
    product = graph.add(operator, matrix, graph.constant(weights))
    return graph.add("Add", product, graph.constant(np.atleast_1d(intercept)))


def _probabilities(graph: Graph, estimator: Any, scores: Tensor) -> Tensor:
    n_classes = len(estimator.classes_)
    if getattr(estimator, "loss", "") == "modified_huber":
        return _modified_huber(graph, scores, n_classes)
    if n_classes == 2 and not _is_multinomial(estimator):
        return complement(graph, sigmoid(graph, scores))
    if n_classes == 2:
        return softmax(graph, opposite(graph, scores))
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


def _modified_huber(graph: Graph, scores: Tensor, n_classes: int) -> Tensor:
    clipped = clip(graph, scores, -1.0, 1.0)
    shifted = graph.add("Add", clipped, graph.constant(1.0))
    halved = graph.add("Div", shifted, graph.constant(2.0))
    if n_classes == 2:
        return complement(graph, halved)
    return normalized(graph, halved, n_classes)
