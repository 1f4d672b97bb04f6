"""Pairwise decisions into one score a class."""

from itertools import combinations

import numpy as np

from convert.estimators.links import constant
from convert.graph import Graph


def from_pairs(graph: Graph, second: str, confidences: str, n_classes: int) -> str:
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
    size = graph.add("Add", graph.add("Abs", total), constant(graph, 1.0))
    bounded = graph.add("Div", total, graph.add("Mul", size, constant(graph, 3.0)))
    return graph.add("Add", votes, bounded)
