"""The standard normal distribution, both ways, in double.

onnxruntime has neither Erf nor its inverse for doubles.
"""

import numpy as np
from scipy import stats

from convert.graph import Graph
from convert.preprocessing.elementwise import clip, scalar

BOUND = 1e-7
"""scikit-learn's own BOUNDS_THRESHOLD: nearer to an end than this is the end."""

Ratio = tuple[tuple[float, ...], tuple[float, ...]]
"""Numerator and denominator, highest power first."""

# Wichura (1988), Algorithm AS 241, Applied Statistics 37 (3), 477-484,
# doi:10.2307/2347330. Its third
# region, beyond |z| = 6.2, is out of reach of scikit-learn's clip at 5.2.
_CENTRE: Ratio = (
    (2509.0809287301226727, 33430.575583588128105, 67265.770927008700853,
     45921.953931549871457, 13731.693765509461125, 1971.5909503065514427,
     133.14166789178437745, 3.3871328727963666080),
    (5226.4952788528545610, 28729.085735721942674, 39307.895800092710610,
     21213.794301586595867, 5394.1960214247511077, 687.18700749205790830,
     42.313330701600911252, 1.0),
)  # fmt: skip
_TAIL: Ratio = (
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


# Cody (1969), Rational Chebyshev approximations for the error function, Mathematics
# of Computation 23 (107), 631-637, doi:10.1090/S0025-5718-1969-0247736-4: erf(x) / x
# over x² up to |x| = 0.46875, and erfc(x) · exp(x²) over |x| up to 4; beyond lie
# levels within 1e-8 of the ends.
_ERF: Ratio = (
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2,
     3.77485237685302021e2, 3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3,
     2.84423683343917062e3),
)  # fmt: skip
_ERFC: Ratio = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594,
     6.61191906371416295e1, 2.98635138197400131e2, 8.81952221241769090e2,
     1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2,
     1.62138957456669019e3, 3.29079923573345963e3, 4.36261909014324716e3,
     3.43936767414372164e3, 1.23033935480374942e3),
)  # fmt: skip


def normal_level(z: str, graph: Graph) -> str:
    """Return the standard normal's level at z, right within |z| < 5.6."""
    half, one = scalar(graph, 0.5), scalar(graph, 1.0)
    x = clip(graph, graph.add("Div", z, scalar(graph, np.sqrt(2))), -4.0, 4.0)
    size, square = graph.add("Abs", x), graph.add("Mul", x, x)
    erf = graph.add("Mul", x, _ratio(square, _ERF, graph))
    central = graph.add("Add", half, graph.add("Mul", half, erf))
    decay = graph.add("Exp", graph.add("Neg", square))
    tail = graph.add("Mul", half, graph.add("Mul", decay, _ratio(size, _ERFC, graph)))
    negative = graph.add("Less", x, scalar(graph, 0.0))
    outer = graph.add("Where", negative, tail, graph.add("Sub", one, tail))
    near = graph.add("LessOrEqual", size, scalar(graph, 0.46875))
    return graph.add("Where", near, central, outer)


def _ratio(x: str, coefficients: Ratio, graph: Graph) -> str:
    numerator, denominator = (_polynomial(x, each, graph) for each in coefficients)
    return graph.add("Div", numerator, denominator)


def _polynomial(x: str, coefficients: tuple[float, ...], graph: Graph) -> str:
    result = scalar(graph, coefficients[0])
    for coefficient in coefficients[1:]:
        product = graph.add("Mul", result, x)
        result = graph.add("Add", product, scalar(graph, coefficient))
    return result
