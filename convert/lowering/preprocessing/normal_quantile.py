"""The standard normal distribution, both ways, in double.

onnxruntime has neither Erf nor its inverse for doubles.
"""

import numpy as np
from scipy import stats

from convert.graph.arithmetic import clip, log
from convert.graph.builder import Graph, Tensor

BOUND = 1e-7
"""scikit-learn's own BOUNDS_THRESHOLD: nearer to an end than this is the end."""

Ratio = tuple[tuple[float, ...], tuple[float, ...]]
"""Numerator and denominator, highest power first."""

# Moshier (1989), Methods and Programs for Mathematical Functions (Cephes), ndtri.
# scipy computes with these numbers in this order, so that all levels agree to the
# last bit; a tree may have its threshold there. The third region of Cephes, beyond
# |z| = 8, is out of reach of scikit-learn's clip at 5.2.
_CENTRE: Ratio = (
    (-5.99633501014107895267e1, 9.80010754185999661536e1, -5.66762857469070293439e1,
     1.39312609387279679503e1, -1.23916583867381258016),
    (1.0, 1.95448858338141759834, 4.67627912898881538453, 8.63602421390890590575e1,
     -2.25462687854119370527e2, 2.00260212380060660359e2, -8.20372256168333339912e1,
     1.59056225126211695515e1, -1.18331621121330003142),
)  # fmt: skip
_TAIL: Ratio = (
    (4.05544892305962419923, 3.15251094599893866154e1, 5.71628192246421288162e1,
     4.40805073893200834700e1, 1.46849561928858024014e1, 2.18663306850790267539,
     -1.40256079171354495875e-1, -3.50424626827848203418e-2,
     -8.57456785154685413611e-4),
    (1.0, 1.57799883256466749731e1, 4.53907635128879210584e1,
     4.13172038254672030440e1, 1.50425385692907503408e1, 2.50464946208309415979,
     -1.42182922854787788574e-1, -3.80806407691578277194e-2,
     -9.33259480895457427372e-4),
)  # fmt: skip

_SQRT_2PI = 2.50662827463100050242  # numpy.sqrt(2 * numpy.pi) is one bit below


def normal_quantile(graph: Graph, level: Tensor) -> Tensor:
    """Return the standard normal's quantile, clipped as scikit-learn clips it."""
    smallest = BOUND - np.spacing(1)
    level = clip(graph, level, smallest, 1 - smallest)
    lower = graph.add("LessOrEqual", level, graph.constant(1 - np.exp(-2)))
    upper = graph.add("Sub", graph.constant(1.0), level)
    nearest = graph.add("Where", lower, level, upper)
    tail = _tail(graph, nearest)
    tail = graph.add("Where", lower, graph.add("Neg", tail), tail)
    is_tail = graph.add("LessOrEqual", nearest, graph.constant(np.exp(-2)))
    result = graph.add("Where", is_tail, tail, _centre(graph, level))
    return clip(graph, result, stats.norm.ppf(smallest), stats.norm.ppf(1 - smallest))


def _centre(graph: Graph, level: Tensor) -> Tensor:
    y = graph.add("Sub", level, graph.constant(0.5))
    square = graph.add("Mul", y, y)
    numerator, denominator = (_polynomial(graph, square, each) for each in _CENTRE)
    ratio = graph.add("Div", graph.add("Mul", square, numerator), denominator)
    x = graph.add("Add", y, graph.add("Mul", y, ratio))
    return graph.add("Mul", x, graph.constant(_SQRT_2PI))


def _tail(graph: Graph, level: Tensor) -> Tensor:
    """Return the size of z for a level of at most exp(−2)."""
    twice = graph.add("Mul", graph.constant(-2.0), log(graph, level))
    x = graph.add("Sqrt", twice)
    first = graph.add("Sub", x, graph.add("Div", log(graph, x), x))
    inverse = graph.add("Reciprocal", x)
    numerator, denominator = (_polynomial(graph, inverse, each) for each in _TAIL)
    second = graph.add("Div", graph.add("Mul", inverse, numerator), denominator)
    return graph.add("Sub", first, second)


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


def normal_level(graph: Graph, z: Tensor) -> Tensor:
    """Return the standard normal's level at z, right within |z| < 5.6."""
    half, one = graph.constant(0.5), graph.constant(1.0)
    x = clip(graph, graph.add("Div", z, graph.constant(np.sqrt(2))), -4.0, 4.0)
    size, square = graph.add("Abs", x), graph.add("Mul", x, x)
    erf = graph.add("Mul", x, _ratio(graph, square, _ERF))
    central = graph.add("Add", half, graph.add("Mul", half, erf))
    decay = graph.add("Exp", graph.add("Neg", square))
    tail = graph.add("Mul", half, graph.add("Mul", decay, _ratio(graph, size, _ERFC)))
    negative = graph.add("Less", x, graph.constant(0.0))
    outer = graph.add("Where", negative, tail, graph.add("Sub", one, tail))
    near = graph.add("LessOrEqual", size, graph.constant(0.46875))
    return graph.add("Where", near, central, outer)


def _ratio(graph: Graph, x: Tensor, coefficients: Ratio) -> Tensor:
    numerator, denominator = (_polynomial(graph, x, each) for each in coefficients)
    return graph.add("Div", numerator, denominator)


def _polynomial(graph: Graph, x: Tensor, coefficients: tuple[float, ...]) -> Tensor:
    result = graph.constant(coefficients[0])
    for coefficient in coefficients[1:]:
        product = graph.add("Mul", result, x)
        result = graph.add("Add", product, graph.constant(coefficient))
    return result
