"""Naive Bayes: log-likelihoods in double, then a softmax."""

from typing import Any

import numpy as np
from onnx import TensorProto

from convert.estimators import Outputs, emits
from convert.estimators.links import COLUMNS, argmax, constant, softmax
from convert.graph import Graph


@emits("sklearn.GaussianNB")
def emit_gaussian(estimator: Any, graph: Graph, matrix: str, n_columns: int) -> Outputs:
    variances = estimator.var_
    rows = graph.add("Unsqueeze", matrix, graph.constant(COLUMNS))
    gaps = graph.add("Sub", rows, constant(graph, estimator.theta_))
    squares = graph.add("Mul", gaps, gaps)
    scaled = graph.add("Div", squares, constant(graph, variances))
    total = graph.add("ReduceSum", scaled, graph.constant([2]), keepdims=0)
    halved = graph.add("Mul", total, constant(graph, -0.5))
    logs = -0.5 * np.log(2.0 * np.pi * variances).sum(axis=1)
    priors = np.log(estimator.class_prior_)
    return _classified(graph, graph.add("Add", halved, constant(graph, logs + priors)))


@emits("sklearn.MultinomialNB")
def emit_multinomial(
    estimator: Any, graph: Graph, matrix: str, n_columns: int
) -> Outputs:
    weights = estimator.feature_log_prob_
    return _linear(graph, matrix, weights, estimator.class_log_prior_)


@emits("sklearn.ComplementNB")
def emit_complement(
    estimator: Any, graph: Graph, matrix: str, n_columns: int
) -> Outputs:
    has_prior = len(estimator.classes_) == 1
    prior = estimator.class_log_prior_ if has_prior else 0.0
    return _linear(graph, matrix, estimator.feature_log_prob_, prior)


@emits("sklearn.BernoulliNB")
def emit_bernoulli(
    estimator: Any, graph: Graph, matrix: str, n_columns: int
) -> Outputs:
    if estimator.binarize is not None:
        is_above = graph.add("Greater", matrix, constant(graph, estimator.binarize))
        matrix = graph.add("Cast", is_above, to=TensorProto.DOUBLE)
    absent = np.log(1 - np.exp(estimator.feature_log_prob_))
    offset = estimator.class_log_prior_ + absent.sum(axis=1)
    return _linear(graph, matrix, estimator.feature_log_prob_ - absent, offset)


def _linear(graph: Graph, matrix: str, weights: Any, offset: Any) -> Outputs:
    product = graph.add("MatMul", matrix, constant(graph, np.transpose(weights)))
    return _classified(graph, graph.add("Add", product, constant(graph, offset)))


def _classified(graph: Graph, scores: str) -> Outputs:
    return Outputs(
        probabilities=softmax(graph, scores), label_index=argmax(graph, scores)
    )
