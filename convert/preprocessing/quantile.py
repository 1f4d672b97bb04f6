"""QuantileTransformer: two interpolations, averaged, then perhaps the normal's."""

import numpy as np
import numpy.typing as npt
from scipy import sparse, stats
from sklearn.preprocessing import QuantileTransformer

from convert.graph import Graph
from convert.preprocessing.blocks import Matrix
from convert.preprocessing.elementwise import clip, row, scalar
from convert.preprocessing.intervals import count_at_most, look_up
from convert.preprocessing.registry import Step, lowers, refuse

Floats = npt.NDArray[np.float64]

BOUND = 1e-7
"""scikit-learn's own BOUNDS_THRESHOLD: nearer to an end than this is the end."""


@lowers(QuantileTransformer)
def lower_quantile(step: Step, matrix: Matrix, graph: Graph) -> Matrix:
    transformer = step.transformer
    if sparse.issparse(step.sample):
        raise refuse(step, "it skips the zeros of a sparse matrix; give it a dense one")
    quantiles, levels = transformer.quantiles_.T, transformer.references_
    level = interpolate_both_ways(matrix.tensor, quantiles, levels, graph)
    normal = transformer.output_distribution == "normal"
    level = _snap(matrix.tensor, level, quantiles, BOUND if normal else 0.0, graph)
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


def _snap(x: str, level: str, quantiles: Floats, bound: float, graph: Graph) -> str:
    lowest, highest = row(graph, quantiles[:, 0]), row(graph, quantiles[:, -1])
    if bound:
        width = scalar(graph, bound)
        above = graph.add("Greater", graph.add("Add", x, width), highest)
        below = graph.add("Less", graph.add("Sub", x, width), lowest)
    else:
        above = graph.add("Equal", x, highest)
        below = graph.add("Equal", x, lowest)
    level = graph.add("Where", above, scalar(graph, 1.0), level)
    return graph.add("Where", below, scalar(graph, 0.0), level)


# Wichura (1988), Algorithm AS 241, Applied Statistics 37 (3), 477-484,
# doi:10.2307/2347330: numerator and denominator, highest power first. Its third
# region, beyond |z| = 6.2, is out of reach of scikit-learn's clip at 5.2.
_CENTRE = (
    (2509.0809287301226727, 33430.575583588128105, 67265.770927008700853,
     45921.953931549871457, 13731.693765509461125, 1971.5909503065514427,
     133.14166789178437745, 3.3871328727963666080),
    (5226.4952788528545610, 28729.085735721942674, 39307.895800092710610,
     21213.794301586595867, 5394.1960214247511077, 687.18700749205790830,
     42.313330701600911252, 1.0),
)  # fmt: skip
_TAIL = (
    (7.74545014278341407640e-4, 2.27238449892691845833e-2,
     2.41780725177450611770e-1, 1.27045825245236838258, 3.64784832476320460504,
     5.76949722146069140550, 4.63033784615654529590, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.47593808499534494600e-4,
     1.51986665636164571966e-2, 1.48103976427480074590e-1,
     6.89767334985100004550e-1, 1.67638483018380384940, 2.05319162663775882187,
     1.0),
)  # fmt: skip


def normal_quantile(level: str, graph: Graph) -> str:
    """Return the standard normal's quantile, clipped as scikit-learn clips it."""
    smallest = BOUND - np.spacing(1)
    level = clip(graph, level, smallest, 1 - smallest)
    centred = graph.add("Sub", level, scalar(graph, 0.5))
    square = graph.add("Mul", centred, centred)
    near = graph.add("Sub", scalar(graph, 0.180625), square)
    middle = graph.add("Mul", _ratio(near, _CENTRE, graph), centred)
    complement = graph.add("Sub", scalar(graph, 1.0), level)
    tail = graph.add(
        "Sqrt", graph.add("Neg", graph.add("Log", graph.add("Min", level, complement)))
    )
    size = _ratio(graph.add("Sub", tail, scalar(graph, 1.6)), _TAIL, graph)
    outer = graph.add("Mul", graph.add("Sign", centred), size)
    central = graph.add("LessOrEqual", graph.add("Abs", centred), scalar(graph, 0.425))
    result = graph.add("Where", central, middle, outer)
    return clip(graph, result, stats.norm.ppf(smallest), stats.norm.ppf(1 - smallest))


def _ratio(
    x: str, coefficients: tuple[tuple[float, ...], tuple[float, ...]], graph: Graph
) -> str:
    numerator, denominator = (_polynomial(x, each, graph) for each in coefficients)
    return graph.add("Div", numerator, denominator)


def _polynomial(x: str, coefficients: tuple[float, ...], graph: Graph) -> str:
    result = scalar(graph, coefficients[0])
    for coefficient in coefficients[1:]:
        product = graph.add("Mul", result, x)
        result = graph.add("Add", product, scalar(graph, coefficient))
    return result
