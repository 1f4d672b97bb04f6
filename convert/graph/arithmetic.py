"""Arithmetic on whole matrices, in double; what turns scores into probabilities.

ONNX has no expm1, log1p or cbrt. The first two are Kahan's formulas, which keep
their digits near zero, as numpy's functions do.
"""

from typing import Any

import numpy as np
from onnx import TensorProto

from convert.graph.builder import Graph, Tensor


def row(graph: Graph, values: Any) -> Tensor:
    """Return a float64 constant of shape (1, n)."""
    return graph.constant(np.reshape(values, (1, -1)))


def axes(graph: Graph, axis: int) -> Tensor:
    """Return one axis as the operators take it that reduce or unsqueeze."""
    return graph.constant([axis], np.int64)


def clip(graph: Graph, x: Tensor, low: float, high: float) -> Tensor:
    return graph.add("Clip", x, graph.constant(low), graph.constant(high))


def or_nan(graph: Graph, condition: Tensor, x: Tensor) -> Tensor:
    """Return x where the condition holds, NaN where scikit-learn would raise."""
    return graph.add("Where", condition, x, graph.constant(np.nan))


def is_number(graph: Graph, x: Tensor) -> Tensor:
    return graph.add("Not", graph.add("IsNaN", x))


def log(graph: Graph, x: Tensor) -> Tensor:
    """Return the natural logarithm of a matrix, the same for a row alone.

    onnxruntime's Log is vectorized: 23 % of doubles get another last bit in a batch
    than alone. Its sum over an axis of one calls the C library, as numpy does: 99.96 %
    are equal to numpy's, and all to themselves.
    """
    axis = axes(graph, 2)
    deep = graph.add("Unsqueeze", x, axis)
    return graph.add("ReduceLogSum", deep, axis, keepdims=0)


def log_to(graph: Graph, x: Tensor, base: float) -> Tensor:
    """Return the logarithm to a base, a whole number at each power of it.

    ln x / ln 10 is 2.9999999999999996 at 1000, which a step behind it rounds down. One
    step of Newton's method on the power puts that right; between 10^-½ and 10^½, where
    the logarithm has more digits than the power, there is nothing to put right.
    """
    plain = graph.add("Div", log(graph, x), graph.constant(np.log(base)))
    power = graph.add("Pow", graph.constant(base), plain)
    slope = graph.add("Mul", x, graph.constant(np.log(base)))
    excess = graph.add("Div", graph.add("Sub", power, x), slope)
    size = graph.add("Abs", plain)
    far = graph.add("GreaterOrEqual", size, graph.constant(0.5))
    # an infinity or a subnormal number has no such power
    small = graph.add("LessOrEqual", graph.add("Abs", excess), graph.constant(1e-12))
    refined = graph.add("Sub", plain, excess)
    return graph.add("Where", graph.add("And", far, small), refined, plain)


def log1p(graph: Graph, x: Tensor) -> Tensor:
    """Return log(1 + x), within some ulp also where 1 + x rounds to 1.

    From 1 on, what the sum lost is added, which keeps whole numbers at e^k - 1.
    """
    one = graph.constant(1.0)
    sum_ = graph.add("Add", x, one)
    kept = graph.add("Sub", sum_, one)
    logarithm = log(graph, sum_)
    scaled = graph.add("Mul", logarithm, graph.add("Div", x, kept))
    lost = graph.add("Div", graph.add("Sub", x, kept), sum_)
    added = graph.add("Add", logarithm, lost)
    is_large = graph.add("GreaterOrEqual", x, one)
    corrected = graph.add("Where", is_large, added, scaled)
    exact = graph.add("Or", graph.add("Equal", sum_, one), graph.add("IsInf", sum_))
    return graph.add("Where", exact, x, corrected)


def expm1(graph: Graph, x: Tensor) -> Tensor:
    """Return exp(x) − 1, within some ulp also where exp(x) rounds to 1."""
    one = graph.constant(1.0)
    power = graph.add("Exp", x)
    difference = graph.add("Sub", power, one)
    ratio = graph.add("Div", x, log(graph, power))
    corrected = graph.add("Mul", difference, ratio)
    minus_one = graph.add("Equal", difference, graph.constant(-1.0))
    plain = graph.add("Or", minus_one, graph.add("IsInf", power))
    result = graph.add("Where", plain, difference, corrected)
    return graph.add("Where", graph.add("Equal", power, one), x, result)


