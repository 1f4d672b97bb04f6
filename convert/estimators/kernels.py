"""Kernel matrices, and the estimators that are a product with one."""

from typing import Any

import numpy as np
import numpy.typing as npt

from convert.estimators import Outputs, emits
from convert.estimators.distances import manhattan, squared_euclidean
from convert.estimators.links import constant, dense
from convert.graph import Graph
from convert.refusal import Refusal

Floats = npt.NDArray[np.float64]


@emits("sklearn.KernelRidge")
def emit_ridge(estimator: Any, graph: Graph, matrix: str, n_columns: int) -> Outputs:
    gamma = 1.0 / n_columns if estimator.gamma is None else estimator.gamma
    similarity = kernel_matrix(
        graph,
        matrix,
        dense(estimator.X_fit_),
        kernel=estimator.kernel,
        gamma=gamma,
        degree=estimator.degree,
        coef0=estimator.coef0,
    )
    weights = np.asarray(estimator.dual_coef_, np.float64)
    weights = weights.reshape(len(weights), -1)
    return Outputs(graph.add("MatMul", similarity, graph.constant(weights)))


def kernel_matrix(
    graph: Graph,
    matrix: str,
    points: Floats,
    *,
    kernel: Any,
    gamma: float,
    degree: float,
    coef0: float,
) -> str:
    """Return K(x, p) for each row and point, (n_rows, n_points)."""
    match kernel:
        case "rbf":
            return _decaying(graph, squared_euclidean(graph, matrix, points), gamma)
        case "laplacian":
            return _decaying(graph, manhattan(graph, matrix, points), gamma)
        case "linear":
            return graph.add("MatMul", matrix, graph.constant(points.T))
        case "poly" | "polynomial":
            affine = _affine(graph, matrix, points, gamma, coef0)
            return graph.add("Pow", affine, constant(graph, degree))
        case "sigmoid":
            return graph.add("Tanh", _affine(graph, matrix, points, gamma, coef0))
    raise Refusal(
        f"the kernel {kernel!r} has no form in ONNX: use linear, poly, rbf, sigmoid or, "
        "with KernelRidge, laplacian"
    )


def _decaying(graph: Graph, distances: str, gamma: float) -> str:
    return graph.add("Exp", graph.add("Mul", distances, constant(graph, -gamma)))


def _affine(
    graph: Graph, matrix: str, points: Floats, gamma: float, coef0: float
) -> str:
    # not a Mul after the MatMul: onnxruntime fuses the two and keeps the factor
    # as float32
    product = graph.add("MatMul", matrix, graph.constant(gamma * points.T))
    return graph.add("Add", product, constant(graph, coef0))
