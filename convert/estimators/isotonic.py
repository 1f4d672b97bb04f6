"""Isotonic regression: a line between each pair of fitted points."""

from typing import Any

import numpy as np
from onnx import TensorProto

from convert.estimators import Outputs, emits
from convert.estimators.links import constant, repeat, row_sum
from convert.graph import Graph


@emits("sklearn.IsotonicRegression")
def emit_regressor(
    estimator: Any, graph: Graph, matrix: str, n_columns: int
) -> Outputs:
    return Outputs(interpolate(estimator, graph, matrix))


def interpolate(estimator: Any, graph: Graph, column: str) -> str:
    """Map an (n_rows, 1) tensor; outside, clip or NaN as the estimator says."""
    x = np.asarray(estimator.X_thresholds_, np.float64)
    y = np.asarray(estimator.y_thresholds_, np.float64)
    if len(x) == 1:
        return repeat(graph, y, column)
    lowest, highest = constant(graph, x[0]), constant(graph, x[-1])
    inside = graph.add("Clip", column, lowest, highest)
    reached = graph.add("GreaterOrEqual", inside, graph.constant(x[1:]))
    counted = row_sum(graph, graph.add("Cast", reached, to=TensorProto.DOUBLE))
    index = graph.add("Cast", counted, to=TensorProto.INT64)
    slopes = np.append(np.diff(y) / np.diff(x), 0.0)
    start, slope, base = (
        graph.add("Gather", graph.constant(table), index) for table in (x, slopes, y)
    )
    rise = graph.add("Mul", slope, graph.add("Sub", inside, start))
    value = graph.add("Add", rise, base)
    if estimator.out_of_bounds == "clip":
        return value
    is_inside = graph.add("Equal", inside, column)
    return graph.add("Where", is_inside, value, constant(graph, np.nan))
