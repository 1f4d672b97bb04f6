"""Distances from each row to fixed points, (n_rows, n_points) in double."""

from typing import Any

import numpy as np
import numpy.typing as npt

from convert.estimators.links import columns, constant, row_sum
from convert.graph import Graph

Floats = npt.NDArray[np.float64]


def squared_euclidean(graph: Graph, matrix: str, points: Floats) -> str:
    """|x − p|² through one matrix product where that is exact enough."""
    if not expands(points):
        return squared_differences(graph, matrix, points)
    centre = points.mean(axis=0)
    x = graph.add("Sub", matrix, constant(graph, centre))
    p = points - centre
    product = graph.add("MatMul", x, graph.constant(-2.0 * p.T))
    from_points = graph.add("Add", product, graph.constant((p * p).sum(axis=1)))
    squares = graph.add("Add", from_points, row_sum(graph, graph.add("Mul", x, x)))
    return graph.add("Max", squares, constant(graph, 0.0))


def expands(points: Floats) -> bool:
    """Whether |x|² − 2x·p + |p|² keeps 9 digits of the smallest column's spread.

    It cancels to eps · |p|² around the points' centre, which a column in
    millions makes larger than every difference in a column of ones.
    """
    centred = points - points.mean(axis=0)
    spreads = (centred**2).mean(axis=0)
    spreads = spreads[spreads > 0]
    radius = (centred**2).sum(axis=1).max()
    eps = np.finfo(np.float64).eps
    return spreads.size == 0 or bool(eps * radius <= 1e-9 * spreads.min())


def squared_differences(graph: Graph, matrix: str, points: Floats) -> str:
    """|x − p|², exact to the last digit however near x is to p."""
    return summed(graph, matrix, points, lambda graph, gap: graph.add("Mul", gap, gap))


def manhattan(graph: Graph, matrix: str, points: Floats) -> str:
    return summed(graph, matrix, points, lambda graph, gap: graph.add("Abs", gap))


def minkowski(graph: Graph, matrix: str, points: Floats, power: float) -> str:
    """Σ |x − p|^power, without the root."""

    def raised(graph: Graph, gap: str) -> str:
        return graph.add("Pow", graph.add("Abs", gap), constant(graph, power))

    return summed(graph, matrix, points, raised)


def chebyshev(graph: Graph, matrix: str, points: Floats) -> str:
    gaps = [
        graph.add("Abs", _gap(graph, matrix, points, column))
        for column in range(points.shape[1])
    ]
    return graph.add("Max", *gaps)


def summed(graph: Graph, matrix: str, points: Floats, term: Any) -> str:
    """Column by column, in the order that a KD tree adds them."""
    total = term(graph, _gap(graph, matrix, points, 0))
    for column in range(1, points.shape[1]):
        gap = _gap(graph, matrix, points, column)
        total = graph.add("Add", total, term(graph, gap))
    return str(total)


def _gap(graph: Graph, matrix: str, points: Floats, column: int) -> str:
    x = columns(graph, matrix, [column])
    return graph.add("Sub", x, graph.constant(points[:, column]))
