"""QuantileTransformer: two interpolations, averaged, then perhaps the normal's."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.preprocessing import QuantileTransformer

from convert.graph import Graph
from convert.preprocessing.blocks import Matrix
from convert.preprocessing.elementwise import row, scalar
from convert.preprocessing.intervals import count_at_most, look_up
from convert.preprocessing.normal import BOUND, normal_quantile
from convert.preprocessing.registry import Step, lowers, refuse

Floats = npt.NDArray[np.float64]


@lowers(QuantileTransformer)
def lower_quantile(step: Step, matrix: Matrix, graph: Graph) -> Matrix:
    transformer = step.transformer
    if sparse.issparse(step.sample):
        raise refuse(step, "it skips the zeros of a sparse matrix; give it a dense one")
    quantiles, levels = transformer.quantiles_.T, transformer.references_
    level = interpolate_both_ways(matrix.tensor, quantiles, levels, graph)
    normal = transformer.output_distribution == "normal"
    ends = quantiles[:, 0], quantiles[:, -1]
    bound = BOUND if normal else 0.0
    level = snap(matrix.tensor, level, ends, (0.0, 1.0), bound, graph)
    return matrix._replace(tensor=normal_quantile(level, graph) if normal else level)


def interpolate_both_ways(
    x: str, quantiles: Floats, levels: Floats, graph: Graph
) -> str:
    rising = interpolate(x, quantiles, levels, graph)
    mirrored = graph.add("Neg", x)
    falling = interpolate(mirrored, -quantiles[:, ::-1], -levels[::-1], graph)
    twice = graph.add("Sub", rising, falling)
    return graph.add("Mul", scalar(graph, 0.5), twice)


def interpolate(x: str, starts: Floats, values: Floats, graph: Graph) -> str:
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
    interval = count_at_most(x, list(starts), graph)
    start = look_up(interval, np.hstack([starts[:, :1], starts]), graph)
    value = look_up(interval, np.hstack([values[:, :1], values]), graph)
    slope = look_up(interval, slopes, graph)
    rise = graph.add("Mul", slope, graph.add("Sub", x, start))
    return graph.add("Add", rise, value)


def snap(
    x: str,
    y: str,
    ends: tuple[Floats, Floats],
    values: tuple[Any, Any],
    bound: float,
    graph: Graph,
) -> str:
    """Return y, but one of `values` where x is at one of `ends`.

    At means nearer than `bound` or beyond; exactly there if `bound` is 0.
    """
    lowest, highest = row(graph, ends[0]), row(graph, ends[1])
    if bound:
        width = scalar(graph, bound)
        above = graph.add("Greater", graph.add("Add", x, width), highest)
        below = graph.add("Less", graph.add("Sub", x, width), lowest)
    else:
        above = graph.add("Equal", x, highest)
        below = graph.add("Equal", x, lowest)
    y = graph.add("Where", above, row(graph, values[1]), y)
    return graph.add("Where", below, row(graph, values[0]), y)
