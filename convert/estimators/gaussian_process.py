"""Gaussian process regression: its mean, in double.

The weights of a process nearly cancel, so the distances come from differences:
a matrix product's error of 1e-16 would grow a million times. skl2onnx computes
them in a Scan loop, 4 ms for one row and 2,000 training rows.
"""

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from convert.estimators import Outputs, class_name, emits
from convert.estimators.distances import squared_differences
from convert.estimators.links import constant, repeat
from convert.graph import Graph
from convert.refusal import Refusal

Floats = npt.NDArray[np.float64]


@emits("sklearn.GaussianProcessRegressor")
def emit_regressor(
    estimator: Any, graph: Graph, matrix: str, n_columns: int
) -> Outputs:
    points = np.asarray(estimator.X_train_, np.float64)
    similarity = _kernel(estimator.kernel_, graph, matrix, points)
    weights = estimator._y_train_std * estimator.alpha_.reshape(len(points), -1)
    mean = graph.add("MatMul", similarity, graph.constant(weights))
    shift = constant(graph, np.atleast_1d(estimator._y_train_mean))
    return Outputs(graph.add("Add", mean, shift))


def _kernel(kernel: Any, graph: Graph, matrix: str, points: Floats) -> str:
    inner = partial(_kernel, graph=graph, matrix=matrix, points=points)
    name = class_name(type(kernel)).removeprefix("sklearn.")
    match name:
        case "Sum":
            return graph.add("Add", inner(kernel.k1), inner(kernel.k2))
        case "Product":
            return graph.add("Mul", inner(kernel.k1), inner(kernel.k2))
        case "Exponentiation":
            return graph.add(
                "Pow", inner(kernel.kernel), constant(graph, kernel.exponent)
            )
        case "ConstantKernel":
            row = np.full(len(points), kernel.constant_value)
            return repeat(graph, row, matrix)
        case "WhiteKernel":
            return repeat(graph, np.zeros(len(points)), matrix)
        case "DotProduct":
            product = graph.add("MatMul", matrix, graph.constant(points.T))
            return graph.add("Add", product, constant(graph, kernel.sigma_0**2))
        case "RBF":
            squares = _scaled_squares(graph, matrix, points, kernel.length_scale)
            return graph.add("Exp", graph.add("Mul", squares, constant(graph, -0.5)))
        case "Matern":
            return _matern(kernel, graph, matrix, points)
        case "RationalQuadratic":
            return _rational_quadratic(kernel, graph, matrix, points)
        case "ExpSineSquared":
            return _periodic(kernel, graph, matrix, points)
    raise Refusal(
        f"the kernel {name} of GaussianProcessRegressor has no emitter: "
        "use sums and products of RBF, Matern, RationalQuadratic, ExpSineSquared, "
        "DotProduct, ConstantKernel and WhiteKernel"
    )


def _scaled_squares(graph: Graph, matrix: str, points: Floats, scale: Any) -> str:
    scaled = graph.add("Div", matrix, constant(graph, scale))
    return squared_differences(graph, scaled, points / scale)


def _matern(kernel: Any, graph: Graph, matrix: str, points: Floats) -> str:
    if kernel.nu not in (0.5, 1.5, 2.5, np.inf):
        raise Refusal(
            f"Matern with nu={kernel.nu} needs a Bessel function, which ONNX has not: "
            "use nu=0.5, 1.5, 2.5 or inf"
        )
    squares = _scaled_squares(graph, matrix, points, kernel.length_scale)
    if kernel.nu == np.inf:
        return graph.add("Exp", graph.add("Mul", squares, constant(graph, -0.5)))
    root = constant(graph, np.sqrt(2 * kernel.nu))
    distance = graph.add("Mul", graph.add("Sqrt", squares), root)
    decay = graph.add("Exp", graph.add("Neg", distance))
    if kernel.nu == 0.5:
        return decay
    growth = graph.add("Add", distance, constant(graph, 1.0))
    if kernel.nu == 2.5:
        square = graph.add("Mul", distance, distance)
        third = graph.add("Div", square, constant(graph, 3.0))
        growth = graph.add("Add", growth, third)
    return graph.add("Mul", growth, decay)


def _rational_quadratic(kernel: Any, graph: Graph, matrix: str, points: Floats) -> str:
    squares = squared_differences(graph, matrix, points)
    scale = constant(graph, 2 * kernel.alpha * kernel.length_scale**2)
    base = graph.add("Add", graph.add("Div", squares, scale), constant(graph, 1.0))
    return graph.add("Pow", base, constant(graph, -kernel.alpha))


def _periodic(kernel: Any, graph: Graph, matrix: str, points: Floats) -> str:
    distance = graph.add("Sqrt", squared_differences(graph, matrix, points))
    turns = graph.add("Mul", distance, constant(graph, np.pi / kernel.periodicity))
    sine = graph.add(
        "Div", graph.add("Sin", turns), constant(graph, kernel.length_scale)
    )
    return graph.add(
        "Exp", graph.add("Mul", graph.add("Mul", sine, sine), constant(graph, -2.0))
    )
