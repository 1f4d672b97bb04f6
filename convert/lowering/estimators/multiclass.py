"""One estimator for each class, and one for each pair of them."""

from itertools import combinations
from typing import Any

import numpy as np

from convert.graph.arithmetic import (
    above,
    argmax,
    columns,
    complement,
    concat,
    row_sum,
)
from convert.graph.builder import Graph, Tensor
from convert.lowering.estimators import emit
from convert.lowering.estimators.ensemble import class_values
from convert.lowering.estimators.multioutput import refuse_labels
from convert.lowering.outputs import Outputs, decision, label, prediction, probabilities
from convert.lowering.registry import emits


@emits("sklearn.OneVsRestClassifier")
def emit_one_vs_rest(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit the class whose estimator is surest, and their probabilities over their sum.

    scikit-learn's user guide, "OneVsRestClassifier".

    Raises
    ------
    Unsupported
        It was fitted on several labels a row.
    """
    if estimator.multilabel_:
        refuse_labels(graph, estimator, matrix, n_columns)
    members = [
        emit(graph, member, matrix, n_columns) for member in estimator.estimators_
    ]
    scored = None
    if all(member.decision is not None for member in members):
        scored = concat(graph, [decision(member) for member in members])
    scores = concat(graph, [confidence(graph, member) for member in members])
    chosen = (
        above(graph, scores, _threshold(members[0]))
        if len(members) == 1
        else argmax(graph, scores)
    )
    return Outputs(None, _shares(graph, members), chosen, scored)


@emits("sklearn.OneVsOneClassifier")
def emit_one_vs_one(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit the class with most wins among the pairs.

    scikit-learn's user guide, "OneVsOneClassifier".
    """
    n_classes = len(estimator.classes_)
    members = [
        emit(graph, member, matrix, n_columns) for member in estimator.estimators_
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
    second = columns(graph, scores, [1])
    return Outputs(None, None, above(graph, second, _threshold(members[0])), second)


def confidence(graph: Graph, member: Outputs) -> Tensor:
    """Return the score of a two-class member's second class, (n_rows, 1)."""
    if member.decision is not None:
        return member.decision
    if member.probabilities is not None:
        return columns(graph, member.probabilities, [1])
    return prediction(member)


def from_pairs(
    graph: Graph, second: Tensor, confidences: Tensor, n_classes: int
) -> Tensor:
    """Votes of the pairs, with their confidences breaking ties.

    Parameters
    ----------
    second
        1 where a pair chose its second class, float64 (n_rows, n_pairs).
    confidences
        Large where it is sure of its second class, same shape.

    Returns
    -------
    float64 (n_rows, n_classes), as scikit-learn's `_ovr_decision_function`.
    """
    pairs = np.array(list(combinations(range(n_classes), 2)))
    gains = np.eye(n_classes)[pairs[:, 1]]
    losses = np.eye(n_classes)[pairs[:, 0]]
    won = graph.add("MatMul", second, graph.constant(gains - losses))
    votes = graph.add("Add", won, graph.constant(losses.sum(axis=0)))
    total = graph.add("MatMul", confidences, graph.constant(gains - losses))
    size = graph.add("Add", graph.add("Abs", total), graph.constant(1.0))
    bounded = graph.add("Div", total, graph.add("Mul", size, graph.constant(3.0)))
    return graph.add("Add", votes, bounded)


def _threshold(member: Outputs) -> float:
    return 0.0 if member.decision is not None else 0.5


def _shares(graph: Graph, members: list[Outputs]) -> Tensor | None:
    if any(member.probabilities is None for member in members):
        return None
    positive = concat(
        graph, [columns(graph, probabilities(member), [1]) for member in members]
    )
    if len(members) == 1:
        positive = complement(graph, positive)
    total = row_sum(graph, positive)
    is_zero = graph.add("Equal", total, graph.constant(0.0))
    divisor = graph.add("Where", is_zero, graph.constant(1.0), total)
    return graph.add("Div", positive, divisor)
