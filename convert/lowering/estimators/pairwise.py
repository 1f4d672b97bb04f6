"""Distances and kernels between rows and fixed points, (n_rows, n_points) in double."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from convert.errors import Unsupported
from convert.graph.arithmetic import columns, row_sum
from convert.graph.builder import Graph, Tensor

Floats = npt.NDArray[np.float64]
Term = Callable[[Graph, Tensor], Tensor]
"""What a difference adds to the distance."""


def squared_euclidean(graph: Graph, matrix: Tensor, points: Floats) -> Tensor:
    """|x − p|² through one matrix product where that is exact enough."""
    if not expands(points):
        return squared_differences(graph, matrix, points)
    centre = points.mean(axis=0)
    x = graph.add("Sub", matrix, graph.constant(centre))
    p = points - centre
    product = graph.add("MatMul", x, graph.constant(-2.0 * p.T))
    from_points = graph.add("Add", product, graph.constant((p * p).sum(axis=1)))
    squares = graph.add("Add", from_points, row_sum(graph, graph.add("Mul", x, x)))
    return graph.add("Max", squares, graph.constant(0.0))


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


def squared_differences(graph: Graph, matrix: Tensor, points: Floats) -> Tensor:
    """|x − p|², exact to the last digit however near x is to p."""
    return summed(graph, matrix, points, lambda graph, gap: graph.add("Mul", gap, gap))


def manhattan(graph: Graph, matrix: Tensor, points: Floats) -> Tensor:
    """Return Σ |x − p|."""
    return summed(graph, matrix, points, lambda graph, gap: graph.add("Abs", gap))


def minkowski(graph: Graph, matrix: Tensor, points: Floats, power: float) -> Tensor:
    """Σ |x − p|^power, without the root."""

    def raised(graph: Graph, gap: Tensor) -> Tensor:
        return graph.add("Pow", graph.add("Abs", gap), graph.constant(power))

    return summed(graph, matrix, points, raised)


def chebyshev(graph: Graph, matrix: Tensor, points: Floats) -> Tensor:
    """Return max |x − p|."""
    gaps = [
        graph.add("Abs", _gap(graph, matrix, points, column))
        for column in range(points.shape[1])
    ]
    return graph.add("Max", *gaps)


def summed(graph: Graph, matrix: Tensor, points: Floats, term: Term) -> Tensor:
    """Column by column, in the order that a KD tree adds them."""
    total = term(graph, _gap(graph, matrix, points, 0))
    for column in range(1, points.shape[1]):
        gap = _gap(graph, matrix, points, column)
        total = graph.add("Add", total, term(graph, gap))
    return total


def _gap(graph: Graph, matrix: Tensor, points: Floats, column: int) -> Tensor:
    x = columns(graph, matrix, [column])
    return graph.add("Sub", x, graph.constant(points[:, column]))


def kernel_matrix(
    graph: Graph,
    matrix: Tensor,
    points: Floats,
    *,
    kernel: Any,
    gamma: float,
    degree: float,
    coef0: float,
) -> Tensor:
    """Return K(x, p) for each row and point, (n_rows, n_points).

    Raises
    ------
    Unsupported
        The kernel has no form in ONNX.
    """
    match kernel:
        case "rbf":
            return _decaying(graph, squared_euclidean(graph, matrix, points), gamma)
        case "laplacian":
            return _decaying(graph, manhattan(graph, matrix, points), gamma)
        case "linear":
            return graph.add("MatMul", matrix, graph.constant(points.T))
        case "poly" | "polynomial":
            affine = _affine(graph, matrix, points, gamma, coef0)
            return graph.add("Pow", affine, graph.constant(degree))
        case "sigmoid":
            return graph.add("Tanh", _affine(graph, matrix, points, gamma, coef0))
    raise Unsupported(
        f"the kernel {kernel!r} has no form in ONNX: use linear, poly, rbf, sigmoid or, "
        "with KernelRidge, laplacian"
    )


def _decaying(graph: Graph, distances: Tensor, gamma: float) -> Tensor:
    return graph.add("Exp", graph.add("Mul", distances, graph.constant(-gamma)))


def _affine(
    graph: Graph, matrix: Tensor, points: Floats, gamma: float, coef0: float
) -> Tensor:
    # not a Mul after the MatMul: onnxruntime fuses the two and keeps the factor
    # as float32
    product = graph.add("MatMul", matrix, graph.constant(gamma * points.T))
    return graph.add("Add", product, graph.constant(coef0))
