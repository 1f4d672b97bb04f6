"""Scalers, in scikit-learn's own order of arithmetic.

A tree compares what a scaler gives with thresholds that lie exactly on scaled
training values, so the last bit counts: subtract, then divide, never multiply by a
reciprocal; except for sparse input, where scikit-learn does multiply by it.
"""

import numpy as np
import numpy.typing as npt
from scipy import sparse

from convert.graph.arithmetic import axes, clip, is_number, or_nan
from convert.graph.blocks import Matrix, affine, all_owners
from convert.graph.builder import Graph
from convert.lowering.registry import lowers
from convert.lowering.step import Step

Floats = npt.NDArray[np.float64]


@lowers("sklearn.StandardScaler")
def lower_standard(graph: Graph, step: Step, matrix: Matrix) -> Matrix:
    scaler = step.transformer
    mean = scaler.mean_ if scaler.with_mean else None
    return _center_and_scale(graph, step, matrix, mean, scaler.scale_)


@lowers("sklearn.RobustScaler")
def lower_robust(graph: Graph, step: Step, matrix: Matrix) -> Matrix:
    scaler = step.transformer
    center = scaler.center_ if scaler.with_centering else None
    scale = scaler.scale_ if scaler.with_scaling else None
    return _center_and_scale(graph, step, matrix, center, scale)


def _center_and_scale(
    graph: Graph,
    step: Step,
    matrix: Matrix,
    center: Floats | None,
    scale: Floats | None,
) -> Matrix:
    if sparse.issparse(step.sample):
        return matrix if scale is None else affine(graph, matrix, ("Mul", 1 / scale))
    operations = [("Sub", center)] if center is not None else []
    operations += [("Div", scale)] if scale is not None else []
    return affine(graph, matrix, *operations)


@lowers("sklearn.MinMaxScaler")
def lower_min_max(graph: Graph, step: Step, matrix: Matrix) -> Matrix:
    scaler = step.transformer
    scaled = affine(graph, matrix, ("Mul", scaler.scale_), ("Add", scaler.min_))
    if not scaler.clip:
        return scaled
    return scaled._replace(tensor=clip(graph, scaled.tensor, *scaler.feature_range))


@lowers("sklearn.MaxAbsScaler")
def lower_max_abs(graph: Graph, step: Step, matrix: Matrix) -> Matrix:
    scaler = step.transformer
    scaled = _center_and_scale(graph, step, matrix, None, scaler.scale_)
    if not getattr(scaler, "clip", False):  # since scikit-learn 1.9
        return scaled
    return scaled._replace(tensor=clip(graph, scaled.tensor, -1.0, 1.0))


@lowers("sklearn.Binarizer")
def lower_binarizer(graph: Graph, step: Step, matrix: Matrix) -> Matrix:
    threshold = graph.constant(step.transformer.threshold)
    above = graph.add("Greater", matrix.tensor, threshold)
    ones = graph.add("Where", above, graph.constant(1.0), graph.constant(0.0))
    known = is_number(graph, matrix.tensor)
    return matrix._replace(tensor=or_nan(graph, known, ones))


_NORMS = {"l1": "ReduceL1", "l2": "ReduceL2", "max": "ReduceMax"}


@lowers("sklearn.Normalizer")
def lower_normalizer(graph: Graph, step: Step, matrix: Matrix) -> Matrix:
    op = _NORMS[step.transformer.norm]
    size = graph.add("Abs", matrix.tensor)
    norm = graph.add(op, size, axes(graph, 1))
    # scikit-learn divides by 1 where the norm is below this (_handle_zeros_in_scale)
    zero = graph.add("Less", norm, graph.constant(10 * np.finfo(np.float64).eps))
    divisor = graph.add("Where", zero, graph.constant(1.0), norm)
    owners = (all_owners(matrix),) * matrix.n_columns
    return Matrix(graph.add("Div", matrix.tensor, divisor), owners)
