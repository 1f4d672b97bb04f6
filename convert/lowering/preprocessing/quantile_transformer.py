"""QuantileTransformer: two interpolations, averaged, then perhaps the normal's."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from convert.graph.arithmetic import row
from convert.graph.blocks import Matrix
from convert.graph.builder import Graph, Tensor
from convert.graph.intervals import count_at_most, look_up
from convert.lowering.preprocessing.normal_quantile import BOUND, normal_quantile
from convert.lowering.registry import lowers
from convert.lowering.step import Step, refuse

Floats = npt.NDArray[np.float64]


@lowers("sklearn.QuantileTransformer")
def lower_quantile(graph: Graph, step: Step, matrix: Matrix) -> Matrix:
    """Interpolate the level among the quantiles, from below and from above.

    Raises
    ------
    Unsupported
        The sample is sparse, whose zeros scikit-learn skips.
    """
    transformer = step.transformer
    if sparse.issparse(step.sample):
        raise refuse(step, "it skips the zeros of a sparse matrix; give it a dense one")
    quantiles, levels = transformer.quantiles_.T, transformer.references_
    level = interpolate_both_ways(graph, matrix.tensor, quantiles, levels)
    normal = transformer.output_distribution == "normal"
    ends = quantiles[:, 0], quantiles[:, -1]
    bound = BOUND if normal else 0.0
    level = snap(graph, matrix.tensor, level, ends, (0.0, 1.0), bound)
    return matrix._replace(tensor=normal_quantile(graph, level) if normal else level)


def interpolate_both_ways(
    graph: Graph, x: Tensor, quantiles: Floats, levels: Floats
) -> Tensor:
    rising = interpolate(graph, x, quantiles, levels)
    mirrored = graph.add("Neg", x)
    falling = interpolate(graph, mirrored, -quantiles[:, ::-1], -levels[::-1])
    twice = graph.add("Sub", rising, falling)
    return graph.add("Mul", graph.constant(0.5), twice)


def interpolate(graph: Graph, x: Tensor, starts: Floats, values: Floats) -> Tensor:
    """Return ``numpy.interp(x, starts, values)`` in numpy's order of arithmetic.

    Parameters
    ----------
    x
        Shape (n_rows, n_columns).
    starts
        Ascending, shape (n_columns, n_points).
    values
        Shape (n_points,) or (n_columns, n_points).
    """
    values = np.broadcast_to(values, starts.shape)
    widths = np.diff(starts)
    # a step of no width is never looked up: the last of equal points is
    slopes = np.diff(values) / np.where(widths > 0, widths, 1.0)
    flat = np.zeros((len(starts), 1))
    # before the first point and after the last one the slope is zero
    slopes = np.hstack([flat, slopes, flat])
    interval = count_at_most(graph, x, list(starts))
    start = look_up(graph, interval, np.hstack([starts[:, :1], starts]))
    value = look_up(graph, interval, np.hstack([values[:, :1], values]))
    slope = look_up(graph, interval, slopes)
    rise = graph.add("Mul", slope, graph.add("Sub", x, start))
    return graph.add("Add", rise, value)


def snap(
    graph: Graph,
    x: Tensor,
    y: Tensor,
    ends: tuple[Floats, Floats],
    values: tuple[Any, Any],
    bound: float,
) -> Tensor:
    """Return y, but one of `values` where x is at one of `ends`.

    At means nearer than `bound` or beyond; exactly there if `bound` is 0.
    """
    lowest, highest = row(graph, ends[0]), row(graph, ends[1])
    if bound:
        width = graph.constant(bound)
        above = graph.add("Greater", graph.add("Add", x, width), highest)
        below = graph.add("Less", graph.add("Sub", x, width), lowest)
    else:
        above = graph.add("Equal", x, highest)
        below = graph.add("Equal", x, lowest)
    y = graph.add("Where", above, row(graph, values[1]), y)
    return graph.add("Where", below, row(graph, values[0]), y)
