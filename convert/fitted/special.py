"""Finds the numbers that scikit-learn's own steps treat in a way of their own.

An imputer's marker, a threshold, an edge of a bin or a knot need not be near any row of
the sample, nor a power of ten where a logarithm is rounded down.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.preprocessing import FunctionTransformer

from convert.fitted.flows import flows
from convert.fitted.state import numbers_near, values_in

Floats = npt.NDArray[np.float64]

HELD_IN = (
    *("missing_values", "threshold", "fill_value", "unknown_value", "statistics_"),
    *("bin_edges_", "categories_", "bsplines_", "data_min_", "data_max_"),
)
"""Names of parameters and of what was fitted that hold such a number."""

WHOLE = np.arange(-8.0, 25.0)

INVERSES: dict[Any, Callable[[Floats], Floats]] = {
    np.log10: lambda y: np.array([float(f"1e{n:.0f}") for n in y]),
    np.log2: np.exp2,
    np.log: np.exp,
    np.log1p: np.expm1,
    np.exp: np.log,
    np.exp2: np.log2,
    np.expm1: np.log1p,
    np.sqrt: np.square,
    np.square: np.sqrt,
    np.cbrt: lambda y: y * y * y,
}
"""Function of numpy → where its values are whole numbers."""


def special_numbers(preprocessor: Any, columns: list[str]) -> dict[str, list[float]]:
    """Return, by column of the frame, the numbers that its steps single out."""
    found: dict[str, list[float]] = {name: [] for name in columns}
    for flow in flows(preprocessor, columns)[0]:
        numbers = list(_numbers(flow.transformer))
        for name in flow.reads:
            found[name] += numbers
    return found


def _numbers(step: Any) -> Iterator[float]:
    if type(step) is FunctionTransformer and _is_inverted(step.func):
        with np.errstate(all="ignore"):
            values = INVERSES[step.func](WHOLE)
        yield from values[np.isfinite(values)].tolist()
    held: list[Any] = [getattr(step, name, None) for name in HELD_IN]
    numbers = [v for v in values_in(*held, code=False) if not isinstance(v, bool | str)]
    yield from numbers_near(numbers)


def _is_inverted(function: Any) -> bool:
    return isinstance(function, np.ufunc) and function in INVERSES
