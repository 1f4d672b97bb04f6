"""What turns raw scores into predictions, probabilities and labels.

Every tensor is float64 (n_rows, n); labels are int64 (n_rows, 1).
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from convert.estimators import Outputs
from convert.graph import Graph

ROWS = np.array([0])
COLUMNS = np.array([1])


def constant(graph: Graph, values: Any) -> str:
    return graph.constant(np.asarray(values, np.float64))


def repeat(graph: Graph, values: Any, matrix: str) -> str:
    """One row of constants for every row of `matrix`."""
    row = np.atleast_2d(np.asarray(values, np.float64))
    n_rows = graph.add("Shape", matrix, start=0, end=1)
    shape = graph.add(
        "Concat", n_rows, graph.constant([row.shape[1]], np.int64), axis=0
    )
    return graph.add("Expand", constant(graph, row), shape)


def columns(graph: Graph, matrix: str, indices: Any) -> str:
    return graph.add("Gather", matrix, graph.constant(indices, np.int64), axis=1)


def concat(graph: Graph, tensors: list[str]) -> str:
    return tensors[0] if len(tensors) == 1 else graph.add("Concat", *tensors, axis=1)


def row_sum(graph: Graph, tensor: str) -> str:
    return graph.add("ReduceSum", tensor, graph.constant(COLUMNS), keepdims=1)


def mean(graph: Graph, tensors: list[str]) -> str:
    total = graph.add("Sum", *tensors) if len(tensors) > 1 else tensors[0]
    return graph.add("Div", total, constant(graph, len(tensors)))


def sigmoid(graph: Graph, scores: str) -> str:
    """1 / (1 + exp(−x)); onnxruntime's own Sigmoid loses all digits near 0."""
    growth = graph.add("Exp", graph.add("Neg", scores))
    return graph.add("Reciprocal", graph.add("Add", growth, constant(graph, 1.0)))


def softmax(graph: Graph, scores: str) -> str:
    return graph.add("Softmax", scores, axis=1)


def complement(graph: Graph, positive: str) -> str:
    """(n_rows, 1) probabilities of the second class → (n_rows, 2) of both."""
    negative = graph.add("Sub", constant(graph, 1.0), positive)
    return concat(graph, [negative, positive])


def opposite(graph: Graph, decision: str) -> str:
    """(n_rows, 1) scores of the second class → (n_rows, 2), −x and x."""
    return concat(graph, [graph.add("Neg", decision), decision])


def normalized(graph: Graph, probabilities: str, n_classes: int) -> str:
    """Rows divided by their sum; rows of zeros become uniform."""
    total = row_sum(graph, probabilities)
    is_zero = graph.add("Equal", total, constant(graph, 0.0))
    divided = graph.add("Div", probabilities, total)
    return graph.add("Where", is_zero, constant(graph, 1 / n_classes), divided)


def argmax(graph: Graph, scores: str) -> str:
    """First of the largest, as numpy has it."""
    return graph.add("ArgMax", scores, axis=1, keepdims=1)


def above(graph: Graph, scores: str, threshold: float) -> str:
    is_above = graph.add("Greater", scores, constant(graph, threshold))
    return graph.add("Cast", is_above, to=TensorProto.INT64)


def at_least(graph: Graph, scores: str, threshold: float) -> str:
    reaches = graph.add("GreaterOrEqual", scores, constant(graph, threshold))
    return graph.add("Cast", reaches, to=TensorProto.INT64)


def from_probabilities(graph: Graph, probabilities: str) -> Outputs:
    return Outputs(
        probabilities=probabilities, label_index=argmax(graph, probabilities)
    )


def dense(matrix: Any) -> npt.NDArray[np.float64]:
    """Return what an estimator holds as an array: fitted on sparse rows it is sparse."""
    rows = matrix.toarray() if hasattr(matrix, "toarray") else matrix
    return np.asarray(rows, np.float64)
