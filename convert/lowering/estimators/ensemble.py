"""Voting, stacking and bagging: what the members predict, put together."""

from typing import Any

import numpy as np
from onnx import TensorProto

from convert.errors import Unsupported
from convert.fitted.structure import fitted_columns
from convert.graph.arithmetic import argmax, columns, concat, mean
from convert.graph.builder import Graph, Tensor
from convert.lowering.estimators import emit
from convert.lowering.outputs import (
    Outputs,
    decision,
    from_probabilities,
    label,
    prediction,
    probabilities,
)
from convert.lowering.registry import emits


@emits("sklearn.VotingRegressor")
def emit_voting_regressor(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit Σ w · f(x) / Σ w over the members.

    scikit-learn's user guide, "Voting Regressor".
    """
    tensors = [
        prediction(emit(graph, member, matrix, n_columns))
        for member in estimator.estimators_
    ]
    return Outputs(_weighted(graph, tensors, estimator._weights_not_none))


@emits("sklearn.VotingClassifier")
def emit_voting_classifier(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit Σ w · p(x) / Σ w over the members, or the class with most votes.

    scikit-learn's user guide, "Voting Classifier": soft and hard.
    """
    members = [
        emit(graph, member, matrix, n_columns) for member in estimator.estimators_
    ]
    weights = estimator._weights_not_none
    if estimator.voting == "soft":
        tensors = [probabilities(member) for member in members]
        return from_probabilities(graph, _weighted(graph, tensors, weights))
    n_classes = len(estimator.classes_)
    votes = [one_hot(graph, label(member), n_classes) for member in members]
    return Outputs(label_index=argmax(graph, _weighted(graph, votes, weights)))


@emits("sklearn.StackingRegressor", "sklearn.StackingClassifier")
def emit_stacking(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit the final estimator over what the members say.

    Wolpert (1992), Stacked generalization, Neural Networks 5 (2), 241-259.

    Raises
    ------
    Unsupported
        It was fitted on several labels a row.
    """
    if isinstance(getattr(estimator, "_label_encoder", None), list):
        raise Unsupported(
            "StackingClassifier was fitted on several labels a row: fit one classifier "
            "for each label"
        )
    members = zip(estimator.estimators_, estimator.stack_method_, strict=True)
    tensors = [
        response(graph, member, matrix, n_columns, method) for member, method in members
    ]
    if estimator.passthrough:
        tensors.append(matrix)
    final = estimator.final_estimator_
    return emit(graph, final, concat(graph, tensors), fitted_columns(final) or 0)


@emits("sklearn.BaggingRegressor")
def emit_bagging_regressor(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit the average of the members, each over its own columns.

    Breiman (1996), Bagging predictors, Machine Learning 24 (2), 123-140.
    """
    members = _bagged(graph, estimator, matrix)
    return Outputs(mean(graph, [prediction(member) for member in members]))


@emits("sklearn.BaggingClassifier")
def emit_bagging_classifier(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit the average of the members' probabilities, or of their votes.

    Breiman (1996), Bagging predictors, Machine Learning 24 (2), 123-140.
    """
    n_classes = len(estimator.classes_)
    outputs = _bagged(graph, estimator, matrix)
    shares = [
        _spread(graph, output, member, n_classes)
        for output, member in zip(outputs, estimator.estimators_, strict=True)
    ]
    scores = [output.decision for output in outputs if output.decision is not None]
    together = mean(graph, scores) if len(scores) == len(outputs) else None
    return from_probabilities(graph, mean(graph, shares))._replace(decision=together)


def response(
    graph: Graph, member: Any, matrix: Tensor, n_columns: int, method: str
) -> Tensor:
    """Return what stacking feeds to the final estimator, (n_rows, 1 or more)."""
    outputs = emit(graph, member, matrix, n_columns)
    if method == "decision_function":
        return decision(outputs)
    if method == "predict_proba":
        both = probabilities(outputs)
        return columns(graph, both, [1]) if len(member.classes_) == 2 else both
    if outputs.prediction is not None:
        return outputs.prediction
    return class_values(graph, member, label(outputs))


def one_hot(graph: Graph, index: Tensor, n_classes: int) -> Tensor:
    """Class indices (n_rows, 1) → 0 and 1, float64 (n_rows, n_classes)."""
    is_class = graph.add("Equal", index, graph.constant(np.arange(n_classes), np.int64))
    return graph.add("Cast", is_class, to=TensorProto.DOUBLE)


def class_values(graph: Graph, member: Any, index: Tensor) -> Tensor:
    """Look up the classes themselves, which are numbers inside of an ensemble."""
    return graph.add("Gather", graph.constant(member.classes_), index)


def _weighted(graph: Graph, tensors: list[Tensor], weights: Any) -> Tensor:
    """Average of equal shapes, numpy's `average`."""
    if weights is None:
        return mean(graph, tensors)
    scaled = [
        graph.add("Mul", tensor, graph.constant(weight))
        for tensor, weight in zip(tensors, weights, strict=True)
    ]
    return graph.add("Div", graph.add("Sum", *scaled), graph.constant(np.sum(weights)))


def _bagged(graph: Graph, estimator: Any, matrix: Tensor) -> list[Outputs]:
    members = zip(estimator.estimators_, estimator.estimators_features_, strict=True)
    return [
        emit(graph, member, columns(graph, matrix, features), len(features))
        for member, features in members
    ]


def _spread(graph: Graph, outputs: Outputs, member: Any, n_classes: int) -> Tensor:
    """Put the classes of one member, which may miss some, among all of them."""
    if outputs.probabilities is None:
        votes = class_values(graph, member, label(outputs))
        index = graph.add("Cast", votes, to=TensorProto.INT64)
        return one_hot(graph, index, n_classes)
    places = np.eye(n_classes)[np.asarray(member.classes_, np.int64)]
    return graph.add("MatMul", outputs.probabilities, graph.constant(places))
