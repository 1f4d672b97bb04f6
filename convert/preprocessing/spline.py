"""SplineTransformer: one polynomial a knot interval and basis function."""

from math import factorial
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.preprocessing import SplineTransformer

from convert.graph import Graph
from convert.preprocessing.blocks import Matrix, take
from convert.preprocessing.elementwise import is_number, or_nan, row, scalar
from convert.preprocessing.intervals import count_at_most, look_up
from convert.preprocessing.registry import Step, lowers, refuse

Floats = npt.NDArray[np.float64]


@lowers(SplineTransformer)
def lower_spline(step: Step, matrix: Matrix, graph: Graph) -> Matrix:
    _check(step)
    transformer = step.transformer
    splines = transformer.bsplines_
    base_knots = [spline.t[spline.k : len(spline.t) - spline.k] for spline in splines]
    lowest, highest = (np.array([k[end] for k in base_knots]) for end in (0, -1))
    x = _extrapolate(matrix.tensor, lowest, highest, transformer.extrapolation, graph)
    edges, pieces = zip(
        *(_pieces(spline, transformer.extrapolation) for spline in splines),
        strict=True,
    )
    values = _evaluate(x, list(edges), np.stack(pieces), graph)
    values = _missing_rows(transformer, matrix, values, graph)
    n_splines = splines[0].c.shape[1]
    flat = graph.add("Reshape", values, graph.constant([0, -1], np.int64))
    owners = tuple(owner for owner in matrix.owners for _ in range(n_splines))
    kept = [
        position
        for position in range(len(owners))
        if transformer.include_bias or (position + 1) % n_splines
    ]
    return take(Matrix(flat, owners), kept, graph)


def _check(step: Step) -> None:
    transformer = step.transformer
    if transformer.degree == 0:
        raise refuse(step, "degree 0 is a step function; use KBinsDiscretizer")
    several = len(transformer.bsplines_) > 1
    if several and transformer.degree == 1 and transformer.extrapolation == "linear":
        # the loop over columns raises `degree` for the columns after the first
        raise refuse(
            step,
            "with degree=1 and extrapolation='linear' scikit-learn extrapolates "
            "every column but the first from the wrong knot; use degree=2 or "
            "extrapolation='continue'",
        )


def _extrapolate(
    x: str, lowest: Floats, highest: Floats, mode: str, graph: Graph
) -> str:
    """Move x to where the polynomials hold: the knots' range, by the mode."""
    low, high = row(graph, lowest), row(graph, highest)
    if mode == "constant":
        return graph.add(
            "Where", graph.add("Less", x, low), low, _at_most(x, high, graph)
        )
    if mode == "error":
        inside = graph.add(
            "And",
            graph.add("GreaterOrEqual", x, low),
            graph.add("LessOrEqual", x, high),
        )
        return or_nan(graph, inside, x)
    if mode == "periodic":
        period = row(graph, highest - lowest)
        rest = _remainder(graph.add("Sub", x, low), period, graph)
        return graph.add("Add", low, rest)
    return x


def _at_most(x: str, high: str, graph: Graph) -> str:
    return graph.add("Where", graph.add("Greater", x, high), high, x)


def _remainder(x: str, period: str, graph: Graph) -> str:
    """Return numpy's x % period, which has the sign of the period."""
    rest = graph.add("Mod", x, period, fmod=1)
    negative = graph.add("Less", rest, scalar(graph, 0.0))
    return graph.add("Where", negative, graph.add("Add", rest, period), rest)


def _pieces(spline: Any, mode: str) -> tuple[Floats, Floats]:
    """Return interval starts and coefficients (n_intervals, n_splines, degree + 1).

    The highest power comes first; a coefficient counts from its interval's start.
    """
    degree = spline.k
    starts = spline.t[degree : len(spline.t) - degree - 1]
    powers = range(degree, -1, -1)
    taylor = [spline(starts, nu=power) / factorial(power) for power in powers]
    pieces = np.stack(taylor, axis=-1)
    if mode != "linear":
        return starts, pieces
    last = spline.t[-degree - 1]
    tails = [_tangent(spline, edge, pieces.shape[-1]) for edge in (starts[0], last)]
    wide = max(2, pieces.shape[-1])
    pieces = np.concatenate(
        [np.zeros((*pieces.shape[:2], wide - pieces.shape[2])), pieces], 2
    )
    pieces = np.concatenate([tails[0][None], pieces, tails[1][None]])
    # the value at the last knot belongs to the interval before it
    return np.r_[starts[0], starts, np.nextafter(last, np.inf)], pieces


def _tangent(spline: Any, edge: float, n_coefficients: int) -> Floats:
    line = np.zeros((spline.c.shape[1], max(2, n_coefficients)))
    line[:, -1], line[:, -2] = spline(edge), spline(edge, nu=1)
    return line


def _evaluate(x: str, starts: list[Floats], pieces: Floats, graph: Graph) -> str:
    """Return the basis functions at x, shape (n_rows, n_columns, n_splines)."""
    interval = count_at_most(x, [column[1:] for column in starts], graph)
    start = look_up(interval, np.stack(starts), graph)
    offset = graph.add("Sub", x, start)
    deep = graph.add("Unsqueeze", offset, graph.constant([2], np.int64))
    result = look_up(interval, pieces[..., 0], graph)
    for power in range(1, pieces.shape[-1]):
        coefficient = look_up(interval, pieces[..., power], graph)
        result = graph.add("Add", graph.add("Mul", result, deep), coefficient)
    return result


def _missing_rows(transformer: Any, matrix: Matrix, values: str, graph: Graph) -> str:
    known = is_number(graph, matrix.tensor)
    deep = graph.add("Unsqueeze", known, graph.constant([2], np.int64))
    zeros = getattr(transformer, "handle_missing", "error") == "zeros"
    fill = scalar(graph, 0.0 if zeros else np.nan)
    return graph.add("Where", deep, values, fill)
