"""Nearest neighbours by a full scan in double.

skl2onnx turns distance weights into uniform ones: it negates the distances for
TopK and then clamps them at 1e-6.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from convert.errors import Unsupported
from convert.fitted.plain import dense
from convert.graph.arithmetic import axes, row_sum
from convert.graph.builder import Graph, Tensor
from convert.lowering.estimators.pairwise import (
    chebyshev,
    expands,
    manhattan,
    minkowski,
    squared_differences,
    squared_euclidean,
)
from convert.lowering.outputs import Outputs, from_probabilities
from convert.lowering.registry import emits

Floats = npt.NDArray[np.float64]


@emits("sklearn.KNeighborsRegressor")
def emit_regressor(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit Σ w · y / Σ w over the nearest rows, for w = 1 or 1 / distance.

    scikit-learn's user guide, "Nearest Neighbors Regression".

    Raises
    ------
    Unsupported
        The metric, or a function as weights, has no form in ONNX.
    """
    values = np.asarray(estimator._y, np.float64)
    values = values.reshape(len(values), -1)
    return Outputs(_average(graph, estimator, matrix, values))


@emits("sklearn.KNeighborsClassifier")
def emit_classifier(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit Σ w · [y = class] / Σ w over the nearest rows, for w = 1 or 1 / distance.

    scikit-learn's user guide, "Nearest Neighbors Classification".

    Raises
    ------
    Unsupported
        It was fitted on several labels a row; or as for the regressor.
    """
    if estimator.outputs_2d_:
        raise Unsupported(
            "KNeighborsClassifier was fitted on several labels a row: fit one "
            "classifier for each label"
        )
    votes = np.eye(len(estimator.classes_))[np.ravel(estimator._y)]
    return from_probabilities(graph, _average(graph, estimator, matrix, votes))


@emits("sklearn.RadiusNeighborsRegressor")
def emit_radius(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Average over every row within the radius; NaN where there is none.

    Raises
    ------
    Unsupported
        The metric, or a function as weights, has no form in ONNX.
    """
    values = np.asarray(estimator._y, np.float64)
    distances = _distances(graph, estimator, matrix, exact=True)
    is_near = graph.add("LessOrEqual", distances, graph.constant(estimator.radius))
    near = graph.add("Cast", is_near, to=TensorProto.DOUBLE)
    if _is_weighted(estimator):
        kept = graph.add("Where", is_near, distances, graph.constant(np.inf))
        near = _weights(graph, kept)
    total = graph.add("MatMul", near, graph.constant(values.reshape(len(values), -1)))
    return Outputs(graph.add("Div", total, row_sum(graph, near)))


def _average(graph: Graph, estimator: Any, matrix: Tensor, values: Floats) -> Tensor:
    scan = _distances(graph, estimator, matrix)
    count = graph.constant([estimator.n_neighbors], np.int64)
    distances, nearest = graph.add_many(
        "TopK", scan, count, n_outputs=2, axis=1, largest=0, sorted=1
    )
    neighbours = graph.add("Gather", graph.constant(values), nearest, axis=0)
    axis = axes(graph, 1)
    if not _is_weighted(estimator):
        return graph.add("ReduceMean", neighbours, axis, keepdims=0)
    points = dense(estimator._fit_X)
    if _metric(estimator)[0] == "euclidean" and expands(points):
        distances = _exact(graph, matrix, points, nearest)
    weights = graph.add("Unsqueeze", _weights(graph, distances), axes(graph, 2))
    weighted = graph.add("Mul", neighbours, weights)
    total = graph.add("ReduceSum", weighted, axis, keepdims=0)
    return graph.add("Div", total, graph.add("ReduceSum", weights, axis, keepdims=0))


def _is_weighted(estimator: Any) -> bool:
    if estimator.weights in (None, "uniform", "distance"):
        return bool(estimator.weights == "distance")
    raise Unsupported(
        f"{type(estimator).__name__} has a function as weights, which ONNX cannot hold: "
        "use weights='distance'"
    )


def _weights(graph: Graph, distances: Tensor) -> Tensor:
    """1 / distance; where some are zero, these count one and the others nothing."""
    inverse = graph.add("Reciprocal", distances)
    is_same = graph.add("IsInf", inverse)
    same = graph.add("Cast", is_same, to=TensorProto.DOUBLE)
    any_same = graph.add("ReduceMax", same, axes(graph, 1), keepdims=1)
    has_same = graph.add("Cast", any_same, to=TensorProto.BOOL)
    return graph.add("Where", has_same, same, inverse)


def _distances(
    graph: Graph, estimator: Any, matrix: Tensor, *, exact: bool = False
) -> Tensor:
    """From each row to each training row, (n_rows, n_training_rows)."""
    points = dense(estimator._fit_X)
    metric, power = _metric(estimator)
    match metric:
        case "euclidean":
            between = squared_differences if exact else squared_euclidean
            return graph.add("Sqrt", between(graph, matrix, points))
        case "manhattan":
            return manhattan(graph, matrix, points)
        case "chebyshev":
            return chebyshev(graph, matrix, points)
    powers = minkowski(graph, matrix, points, power)
    return graph.add("Pow", powers, graph.constant(1 / power))


def _exact(graph: Graph, matrix: Tensor, points: Floats, nearest: Tensor) -> Tensor:
    """Distances to the neighbours, from differences: zero only for an equal row."""
    chosen = graph.add("Gather", graph.constant(points), nearest, axis=0)
    rows = graph.add("Unsqueeze", matrix, axes(graph, 1))
    gaps = graph.add("Sub", rows, chosen)
    squares = graph.add("Mul", gaps, gaps)
    total = graph.add("ReduceSum", squares, axes(graph, 2), keepdims=0)
    return graph.add("Sqrt", total)


def _metric(estimator: Any) -> tuple[str, float]:
    names = {"l1": "manhattan", "cityblock": "manhattan", "l2": "euclidean"}
    metric = names.get(estimator.effective_metric_, estimator.effective_metric_)
    settings = dict(estimator.effective_metric_params_ or {})
    power = settings.pop("p", 2)
    known = metric in ("euclidean", "manhattan", "chebyshev", "minkowski")
    if not known or any(value is not None for value in settings.values()):
        raise Unsupported(
            f"{type(estimator).__name__} has the metric {metric!r} {settings or ''}: "
            "use euclidean, manhattan, chebyshev or minkowski without weights"
        )
    return metric, float(power)
