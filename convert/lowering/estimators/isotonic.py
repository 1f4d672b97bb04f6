"""Isotonic regression: a line between each pair of fitted points."""

from typing import Any

import numpy as np
from onnx import TensorProto

from convert.graph.arithmetic import clip, or_nan, repeat, row_sum
from convert.graph.builder import Graph, Tensor
from convert.lowering.outputs import Outputs
from convert.lowering.registry import emits


@emits("sklearn.IsotonicRegression")
def emit_regressor(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit the line between the two fitted points that x lies between.

    scikit-learn's user guide, "Isotonic regression".
    """
    return Outputs(interpolate_isotonic(graph, estimator, matrix))


def interpolate_isotonic(graph: Graph, estimator: Any, column: Tensor) -> Tensor:
    """Map an (n_rows, 1) tensor; outside, clip or NaN as the estimator says."""
    x = np.asarray(estimator.X_thresholds_, np.float64)
    y = np.asarray(estimator.y_thresholds_, np.float64)
    if len(x) == 1:
        return repeat(graph, y[None], column)
    inside = clip(graph, column, x[0], x[-1])
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
    return or_nan(graph, is_inside, value)
