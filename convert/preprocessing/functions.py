"""FunctionTransformer over numpy's functions.

Only functions with an exact meaning here are in the table. A lambda or a function
of the user's own could compute anything, so it is refused by name.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn.preprocessing import FunctionTransformer

from convert.graph import Graph
from convert.preprocessing.blocks import Matrix
from convert.preprocessing.elementwise import cbrt, expm1, log, log1p, scalar
from convert.preprocessing.registry import Step, lowers, refuse

Elementwise = Callable[[Graph, str], str]


def _node(op: str) -> Elementwise:
    return lambda graph, x: graph.add(op, x)


def _scaled_log(base: float) -> Elementwise:
    return lambda graph, x: graph.add("Div", log(graph, x), scalar(graph, np.log(base)))


def _times(factor: float) -> Elementwise:
    return lambda graph, x: graph.add("Mul", x, scalar(graph, factor))


def _power_of(base: float) -> Elementwise:
    return lambda graph, x: graph.add("Pow", scalar(graph, base), x)


def _tan(graph: Graph, x: str) -> str:
    return graph.add("Div", graph.add("Sin", x), graph.add("Cos", x))


def _square(graph: Graph, x: str) -> str:
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
    np.log10: _scaled_log(10.0),
    np.log1p: log1p,
    np.log2: _scaled_log(2.0),
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


@lowers(FunctionTransformer)
def lower_function(step: Step, matrix: Matrix, graph: Graph) -> Matrix:
    function, arguments = step.transformer.func, step.transformer.kw_args
    if not is_known(function) or arguments:
        raise refuse(
            step,
            f"it calls {describe_function(function, arguments)}; use one of numpy's "
            f"own functions without arguments ({', '.join(_names())}), or compute the "
            f"column before the pipeline",
        )
    if function is not None:
        _check_doubles(step)
    return matrix._replace(tensor=FUNCTIONS[function](graph, matrix.tensor))


def is_known(function: Any) -> bool:
    return function is None or (callable(function) and function in FUNCTIONS)


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

    log1p of a boolean column is a half-precision number, and the reciprocal of the
    integer 2 is 0; the graph has doubles only.
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
    result = np.asarray(function(np.ones(1, dtype)))
    return function is not np.reciprocal and result.dtype.itemsize == 8
