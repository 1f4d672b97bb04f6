"""The way back: ``inverse_transform`` of what a target was transformed with."""

from typing import Any

import numpy as np
import numpy.typing as npt

from convert.errors import Unsupported
from convert.fitted.own import is_known
from convert.graph.arithmetic import log1p, row
from convert.graph.builder import Graph, Tensor
from convert.lowering.preprocessing.function_transformer import (
    FUNCTIONS,
    describe_function,
)
from convert.lowering.preprocessing.normal_quantile import BOUND, normal_level
from convert.lowering.preprocessing.quantile_transformer import interpolate, snap
from convert.lowering.registry import INVERSES, inverts

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def invert(graph: Graph, transformer: Any, y: Tensor) -> Tensor:
    """Add ``transformer.inverse_transform`` over y, float64 (n_rows, n_targets).

    Raises
    ------
    Unsupported
        The transformer has no exact inverse in ONNX.
    """
    if transformer is None or transformer == "passthrough":
        return y
    inverse = INVERSES.find(type(transformer))
    if inverse is None:
        known = ", ".join(name.partition(".")[2] for name in INVERSES.names())
        raise Unsupported(
            f"the target is transformed with {type(transformer).__name__}, whose "
            f"inverse cannot be said in ONNX; use one of {known}"
        )
    return inverse(graph, transformer, y)


@inverts("sklearn.Pipeline")
def invert_pipeline(graph: Graph, pipeline: Any, y: Tensor) -> Tensor:
    """Invert the last step first.

    Raises
    ------
    Unsupported
        A step has no exact inverse in ONNX.
    """
    for _, step in reversed(pipeline.steps):
        y = invert(graph, step, y)
    return y


@inverts("sklearn.FunctionTransformer")
def invert_function(graph: Graph, transformer: Any, y: Tensor) -> Tensor:
    """Apply the inverse function, if it is one of numpy's.

    Raises
    ------
    Unsupported
        The inverse function is another, or has arguments.
    """
    function = transformer.inverse_func
    if not is_known(function) or transformer.inv_kw_args:
        raise Unsupported(
            f"the target's inverse_func is "
            f"{describe_function(function, transformer.inv_kw_args)}, which cannot be "
            f"said in ONNX; use one of numpy's, such as func=numpy.log1p with "
            f"inverse_func=numpy.expm1"
        )
    return FUNCTIONS[function](graph, y)


@inverts("sklearn.StandardScaler")
def invert_standard(graph: Graph, scaler: Any, y: Tensor) -> Tensor:
    mean = scaler.mean_ if scaler.with_mean else None
    return _scale_and_shift(graph, scaler.scale_, mean, y)


@inverts("sklearn.RobustScaler")
def invert_robust(graph: Graph, scaler: Any, y: Tensor) -> Tensor:
    scale = scaler.scale_ if scaler.with_scaling else None
    center = scaler.center_ if scaler.with_centering else None
    return _scale_and_shift(graph, scale, center, y)


@inverts("sklearn.MaxAbsScaler")
def invert_max_abs(graph: Graph, scaler: Any, y: Tensor) -> Tensor:
    return _scale_and_shift(graph, scaler.scale_, None, y)


def _scale_and_shift(graph: Graph, scale: Any, shift: Any, y: Tensor) -> Tensor:
    if scale is not None:
        y = graph.add("Mul", y, row(graph, scale))
    return y if shift is None else graph.add("Add", y, row(graph, shift))


@inverts("sklearn.MinMaxScaler")
def invert_min_max(graph: Graph, scaler: Any, y: Tensor) -> Tensor:
    shifted = graph.add("Sub", y, row(graph, scaler.min_))
    return graph.add("Div", shifted, row(graph, scaler.scale_))


@inverts("sklearn.PowerTransformer")
def invert_power(graph: Graph, power: Any, y: Tensor) -> Tensor:
    if power.standardize:
        y = invert_standard(graph, power._scaler, y)
    lambdas = np.asarray(power.lambdas_, np.float64)
    if power.method == "box-cox":
        return _box_cox(graph, y, lambdas)
    return _yeo_johnson(graph, y, lambdas)


def _box_cox(graph: Graph, y: Tensor, lambdas: Floats) -> Tensor:
    zero = lambdas == 0
    safe = np.where(zero, 1.0, lambdas)
    logarithm = log1p(graph, graph.add("Mul", row(graph, safe), y))
    scaled = graph.add("Div", logarithm, row(graph, safe))
    chosen = graph.add("Where", graph.constant(zero[None], bool), y, scaled)
    return graph.add("Exp", chosen)


def _yeo_johnson(graph: Graph, y: Tensor, lambdas: Floats) -> Tensor:
    one, eps = graph.constant(1.0), np.spacing(1.0)
    above = graph.add("Sub", _root(graph, y, lambdas, abs(lambdas) < eps), one)
    mirrored, powers = graph.add("Neg", y), 2 - lambdas
    below = _root(graph, mirrored, powers, abs(lambdas - 2) <= eps)
    at_least_zero = graph.add("GreaterOrEqual", y, graph.constant(0.0))
    return graph.add("Where", at_least_zero, above, graph.add("Sub", one, below))


def _root(graph: Graph, y: Tensor, powers: Floats, is_log: Mask) -> Tensor:
    """Return (powers · y + 1) ** (1 / powers); exp(y) where `is_log`."""
    powers = np.where(is_log, 1.0, powers)
    base = graph.add("Mul", y, row(graph, powers))
    base = graph.add("Add", base, graph.constant(1.0))
    root = graph.add("Pow", base, row(graph, 1 / powers))
    exponential = graph.add("Exp", y)
    return graph.add("Where", graph.constant(is_log[None], bool), exponential, root)


@inverts("sklearn.QuantileTransformer")
def invert_quantile(graph: Graph, transformer: Any, y: Tensor) -> Tensor:
    normal = transformer.output_distribution == "normal"
    level = normal_level(graph, y) if normal else y
    quantiles = transformer.quantiles_.T
    levels = np.broadcast_to(transformer.references_, quantiles.shape)
    found = interpolate(graph, level, levels, quantiles)
    ends = np.zeros(len(quantiles)), np.ones(len(quantiles))
    values = quantiles[:, 0], quantiles[:, -1]
    return snap(graph, level, found, ends, values, BOUND if normal else 0.0)
