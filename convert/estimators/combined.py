"""Voting, stacking and bagging: what the members predict, put together."""

from typing import Any

import numpy as np
from onnx import TensorProto

from convert.estimators import Outputs, emit, emits, fitted_columns
from convert.estimators.links import (
    argmax,
    columns,
    concat,
    constant,
    from_probabilities,
    mean,
)
from convert.graph import Graph
from convert.refusal import Refusal


@emits("sklearn.VotingRegressor")
def emit_voting_regressor(
    estimator: Any, graph: Graph, matrix: str, n_columns: int
) -> Outputs:
    tensors = [
        prediction(emit(member, graph, matrix, n_columns))
        for member in estimator.estimators_
    ]
    return Outputs(_weighted(graph, tensors, estimator._weights_not_none))


@emits("sklearn.VotingClassifier")
def emit_voting_classifier(
    estimator: Any, graph: Graph, matrix: str, n_columns: int
) -> Outputs:
    members = [
        emit(member, graph, matrix, n_columns) for member in estimator.estimators_
    ]
    weights = estimator._weights_not_none
    if estimator.voting == "soft":
        tensors = [probabilities(member) for member in members]
        return from_probabilities(graph, _weighted(graph, tensors, weights))
    n_classes = len(estimator.classes_)
    votes = [one_hot(graph, label(member), n_classes) for member in members]
    return Outputs(label_index=argmax(graph, _weighted(graph, votes, weights)))


@emits("sklearn.StackingRegressor", "sklearn.StackingClassifier")
def emit_stacking(estimator: Any, graph: Graph, matrix: str, n_columns: int) -> Outputs:
    if isinstance(getattr(estimator, "_label_encoder", None), list):
        raise Refusal(
            "StackingClassifier was fitted on several labels a row: fit one classifier "
            "for each label"
        )
    members = zip(estimator.estimators_, estimator.stack_method_, strict=True)
    tensors = [
        response(member, graph, matrix, n_columns, method) for member, method in members
    ]
    if estimator.passthrough:
        tensors.append(matrix)
    final = estimator.final_estimator_
    return emit(final, graph, concat(graph, tensors), fitted_columns(final) or 0)


@emits("sklearn.BaggingRegressor")
def emit_bagging_regressor(
    estimator: Any, graph: Graph, matrix: str, n_columns: int
) -> Outputs:
    members = _bagged(estimator, graph, matrix)
    return Outputs(mean(graph, [prediction(member) for member in members]))


@emits("sklearn.BaggingClassifier")
def emit_bagging_classifier(
    estimator: Any, graph: Graph, matrix: str, n_columns: int
) -> Outputs:
    n_classes = len(estimator.classes_)
    outputs = _bagged(estimator, graph, matrix)
    shares = [
        _spread(graph, output, member, n_classes)
        for output, member in zip(outputs, estimator.estimators_, strict=True)
    ]
    scores = [output.decision for output in outputs if output.decision is not None]
    together = mean(graph, scores) if len(scores) == len(outputs) else None
    return from_probabilities(graph, mean(graph, shares))._replace(decision=together)


def response(
    member: Any, graph: Graph, matrix: str, n_columns: int, method: str
) -> str:
    """Return what stacking feeds to the final estimator, (n_rows, 1 or more)."""
    outputs = emit(member, graph, matrix, n_columns)
    if method == "decision_function":
        return decision(outputs)
    if method == "predict_proba":
        both = probabilities(outputs)
        return columns(graph, both, [1]) if len(member.classes_) == 2 else both
    if outputs.prediction is not None:
        return outputs.prediction
    return class_values(graph, member, label(outputs))


def prediction(outputs: Outputs) -> str:
    return _present(outputs.prediction, "prediction of a number")


def probabilities(outputs: Outputs) -> str:
    return _present(outputs.probabilities, "predict_proba")


def label(outputs: Outputs) -> str:
    return _present(outputs.label_index, "class")


def decision(outputs: Outputs) -> str:
    return _present(outputs.decision, "decision_function")


def one_hot(graph: Graph, index: str, n_classes: int) -> str:
    """Class indices (n_rows, 1) → 0 and 1, float64 (n_rows, n_classes)."""
    is_class = graph.add("Equal", index, graph.constant(np.arange(n_classes)))
    return graph.add("Cast", is_class, to=TensorProto.DOUBLE)


def class_values(graph: Graph, member: Any, index: str) -> str:
    """Look up the classes themselves, which are numbers inside of an ensemble."""
    return graph.add("Gather", constant(graph, member.classes_), index)


def _present(tensor: str | None, what: str) -> str:
    if tensor is None:
        raise Refusal(
            f"a member of the ensemble has no {what}: export the members apart"
        )
    return tensor


def _weighted(graph: Graph, tensors: list[str], weights: Any) -> str:
    """Average of equal shapes, numpy's `average`."""
    if weights is None:
        return mean(graph, tensors)
    scaled = [
        graph.add("Mul", tensor, constant(graph, weight))
        for tensor, weight in zip(tensors, weights, strict=True)
    ]
    return graph.add("Div", graph.add("Sum", *scaled), constant(graph, np.sum(weights)))


def _bagged(estimator: Any, graph: Graph, matrix: str) -> list[Outputs]:
    members = zip(estimator.estimators_, estimator.estimators_features_, strict=True)
    return [
        emit(member, graph, columns(graph, matrix, features), len(features))
        for member, features in members
    ]


def _spread(graph: Graph, outputs: Outputs, member: Any, n_classes: int) -> str:
    """Put the classes of one member, which may miss some, among all of them."""
    if outputs.probabilities is None:
        votes = class_values(graph, member, label(outputs))
        index = graph.add("Cast", votes, to=TensorProto.INT64)
        return one_hot(graph, index, n_classes)
    places = np.eye(n_classes)[np.asarray(member.classes_, np.int64)]
    return graph.add("MatMul", outputs.probabilities, graph.constant(places))
