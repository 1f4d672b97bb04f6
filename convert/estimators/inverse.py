"""The way back from a transformed target, (n_rows, n_targets) in double."""

from collections.abc import Callable
from typing import Any

import numpy as np

from convert.estimators import class_name
from convert.estimators.links import constant
from convert.graph import Graph
from convert.refusal import Refusal


def inverse(transformer: Any, graph: Graph, tensor: str) -> str:
    """Apply the `inverse_transform` of a fitted transformer.

    Raises
    ------
    Refusal
        Its inverse is not one of those that follow.
    """
    match class_name(type(transformer)):
        case "sklearn.FunctionTransformer":
            return _function(transformer, graph, tensor)
        case "sklearn.StandardScaler":
            return _affine(graph, tensor, transformer.scale_, transformer.mean_)
        case "sklearn.RobustScaler":
            return _affine(graph, tensor, transformer.scale_, transformer.center_)
        case "sklearn.MaxAbsScaler":
            return _affine(graph, tensor, transformer.scale_, None)
        case "sklearn.MinMaxScaler":
            shifted = graph.add("Sub", tensor, constant(graph, transformer.min_))
            return graph.add("Div", shifted, constant(graph, transformer.scale_))
    raise Refusal(
        f"TransformedTargetRegressor has the transformer {type(transformer).__name__}, "
        "whose inverse has no emitter: use func=np.log1p with inverse_func=np.expm1, or "
        "a StandardScaler"
    )


def _affine(graph: Graph, tensor: str, scale: Any, shift: Any) -> str:
    if scale is not None:
        tensor = graph.add("Mul", tensor, constant(graph, scale))
    if shift is not None:
        tensor = graph.add("Add", tensor, constant(graph, shift))
    return tensor


def _function(transformer: Any, graph: Graph, tensor: str) -> str:
    function = transformer.inverse_func
    if function is None:
        return tensor
    name = getattr(function, "__name__", repr(function))
    if name not in FUNCTIONS or function is not getattr(np, name):
        raise Refusal(
            f"TransformedTargetRegressor has inverse_func={name}, which no graph can "
            f"hold: use one of numpy's {', '.join(sorted(FUNCTIONS))}"
        )
    return FUNCTIONS[name](graph, tensor)


FUNCTIONS: dict[str, Callable[[Graph, str], str]] = {
    "cbrt": lambda graph, x: graph.add(
        "Mul",
        graph.add("Sign", x),
        graph.add("Pow", graph.add("Abs", x), constant(graph, 1 / 3)),
    ),
    "exp": lambda graph, x: graph.add("Exp", x),
    "exp2": lambda graph, x: graph.add("Pow", constant(graph, 2.0), x),
    "expm1": lambda graph, x: graph.add("Sub", graph.add("Exp", x), constant(graph, 1)),
    "log": lambda graph, x: graph.add("Log", x),
    "log1p": lambda graph, x: graph.add("Log", graph.add("Add", x, constant(graph, 1))),
    "sqrt": lambda graph, x: graph.add("Sqrt", x),
    "square": lambda graph, x: graph.add("Mul", x, x),
}
