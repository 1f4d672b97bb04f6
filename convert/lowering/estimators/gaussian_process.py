"""Gaussian process regression: its mean, in double.

The weights of a process nearly cancel, so the distances come from differences:
a matrix product's error of 1e-16 would grow a million times. skl2onnx computes
them in a Scan loop, 4 ms for one row and 2,000 training rows.
"""

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from convert.errors import Unsupported
from convert.graph.arithmetic import repeat
from convert.graph.builder import Graph, Tensor
from convert.lowering.estimators.pairwise import squared_differences
from convert.lowering.outputs import Outputs
from convert.lowering.registry import class_name, emits

Floats = npt.NDArray[np.float64]


@emits("sklearn.GaussianProcessRegressor")
def emit_regressor(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit K(x, X) · weights · std(y) + mean(y).

    Rasmussen and Williams (2006), Gaussian Processes for Machine
    Learning, algorithm 2.1.

    Raises
    ------
    Unsupported
        The kernel has no form in ONNX.
    """
    points = np.asarray(estimator.X_train_, np.float64)
    similarity = _kernel(graph, estimator.kernel_, matrix, points)
    weights = estimator._y_train_std * estimator.alpha_.reshape(len(points), -1)
    mean = graph.add("MatMul", similarity, graph.constant(weights))
    shift = graph.constant(np.atleast_1d(estimator._y_train_mean))
    return Outputs(graph.add("Add", mean, shift))


def _kernel(graph: Graph, kernel: Any, matrix: Tensor, points: Floats) -> Tensor:
    inner = partial(_kernel, graph, matrix=matrix, points=points)
    name = class_name(type(kernel)).removeprefix("sklearn.")
    match name:
        case "Sum":
            return graph.add("Add", inner(kernel.k1), inner(kernel.k2))
        case "Product":
            return graph.add("Mul", inner(kernel.k1), inner(kernel.k2))
        case "Exponentiation":
            return graph.add(
                "Pow", inner(kernel.kernel), graph.constant(kernel.exponent)
            )
        case "ConstantKernel":
            row = np.full((1, len(points)), kernel.constant_value)
            return repeat(graph, row, matrix)
        case "WhiteKernel":
            return repeat(graph, np.zeros((1, len(points))), matrix)
        case "DotProduct":
            product = graph.add("MatMul", matrix, graph.constant(points.T))
            return graph.add("Add", product, graph.constant(kernel.sigma_0**2))
        case "RBF":
            squares = _scaled_squares(graph, matrix, points, kernel.length_scale)
            return graph.add("Exp", graph.add("Mul", squares, graph.constant(-0.5)))
        case "Matern":
            return _matern(graph, kernel, matrix, points)
        case "RationalQuadratic":
            return _rational_quadratic(graph, kernel, matrix, points)
        case "ExpSineSquared":
            return _periodic(graph, kernel, matrix, points)
    raise Unsupported(
        f"the kernel {name} of GaussianProcessRegressor has no emitter: "
        "use sums and products of RBF, Matern, RationalQuadratic, ExpSineSquared, "
        "DotProduct, ConstantKernel and WhiteKernel"
    )


def _scaled_squares(graph: Graph, matrix: Tensor, points: Floats, scale: Any) -> Tensor:
    scaled = graph.add("Div", matrix, graph.constant(scale))
    return squared_differences(graph, scaled, points / scale)


def _matern(graph: Graph, kernel: Any, matrix: Tensor, points: Floats) -> Tensor:
    if kernel.nu not in (0.5, 1.5, 2.5, np.inf):
        raise Unsupported(
            f"Matern with nu={kernel.nu} needs a Bessel function, which ONNX has not: "
            "use nu=0.5, 1.5, 2.5 or inf"
        )
    squares = _scaled_squares(graph, matrix, points, kernel.length_scale)
    if kernel.nu == np.inf:
        return graph.add("Exp", graph.add("Mul", squares, graph.constant(-0.5)))
    root = graph.constant(np.sqrt(2 * kernel.nu))
    distance = graph.add("Mul", graph.add("Sqrt", squares), root)
    decay = graph.add("Exp", graph.add("Neg", distance))
    if kernel.nu == 0.5:
        return decay
    growth = graph.add("Add", distance, graph.constant(1.0))
    if kernel.nu == 2.5:
        square = graph.add("Mul", distance, distance)
        third = graph.add("Div", square, graph.constant(3.0))
        growth = graph.add("Add", growth, third)
    return graph.add("Mul", growth, decay)


def _rational_quadratic(
    graph: Graph, kernel: Any, matrix: Tensor, points: Floats
) -> Tensor:
    squares = squared_differences(graph, matrix, points)
    scale = graph.constant(2 * kernel.alpha * kernel.length_scale**2)
    base = graph.add("Add", graph.add("Div", squares, scale), graph.constant(1.0))
    return graph.add("Pow", base, graph.constant(-kernel.alpha))


def _periodic(graph: Graph, kernel: Any, matrix: Tensor, points: Floats) -> Tensor:
    distance = graph.add("Sqrt", squared_differences(graph, matrix, points))
    turns = graph.add("Mul", distance, graph.constant(np.pi / kernel.periodicity))
    sine = graph.add(
        "Div", graph.add("Sin", turns), graph.constant(kernel.length_scale)
    )
    return graph.add(
        "Exp", graph.add("Mul", graph.add("Mul", sine, sine), graph.constant(-2.0))
    )
