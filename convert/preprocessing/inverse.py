"""The way back: ``inverse_transform`` of what a target was transformed with."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from convert.graph import Graph
from convert.preprocessing.elementwise import log1p, row, scalar
from convert.preprocessing.functions import (
    FUNCTIONS,
    describe_function,
    is_known,
)
from convert.preprocessing.normal import BOUND, normal_level
from convert.preprocessing.quantile import interpolate, snap
from convert.refusal import Refusal

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Inverse = Callable[[Any, Graph, str], str]


def invert(transformer: Any, graph: Graph, y: str) -> str:
    """Add ``transformer.inverse_transform`` over y, float64 (n_rows, n_targets).

    Raises
    ------
    Refusal
        The transformer has no exact inverse in ONNX.
    """
    if transformer is None or transformer == "passthrough":
        return y
    inverse = _INVERSES.get(type(transformer))
    if inverse is None:
        known = ", ".join(sorted(kind.__name__ for kind in _INVERSES))
        raise Refusal(
            f"the target is transformed with {type(transformer).__name__}, whose "
            f"inverse cannot be said in ONNX; use one of {known}"
        )
    return inverse(transformer, graph, y)


def _pipeline(pipeline: Any, graph: Graph, y: str) -> str:
    for _, step in reversed(pipeline.steps):
        y = invert(step, graph, y)
    return y


def _function(transformer: Any, graph: Graph, y: str) -> str:
    function = transformer.inverse_func
    if not is_known(function) or transformer.inv_kw_args:
        raise Refusal(
            f"the target's inverse_func is "
            f"{describe_function(function, transformer.inv_kw_args)}, which cannot be "
            f"said in ONNX; use one of numpy's, such as func=numpy.log1p with "
            f"inverse_func=numpy.expm1"
        )
    return FUNCTIONS[function](graph, y)


def _standard(scaler: Any, graph: Graph, y: str) -> str:
    mean = scaler.mean_ if scaler.with_mean else None
    return _scale_and_shift(scaler.scale_, mean, graph, y)


def _robust(scaler: Any, graph: Graph, y: str) -> str:
    scale = scaler.scale_ if scaler.with_scaling else None
    center = scaler.center_ if scaler.with_centering else None
    return _scale_and_shift(scale, center, graph, y)


def _max_abs(scaler: Any, graph: Graph, y: str) -> str:
    return _scale_and_shift(scaler.scale_, None, graph, y)


def _scale_and_shift(scale: Any, shift: Any, graph: Graph, y: str) -> str:
    if scale is not None:
        y = graph.add("Mul", y, row(graph, scale))
    return y if shift is None else graph.add("Add", y, row(graph, shift))


def _min_max(scaler: Any, graph: Graph, y: str) -> str:
    shifted = graph.add("Sub", y, row(graph, scaler.min_))
    return graph.add("Div", shifted, row(graph, scaler.scale_))


def _power(power: Any, graph: Graph, y: str) -> str:
    if power.standardize:
        y = _standard(power._scaler, graph, y)
    lambdas = np.asarray(power.lambdas_, np.float64)
    if power.method == "box-cox":
        return _box_cox(y, lambdas, graph)
    return _yeo_johnson(y, lambdas, graph)


def _box_cox(y: str, lambdas: Floats, graph: Graph) -> str:
    zero = lambdas == 0
    safe = np.where(zero, 1.0, lambdas)
    logarithm = log1p(graph, graph.add("Mul", row(graph, safe), y))
    scaled = graph.add("Div", logarithm, row(graph, safe))
    chosen = graph.add("Where", graph.constant(zero[None]), y, scaled)
    return graph.add("Exp", chosen)


def _yeo_johnson(y: str, lambdas: Floats, graph: Graph) -> str:
    one, eps = scalar(graph, 1.0), np.spacing(1.0)
    above = graph.add("Sub", _root(y, lambdas, abs(lambdas) < eps, graph), one)
    mirrored, powers = graph.add("Neg", y), 2 - lambdas
    below = _root(mirrored, powers, abs(lambdas - 2) <= eps, graph)
    at_least_zero = graph.add("GreaterOrEqual", y, scalar(graph, 0.0))
    return graph.add("Where", at_least_zero, above, graph.add("Sub", one, below))


def _root(y: str, powers: Floats, is_log: Mask, graph: Graph) -> str:
    """Return (powers · y + 1) ** (1 / powers); exp(y) where `is_log`."""
    powers = np.where(is_log, 1.0, powers)
    base = graph.add("Mul", y, row(graph, powers))
    base = graph.add("Add", base, scalar(graph, 1.0))
    root = graph.add("Pow", base, row(graph, 1 / powers))
    exponential = graph.add("Exp", y)
    return graph.add("Where", graph.constant(is_log[None]), exponential, root)


def _quantile(transformer: Any, graph: Graph, y: str) -> str:
    normal = transformer.output_distribution == "normal"
    level = normal_level(y, graph) if normal else y
    quantiles = transformer.quantiles_.T
    levels = np.broadcast_to(transformer.references_, quantiles.shape)
    found = interpolate(level, levels, quantiles, graph)
    ends = np.zeros(len(quantiles)), np.ones(len(quantiles))
    values = quantiles[:, 0], quantiles[:, -1]
    return snap(level, found, ends, values, BOUND if normal else 0.0, graph)


_INVERSES: dict[type, Inverse] = {
    FunctionTransformer: _function,
    MaxAbsScaler: _max_abs,
    MinMaxScaler: _min_max,
    Pipeline: _pipeline,
    PowerTransformer: _power,
    QuantileTransformer: _quantile,
    RobustScaler: _robust,
    StandardScaler: _standard,
}
