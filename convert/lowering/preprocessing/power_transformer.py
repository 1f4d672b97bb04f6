"""PowerTransformer: Box-Cox and Yeo-Johnson as scipy writes them, with expm1."""

import numpy as np
import numpy.typing as npt

from convert.graph.arithmetic import expm1, log, log1p, or_nan, row
from convert.graph.blocks import Matrix
from convert.graph.builder import Graph, Tensor
from convert.lowering.preprocessing.scalers import lower_standard
from convert.lowering.registry import lowers
from convert.lowering.step import Step

Floats = npt.NDArray[np.float64]


@lowers("sklearn.PowerTransformer")
def lower_power(graph: Graph, step: Step, matrix: Matrix) -> Matrix:
    power = step.transformer
    transform = _box_cox if power.method == "box-cox" else _yeo_johnson
    lambdas = np.asarray(power.lambdas_, np.float64)
    changed = matrix._replace(tensor=transform(graph, matrix.tensor, lambdas))
    if not power.standardize:
        return changed
    return lower_standard(graph, step._replace(transformer=power._scaler), changed)


def _box_cox(graph: Graph, x: Tensor, lambdas: Floats) -> Tensor:
    positive = graph.add("Greater", x, graph.constant(0.0))
    logarithm = log(graph, x)
    # scipy's limit, below which the power is the logarithm
    result = _power_or_log(graph, logarithm, lambdas, np.abs(lambdas) < 1e-19)
    return or_nan(graph, positive, result)


def _yeo_johnson(graph: Graph, x: Tensor, lambdas: Floats) -> Tensor:
    eps = np.finfo(np.float64).eps
    at_least_zero = graph.add("GreaterOrEqual", x, graph.constant(0.0))
    above = _power_or_log(graph, log1p(graph, x), lambdas, np.abs(lambdas) < eps)
    mirrored = log1p(graph, graph.add("Neg", x))
    below = _power_or_log(graph, mirrored, 2 - lambdas, np.abs(lambdas - 2) <= eps)
    return graph.add("Where", at_least_zero, above, graph.add("Neg", below))


def _power_or_log(
    graph: Graph, logarithm: Tensor, powers: Floats, is_log: npt.NDArray[np.bool_]
) -> Tensor:
    """Return (exp(power · log) − 1) / power; the logarithm where `is_log`."""
    powers = np.where(is_log, 1.0, powers)
    exponent = graph.add("Mul", row(graph, powers), logarithm)
    raised = graph.add("Div", expm1(graph, exponent), row(graph, powers))
    if not is_log.any():
        return raised
    return graph.add("Where", graph.constant(is_log[None, :], bool), logarithm, raised)
