"""Arithmetic on whole matrices, in double.

ONNX has no expm1, log1p or cbrt. The first two are Kahan's formulas, which keep
their digits near zero, as numpy's functions do.
"""

from typing import Any

import numpy as np

from convert.graph import Graph
from convert.preprocessing.blocks import Matrix


def row(graph: Graph, values: Any) -> str:
    """Return a float64 constant of shape (1, n)."""
    return graph.constant(np.asarray(values, np.float64).reshape(1, -1))


def scalar(graph: Graph, value: float) -> str:
    return graph.constant(value, np.float64)


def affine(matrix: Matrix, graph: Graph, *operations: tuple[str, Any]) -> Matrix:
    """Apply (operator, one value a column) in turn, and keep the owners."""
    tensor = matrix.tensor
    for op, values in operations:
        tensor = graph.add(op, tensor, row(graph, values))
    return matrix._replace(tensor=tensor)


def clip(graph: Graph, x: str, low: float, high: float) -> str:
    return graph.add("Clip", x, scalar(graph, low), scalar(graph, high))


def or_nan(graph: Graph, condition: str, x: str) -> str:
    """Return x where the condition holds, NaN where scikit-learn would raise."""
    return graph.add("Where", condition, x, scalar(graph, np.nan))


def is_number(graph: Graph, x: str) -> str:
    return graph.add("Not", graph.add("IsNaN", x))


def ones(graph: Graph, matrix: Matrix) -> str:
    """Return a column of ones, as long as the matrix."""
    n_rows = graph.add("Shape", matrix.tensor, start=0, end=1)
    shape = graph.add("Concat", n_rows, graph.constant([1], np.int64), axis=0)
    return graph.add("Expand", scalar(graph, 1.0), shape)


def log(graph: Graph, x: str) -> str:
    """Return the natural logarithm of a matrix, the same for a row alone.

    onnxruntime's Log is vectorized: 23 % of doubles get another last bit in a batch
    than alone. Its sum over an axis of one calls the C library, as numpy does: 99.96 %
    are equal to numpy's, and all to themselves.
    """
    axis = graph.constant([2], np.int64)
    deep = graph.add("Unsqueeze", x, axis)
    return graph.add("ReduceLogSum", deep, axis, keepdims=0)


def log1p(graph: Graph, x: str) -> str:
    """Return log(1 + x), within some ulp also where 1 + x rounds to 1."""
    one = scalar(graph, 1.0)
    sum_ = graph.add("Add", x, one)
    ratio = graph.add("Div", x, graph.add("Sub", sum_, one))
    corrected = graph.add("Mul", log(graph, sum_), ratio)
    exact = graph.add("Or", graph.add("Equal", sum_, one), graph.add("IsInf", sum_))
    return graph.add("Where", exact, x, corrected)


def expm1(graph: Graph, x: str) -> str:
    """Return exp(x) − 1, within some ulp also where exp(x) rounds to 1."""
    one = scalar(graph, 1.0)
    power = graph.add("Exp", x)
    difference = graph.add("Sub", power, one)
    ratio = graph.add("Div", x, log(graph, power))
    corrected = graph.add("Mul", difference, ratio)
    minus_one = graph.add("Equal", difference, scalar(graph, -1.0))
    plain = graph.add("Or", minus_one, graph.add("IsInf", power))
    result = graph.add("Where", plain, difference, corrected)
    return graph.add("Where", graph.add("Equal", power, one), x, result)


def cbrt(graph: Graph, x: str) -> str:
    """Return the cube root: a power, then one step of Newton's method."""
    size = graph.add("Abs", x)
    root = graph.add("Pow", size, scalar(graph, 1 / 3))
    square = graph.add("Mul", root, root)
    excess = graph.add("Sub", root, graph.add("Div", size, square))
    step = graph.add("Div", excess, scalar(graph, 3.0))
    refined = graph.add("Sub", root, step)
    zero = graph.add("Equal", size, scalar(graph, 0.0))
    kept = graph.add("Or", zero, graph.add("IsInf", size))
    result = graph.add("Where", kept, size, refined)
    return graph.add("Mul", graph.add("Sign", x), result)
