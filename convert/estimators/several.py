"""One estimator for each target, and one for each class."""

from typing import Any

import numpy as np

from convert.estimators import Outputs, emit, emits
from convert.estimators.combined import class_values, label, prediction
from convert.estimators.links import (
    above,
    argmax,
    columns,
    complement,
    concat,
    constant,
    row_sum,
)
from convert.estimators.votes import from_pairs
from convert.graph import Graph
from convert.refusal import Refusal


@emits("sklearn.MultiOutputRegressor")
def emit_targets(estimator: Any, graph: Graph, matrix: str, n_columns: int) -> Outputs:
    members = [
        emit(member, graph, matrix, n_columns) for member in estimator.estimators_
    ]
    return Outputs(concat(graph, [prediction(member) for member in members]))


@emits("sklearn.RegressorChain")
def emit_chain(estimator: Any, graph: Graph, matrix: str, n_columns: int) -> Outputs:
    """Each target is predicted from the columns and the targets before it."""
    found: list[str] = []
    for member in estimator.estimators_:
        wide = concat(graph, [matrix, *found])
        outputs = emit(member, graph, wide, n_columns + len(found))
        found.append(prediction(outputs))
    order = np.argsort(estimator.order_)
    return Outputs(concat(graph, [found[position] for position in order]))


@emits("sklearn.MultiOutputClassifier", "sklearn.ClassifierChain")
def refuse_labels(estimator: Any, graph: Graph, matrix: str, n_columns: int) -> Outputs:
    raise Refusal(
        f"{type(estimator).__name__} predicts several labels a row: export each of its "
        "estimators_ apart"
    )


@emits("sklearn.OneVsRestClassifier")
def emit_one_vs_rest(
    estimator: Any, graph: Graph, matrix: str, n_columns: int
) -> Outputs:
    if estimator.multilabel_:
        refuse_labels(estimator, graph, matrix, n_columns)
    members = [
        emit(member, graph, matrix, n_columns) for member in estimator.estimators_
    ]
    decision = None
    if all(member.decision is not None for member in members):
        decision = concat(graph, [member.decision or "" for member in members])
    scores = concat(graph, [confidence(graph, member) for member in members])
    chosen = (
        above(graph, scores, _threshold(members[0]))
        if len(members) == 1
        else argmax(graph, scores)
    )
    return Outputs(None, _shares(graph, members), chosen, decision)


@emits("sklearn.OneVsOneClassifier")
def emit_one_vs_one(
    estimator: Any, graph: Graph, matrix: str, n_columns: int
) -> Outputs:
    n_classes = len(estimator.classes_)
    members = [
        emit(member, graph, matrix, n_columns) for member in estimator.estimators_
    ]
    labels = [
        class_values(graph, member, label(outputs))
        for member, outputs in zip(estimator.estimators_, members, strict=True)
    ]
    confidences = [confidence(graph, member) for member in members]
    scores = from_pairs(
        graph, concat(graph, labels), concat(graph, confidences), n_classes
    )
    if n_classes > 2:
        return Outputs(None, None, argmax(graph, scores), scores)
    decision = columns(graph, scores, [1])
    return Outputs(None, None, above(graph, decision, _threshold(members[0])), decision)


def confidence(graph: Graph, member: Outputs) -> str:
    """Return the score of a two-class member's second class, (n_rows, 1)."""
    if member.decision is not None:
        return member.decision
    if member.probabilities is not None:
        return columns(graph, member.probabilities, [1])
    return prediction(member)


def _threshold(member: Outputs) -> float:
    return 0.0 if member.decision is not None else 0.5


def _shares(graph: Graph, members: list[Outputs]) -> str | None:
    if any(member.probabilities is None for member in members):
        return None
    positive = concat(
        graph, [columns(graph, member.probabilities or "", [1]) for member in members]
    )
    if len(members) == 1:
        positive = complement(graph, positive)
    total = row_sum(graph, positive)
    is_zero = graph.add("Equal", total, constant(graph, 0.0))
    divisor = graph.add("Where", is_zero, constant(graph, 1.0), total)
    return graph.add("Div", positive, divisor)
