"""SplineTransformer: one polynomial a knot interval and basis function."""

from math import factorial
from typing import Any

import numpy as np
import numpy.typing as npt

from convert.graph.arithmetic import axes, is_number, or_nan, row
from convert.graph.blocks import Matrix, select
from convert.graph.builder import Graph, Tensor
from convert.graph.intervals import count_at_most, look_up
from convert.lowering.registry import lowers
from convert.lowering.step import Step, refuse

Floats = npt.NDArray[np.float64]


@lowers("sklearn.SplineTransformer")
def lower_spline(graph: Graph, step: Step, matrix: Matrix) -> Matrix:
    """Evaluate the basis functions, each a polynomial on the interval that x lies in.

    de Boor (1978), A Practical Guide to Splines.

    Raises
    ------
    Unsupported
        The degree is 0; or scikit-learn itself extrapolates from a wrong knot.
    """
    _check(step)
    transformer = step.transformer
    splines = transformer.bsplines_
    base_knots = [spline.t[spline.k : len(spline.t) - spline.k] for spline in splines]
    lowest, highest = (np.array([k[end] for k in base_knots]) for end in (0, -1))
    x = _extrapolate(graph, matrix.tensor, lowest, highest, transformer.extrapolation)
    edges, pieces = zip(
        *(_pieces(spline, transformer.extrapolation) for spline in splines),
        strict=True,
    )
    values = _evaluate(graph, x, list(edges), np.stack(pieces))
    values = _missing_rows(graph, transformer, matrix, values)
    n_splines = splines[0].c.shape[1]
    flat = graph.add("Reshape", values, graph.constant([0, -1], np.int64))
    owners = tuple(owner for owner in matrix.owners for _ in range(n_splines))
    kept = [
        position
        for position in range(len(owners))
        if transformer.include_bias or (position + 1) % n_splines
    ]
    return select(graph, Matrix(flat, owners), kept)


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
    graph: Graph, x: Tensor, lowest: Floats, highest: Floats, mode: str
) -> Tensor:
    """Move x to where the polynomials hold: the knots' range, by the mode."""
    low, high = row(graph, lowest), row(graph, highest)
    if mode == "constant":
        return graph.add(
            "Where", graph.add("Less", x, low), low, _at_most(graph, x, high)
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
        rest = _remainder(graph, graph.add("Sub", x, low), period)
        return graph.add("Add", low, rest)
    return x


def _at_most(graph: Graph, x: Tensor, high: Tensor) -> Tensor:
    return graph.add("Where", graph.add("Greater", x, high), high, x)


def _remainder(graph: Graph, x: Tensor, period: Tensor) -> Tensor:
    """Return numpy's x % period, which has the sign of the period."""
    rest = graph.add("Mod", x, period, fmod=1)
    negative = graph.add("Less", rest, graph.constant(0.0))
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


def _evaluate(graph: Graph, x: Tensor, starts: list[Floats], pieces: Floats) -> Tensor:
    """Return the basis functions at x, shape (n_rows, n_columns, n_splines)."""
    interval = count_at_most(graph, x, [column[1:] for column in starts])
    start = look_up(graph, interval, np.stack(starts))
    offset = graph.add("Sub", x, start)
    deep = graph.add("Unsqueeze", offset, axes(graph, 2))
    result = look_up(graph, interval, pieces[..., 0])
    for power in range(1, pieces.shape[-1]):
        coefficient = look_up(graph, interval, pieces[..., power])
        result = graph.add("Add", graph.add("Mul", result, deep), coefficient)
    return result


def _missing_rows(
    graph: Graph, transformer: Any, matrix: Matrix, values: Tensor
) -> Tensor:
    known = is_number(graph, matrix.tensor)
    deep = graph.add("Unsqueeze", known, axes(graph, 2))
    zeros = getattr(transformer, "handle_missing", "error") == "zeros"
    fill = graph.constant(0.0 if zeros else np.nan)
    return graph.add("Where", deep, values, fill)
