"""Naive Bayes: log-likelihoods in double, then a softmax."""

from typing import Any

import numpy as np
from onnx import TensorProto

from convert.graph.arithmetic import argmax, axes, softmax
from convert.graph.builder import Graph, Tensor
from convert.lowering.outputs import Outputs, from_probabilities
from convert.lowering.registry import emits
from convert.lowering.skl2onnx import spliced_probabilities


@emits("sklearn.GaussianNB")
def emit_gaussian(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit softmax(log P(y) − ½ Σ log 2πv − ½ Σ (x − mean)² / v), v the variances.

    scikit-learn's user guide, "Gaussian Naive Bayes".
    """
    variances = estimator.var_
    rows = graph.add("Unsqueeze", matrix, axes(graph, 1))
    gaps = graph.add("Sub", rows, graph.constant(estimator.theta_))
    squares = graph.add("Mul", gaps, gaps)
    scaled = graph.add("Div", squares, graph.constant(variances))
    total = graph.add("ReduceSum", scaled, axes(graph, 2), keepdims=0)
    halved = graph.add("Mul", total, graph.constant(-0.5))
    logs = -0.5 * np.log(2.0 * np.pi * variances).sum(axis=1)
    priors = np.log(estimator.class_prior_)
    return _classified(graph, graph.add("Add", halved, graph.constant(logs + priors)))


@emits("sklearn.MultinomialNB")
def emit_multinomial(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit softmax(x · log P(x|y) + log P(y)).

    Manning, Raghavan and Schütze (2008), Introduction to Information Retrieval, 13.2.
    """
    weights = estimator.feature_log_prob_
    return _linear(graph, matrix, weights, estimator.class_log_prior_)


@emits("sklearn.ComplementNB")
def emit_complement(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit softmax(x · w), with the weights of each class's complement.

    Rennie et al. (2003), Tackling the poor assumptions of naive Bayes text
    classifiers, ICML. The prior counts where there is one class only.
    """
    has_prior = len(estimator.classes_) == 1
    prior = estimator.class_log_prior_ if has_prior else 0.0
    return _linear(graph, matrix, estimator.feature_log_prob_, prior)


@emits("sklearn.BernoulliNB")
def emit_bernoulli(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit softmax(Σ b · log p + (1 − b) · log(1 − p) + log P(y)), b = x > binarize.

    Manning, Raghavan and Schütze (2008), Introduction to Information Retrieval, 13.3.
    """
    if estimator.binarize is not None:
        is_above = graph.add("Greater", matrix, graph.constant(estimator.binarize))
        matrix = graph.add("Cast", is_above, to=TensorProto.DOUBLE)
    absent = np.log(1 - np.exp(estimator.feature_log_prob_))
    offset = estimator.class_log_prior_ + absent.sum(axis=1)
    return _linear(graph, matrix, estimator.feature_log_prob_ - absent, offset)


@emits("sklearn.CategoricalNB")
def emit_categorical(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit Π P(x_i | y) · P(y) over the sum of its classes, through skl2onnx.

    scikit-learn's user guide, "Categorical Naive Bayes".

    Raises
    ------
    Unsupported
        skl2onnx failed, or reached a limit.
    """
    shares = spliced_probabilities(graph, estimator, matrix, n_columns)
    return from_probabilities(graph, shares)


def _linear(graph: Graph, matrix: Tensor, weights: Any, offset: Any) -> Outputs:
    product = graph.add("MatMul", matrix, graph.constant(np.transpose(weights)))
    return _classified(graph, graph.add("Add", product, graph.constant(offset)))


def _classified(graph: Graph, scores: Tensor) -> Outputs:
    return Outputs(
        probabilities=softmax(graph, scores), label_index=argmax(graph, scores)
    )
