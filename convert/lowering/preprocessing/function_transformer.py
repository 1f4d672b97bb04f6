"""FunctionTransformer over numpy's functions.

Only functions with an exact meaning here are in the table. A lambda or a function
of the user's own could compute anything, so it is refused by name.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from convert.fitted.arithmetic import beside_arithmetic
from convert.fitted.own import is_known
from convert.graph.arithmetic import cbrt, expm1, log, log1p, log_to
from convert.graph.blocks import Matrix
from convert.graph.builder import Graph, Tensor
from convert.lowering.registry import lowers
from convert.lowering.step import Step, refuse

Elementwise = Callable[[Graph, Tensor], Tensor]


def _node(op: str) -> Elementwise:
    return lambda graph, x: graph.add(op, x)


def _times(factor: float) -> Elementwise:
    return lambda graph, x: graph.add("Mul", x, graph.constant(factor))


def _power_of(base: float) -> Elementwise:
    return lambda graph, x: graph.add("Pow", graph.constant(base), x)


def _tan(graph: Graph, x: Tensor) -> Tensor:
    return graph.add("Div", graph.add("Sin", x), graph.add("Cos", x))


def _square(graph: Graph, x: Tensor) -> Tensor:
    return graph.add("Mul", x, x)


FUNCTIONS: dict[Any, Elementwise] = {
    None: lambda _, x: x,
    np.positive: lambda _, x: x,
    np.asarray: lambda _, x: x,
    np.array: lambda _, x: x,
    np.abs: _node("Abs"),
    np.fabs: _node("Abs"),
    np.cbrt: cbrt,
    np.ceil: _node("Ceil"),
    np.cos: _node("Cos"),
    np.deg2rad: _times(np.pi / 180),
    np.rad2deg: _times(180 / np.pi),
    np.exp: _node("Exp"),
    np.exp2: _power_of(2.0),
    np.expm1: expm1,
    np.floor: _node("Floor"),
    np.log: log,
    np.log10: partial(log_to, base=10.0),
    np.log1p: log1p,
    np.log2: partial(log_to, base=2.0),
    np.negative: _node("Neg"),
    np.reciprocal: _node("Reciprocal"),
    np.rint: _node("Round"),
    np.round: _node("Round"),
    np.sign: _node("Sign"),
    np.sin: _node("Sin"),
    np.sqrt: _node("Sqrt"),
    np.square: _square,
    np.tan: _tan,
    np.tanh: _node("Tanh"),
}


WRAPPING = {np.reciprocal, np.square}
"""Those that are integers for integers, and not the same as in double."""

RULES = "SimpleImputer(missing_values=…), KBinsDiscretizer or Binarizer"


@lowers("sklearn.FunctionTransformer")
def lower_function(graph: Graph, step: Step, matrix: Matrix) -> Matrix:
    """Apply the function, if it is one of numpy's that computes in double.

    Raises
    ------
    Unsupported
        The function is another, has arguments, or does not compute in double.
    """
    function, arguments = step.transformer.func, step.transformer.kw_args
    if not is_known(function) or arguments:
        rule = _beside(step)
        instead = f"{RULES} for a rule, " if rule else ""
        raise refuse(
            step,
            f"it calls {describe_function(function, arguments)}{rule}; use {instead}"
            f"one of numpy's own functions without arguments ({', '.join(_names())}), "
            f"or compute the column before the pipeline",
        )
    if function is not None:
        _check_doubles(step)
    return matrix._replace(tensor=FUNCTIONS[function](graph, matrix.tensor))


def _beside(step: Step) -> str:
    """Return what a function does beside arithmetic, for the sentence that names it."""
    said = beside_arithmetic(
        step.transformer, list(getattr(step.sample, "columns", ()))
    )
    if said is None:
        return ""
    return f", which {said}, so that no sample shows all that it does"


def _names() -> list[str]:
    return sorted(function.__name__ for function in FUNCTIONS if function is not None)


def describe_function(function: Any, arguments: Any) -> str:
    if isinstance(function, partial):
        return describe_function(function.func, True)
    name: str = getattr(function, "__name__", type(function).__name__)
    said = "a lambda" if name == "<lambda>" else repr(name)
    return f"{said} with arguments" if arguments else said


def _check_doubles(step: Step) -> None:
    """Refuse columns on which numpy would not compute in double.

    log1p of a boolean column is a half-precision number, the reciprocal of the
    integer 2 is 0, and the square of 4e9 is negative; the graph has doubles only.

    Raises
    ------
    Unsupported
        If the sample has a column of such a dtype.
    """
    function = step.transformer.func
    inexact = {str(d) for d in _dtypes(step.sample) if not _in_double(function, d)}
    if inexact:
        raise refuse(
            step,
            f"on {', '.join(sorted(inexact))} columns numpy does not compute in "
            f"double; turn them into float64 before the step",
        )


def _dtypes(sample: Any) -> list[Any]:
    return list(sample.dtypes) if hasattr(sample, "dtypes") else [sample.dtype]


def _in_double(function: Any, dtype: Any) -> bool:
    if not isinstance(dtype, np.dtype) or dtype.kind not in "fiu":
        return False
    if dtype.kind == "f":
        return True
    if function in WRAPPING or (function is np.negative and dtype.kind == "u"):
        return False
    return np.asarray(function(np.ones(1, dtype))).dtype.itemsize == 8
