"""PowerTransformer: Box-Cox and Yeo-Johnson as scipy writes them, with expm1."""

import numpy as np
import numpy.typing as npt
from sklearn.preprocessing import PowerTransformer

from convert.graph import Graph
from convert.preprocessing.blocks import Matrix
from convert.preprocessing.elementwise import expm1, log, log1p, or_nan, row, scalar
from convert.preprocessing.registry import Step, lowering_of, lowers

Floats = npt.NDArray[np.float64]


@lowers(PowerTransformer)
def lower_power(step: Step, matrix: Matrix, graph: Graph) -> Matrix:
    power = step.transformer
    transform = _box_cox if power.method == "box-cox" else _yeo_johnson
    lambdas = np.asarray(power.lambdas_, np.float64)
    changed = matrix._replace(tensor=transform(matrix.tensor, lambdas, graph))
    if not power.standardize:
        return changed
    scaler = power._scaler
    lowering = lowering_of(scaler)
    if lowering is None:
        raise AssertionError(f"PowerTransformer standardizes with {scaler!r}")
    return lowering(step._replace(transformer=scaler), changed, graph)


def _box_cox(x: str, lambdas: Floats, graph: Graph) -> str:
    positive = graph.add("Greater", x, scalar(graph, 0.0))
    logarithm = log(graph, x)
    # scipy's limit, below which the power is the logarithm
    result = _power_or_log(logarithm, lambdas, np.abs(lambdas) < 1e-19, graph)
    return or_nan(graph, positive, result)


def _yeo_johnson(x: str, lambdas: Floats, graph: Graph) -> str:
    eps = np.finfo(np.float64).eps
    at_least_zero = graph.add("GreaterOrEqual", x, scalar(graph, 0.0))
    above = _power_or_log(log1p(graph, x), lambdas, np.abs(lambdas) < eps, graph)
    mirrored = log1p(graph, graph.add("Neg", x))
    below = _power_or_log(mirrored, 2 - lambdas, np.abs(lambdas - 2) <= eps, graph)
    return graph.add("Where", at_least_zero, above, graph.add("Neg", below))


def _power_or_log(
    logarithm: str, powers: Floats, is_log: npt.NDArray[np.bool_], graph: Graph
) -> str:
    """Return (exp(power · log) − 1) / power; the logarithm where `is_log`."""
    powers = np.where(is_log, 1.0, powers)
    exponent = graph.add("Mul", row(graph, powers), logarithm)
    raised = graph.add("Div", expm1(graph, exponent), row(graph, powers))
    if not is_log.any():
        return raised
    return graph.add("Where", graph.constant(is_log[None, :]), logarithm, raised)
