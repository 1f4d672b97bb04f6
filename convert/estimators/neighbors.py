"""Nearest neighbours by a full scan in double.

skl2onnx turns distance weights into uniform ones: it negates the distances for
TopK and then clamps them at 1e-6.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from convert.estimators import Outputs, emits
from convert.estimators.distances import (
    chebyshev,
    expands,
    manhattan,
    minkowski,
    squared_differences,
    squared_euclidean,
)
from convert.estimators.links import (
    COLUMNS,
    constant,
    dense,
    from_probabilities,
    row_sum,
)
from convert.graph import Graph
from convert.refusal import Refusal

Floats = npt.NDArray[np.float64]


@emits("sklearn.KNeighborsRegressor")
def emit_regressor(
    estimator: Any, graph: Graph, matrix: str, n_columns: int
) -> Outputs:
    values = np.asarray(estimator._y, np.float64)
    values = values.reshape(len(values), -1)
    return Outputs(_average(estimator, graph, matrix, values))


@emits("sklearn.KNeighborsClassifier")
def emit_classifier(
    estimator: Any, graph: Graph, matrix: str, n_columns: int
) -> Outputs:
    if estimator.outputs_2d_:
        raise Refusal(
            "KNeighborsClassifier was fitted on several labels a row: fit one "
            "classifier for each label"
        )
    votes = np.eye(len(estimator.classes_))[np.ravel(estimator._y)]
    return from_probabilities(graph, _average(estimator, graph, matrix, votes))


@emits("sklearn.RadiusNeighborsRegressor")
def emit_radius(estimator: Any, graph: Graph, matrix: str, n_columns: int) -> Outputs:
    """Average over every row within the radius; NaN where there is none."""
    values = np.asarray(estimator._y, np.float64)
    distances = _distances(estimator, graph, matrix, exact=True)
    is_near = graph.add("LessOrEqual", distances, constant(graph, estimator.radius))
    near = graph.add("Cast", is_near, to=TensorProto.DOUBLE)
    if _is_weighted(estimator):
        kept = graph.add("Where", is_near, distances, constant(graph, np.inf))
        near = _weights(graph, kept)
    total = graph.add("MatMul", near, constant(graph, values.reshape(len(values), -1)))
    return Outputs(graph.add("Div", total, row_sum(graph, near)))


def has_ties(estimator: Any, rows: Floats) -> npt.NDArray[np.bool_]:
    """Find the rows whose last neighbour is as near as the first one left out.

    scikit-learn's own algorithms answer differently for these, so no graph can
    promise to agree.

    Returns
    -------
    One boolean a row.
    """
    n_neighbors = estimator.n_neighbors
    if n_neighbors >= estimator.n_samples_fit_:
        return np.zeros(len(rows), np.bool_)
    distances = estimator.kneighbors(rows, n_neighbors + 1)[0]
    gap = distances[:, n_neighbors] - distances[:, n_neighbors - 1]
    return np.asarray(gap <= 1e-9 * distances[:, n_neighbors], np.bool_)


def _average(estimator: Any, graph: Graph, matrix: str, values: Floats) -> str:
    scan = _distances(estimator, graph, matrix)
    count = graph.constant([estimator.n_neighbors], np.int64)
    distances, nearest = graph.add_many(
        "TopK", scan, count, n_outputs=2, axis=1, largest=0, sorted=1
    )
    neighbours = graph.add("Gather", graph.constant(values), nearest, axis=0)
    axis = graph.constant(COLUMNS)
    if not _is_weighted(estimator):
        return graph.add("ReduceMean", neighbours, axis, keepdims=0)
    points = dense(estimator._fit_X)
    if _metric(estimator)[0] == "euclidean" and expands(points):
        distances = _exact(graph, matrix, points, nearest)
    weights = graph.add("Unsqueeze", _weights(graph, distances), graph.constant([2]))
    weighted = graph.add("Mul", neighbours, weights)
    total = graph.add("ReduceSum", weighted, axis, keepdims=0)
    return graph.add("Div", total, graph.add("ReduceSum", weights, axis, keepdims=0))


def _is_weighted(estimator: Any) -> bool:
    if estimator.weights in (None, "uniform", "distance"):
        return bool(estimator.weights == "distance")
    raise Refusal(
        f"{type(estimator).__name__} has a function as weights, which ONNX cannot hold: "
        "use weights='distance'"
    )


def _weights(graph: Graph, distances: str) -> str:
    """1 / distance; where some are zero, these count one and the others nothing."""
    inverse = graph.add("Reciprocal", distances)
    is_same = graph.add("IsInf", inverse)
    same = graph.add("Cast", is_same, to=TensorProto.DOUBLE)
    any_same = graph.add("ReduceMax", same, graph.constant(COLUMNS), keepdims=1)
    has_same = graph.add("Cast", any_same, to=TensorProto.BOOL)
    return graph.add("Where", has_same, same, inverse)


def _distances(
    estimator: Any, graph: Graph, matrix: str, *, exact: bool = False
) -> str:
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
    return graph.add("Pow", powers, constant(graph, 1 / power))


def _exact(graph: Graph, matrix: str, points: Floats, nearest: str) -> str:
    """Distances to the neighbours, from differences: zero only for an equal row."""
    chosen = graph.add("Gather", graph.constant(points), nearest, axis=0)
    rows = graph.add("Unsqueeze", matrix, graph.constant(COLUMNS))
    gaps = graph.add("Sub", rows, chosen)
    squares = graph.add("Mul", gaps, gaps)
    total = graph.add("ReduceSum", squares, graph.constant([2]), keepdims=0)
    return graph.add("Sqrt", total)


def _metric(estimator: Any) -> tuple[str, float]:
    names = {"l1": "manhattan", "cityblock": "manhattan", "l2": "euclidean"}
    metric = names.get(estimator.effective_metric_, estimator.effective_metric_)
    settings = dict(estimator.effective_metric_params_ or {})
    power = settings.pop("p", 2)
    known = metric in ("euclidean", "manhattan", "chebyshev", "minkowski")
    if not known or any(value is not None for value in settings.values()):
        raise Refusal(
            f"{type(estimator).__name__} has the metric {metric!r} {settings or ''}: "
            "use euclidean, manhattan, chebyshev or minkowski without weights"
        )
    return metric, float(power)