def cbrt(graph: Graph, x: Tensor) -> Tensor:
    """Return the cube root: a power, then one step of Newton's method."""
    size = graph.add("Abs", x)
    root = graph.add("Pow", size, graph.constant(1 / 3))
    square = graph.add("Mul", root, root)
    excess = graph.add("Sub", root, graph.add("Div", size, square))
    step = graph.add("Div", excess, graph.constant(3.0))
    refined = graph.add("Sub", root, step)
    zero = graph.add("Equal", size, graph.constant(0.0))
    kept = graph.add("Or", zero, graph.add("IsInf", size))
    result = graph.add("Where", kept, size, refined)
    return graph.add("Mul", graph.add("Sign", x), result)


def repeat(graph: Graph, row: Any, matrix: Tensor) -> Tensor:
    """Return a row (1, n_columns), or a number, for every row of `matrix`.

    The server runs no operator that takes a length from a tensor, as Expand does.
    """
    values = graph.constant(np.reshape(np.asarray(row, np.float64), (1, -1)))
    return graph.add(
        "Where", graph.add("IsNaN", columns(graph, matrix, [0])), values, values
    )


def columns(graph: Graph, matrix: Tensor, indices: Any) -> Tensor:
    return graph.add("Gather", matrix, graph.constant(indices, np.int64), axis=1)


def concat(graph: Graph, tensors: list[Tensor]) -> Tensor:
    return tensors[0] if len(tensors) == 1 else graph.add("Concat", *tensors, axis=1)


def row_sum(graph: Graph, tensor: Tensor) -> Tensor:
    return graph.add("ReduceSum", tensor, axes(graph, 1), keepdims=1)


def mean(graph: Graph, tensors: list[Tensor]) -> Tensor:
    total = graph.add("Sum", *tensors) if len(tensors) > 1 else tensors[0]
    return graph.add("Div", total, graph.constant(len(tensors)))


def sigmoid(graph: Graph, scores: Tensor) -> Tensor:
    """1 / (1 + exp(−x)); onnxruntime's own Sigmoid loses all digits near 0."""
    growth = graph.add("Exp", graph.add("Neg", scores))
    return graph.add("Reciprocal", graph.add("Add", growth, graph.constant(1.0)))


def softmax(graph: Graph, scores: Tensor) -> Tensor:
    return graph.add("Softmax", scores, axis=1)


def complement(graph: Graph, positive: Tensor) -> Tensor:
    """(n_rows, 1) probabilities of the second class → (n_rows, 2) of both."""
    negative = graph.add("Sub", graph.constant(1.0), positive)
    return concat(graph, [negative, positive])


def opposite(graph: Graph, decision: Tensor) -> Tensor:
    """(n_rows, 1) scores of the second class → (n_rows, 2), −x and x."""
    return concat(graph, [graph.add("Neg", decision), decision])


def normalized(graph: Graph, probabilities: Tensor, n_classes: int) -> Tensor:
    """Rows divided by their sum; rows of zeros become uniform."""
    total = row_sum(graph, probabilities)
    is_zero = graph.add("Equal", total, graph.constant(0.0))
    divided = graph.add("Div", probabilities, total)
    return graph.add("Where", is_zero, graph.constant(1 / n_classes), divided)


def argmax(graph: Graph, scores: Tensor) -> Tensor:
    """First of the largest, as numpy has it."""
    return graph.add("ArgMax", scores, axis=1, keepdims=1)


def above(graph: Graph, scores: Tensor, threshold: float) -> Tensor:
    is_above = graph.add("Greater", scores, graph.constant(threshold))
    return graph.add("Cast", is_above, to=TensorProto.INT64)


def at_least(graph: Graph, scores: Tensor, threshold: float) -> Tensor:
    reaches = graph.add("GreaterOrEqual", scores, graph.constant(threshold))
    return graph.add("Cast", reaches, to=TensorProto.INT64)
