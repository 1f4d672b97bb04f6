"""Scalers, in scikit-learn's own order of arithmetic.

A tree compares what a scaler gives with thresholds that lie exactly on scaled
training values, so the last bit counts: subtract, then divide, never multiply by a
reciprocal; except for sparse input, where scikit-learn does multiply by it.
"""

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.preprocessing import (
    Binarizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    RobustScaler,
    StandardScaler,
)

from convert.graph import Graph
from convert.preprocessing.blocks import Matrix, all_owners
from convert.preprocessing.elementwise import affine, clip, is_number, or_nan, scalar
from convert.preprocessing.registry import Step, lowers

Floats = npt.NDArray[np.float64]


@lowers(StandardScaler)
def lower_standard(step: Step, matrix: Matrix, graph: Graph) -> Matrix:
    scaler = step.transformer
    mean = scaler.mean_ if scaler.with_mean else None
    return _center_and_scale(step, matrix, graph, mean, scaler.scale_)


@lowers(RobustScaler)
def lower_robust(step: Step, matrix: Matrix, graph: Graph) -> Matrix:
    scaler = step.transformer
    center = scaler.center_ if scaler.with_centering else None
    scale = scaler.scale_ if scaler.with_scaling else None
    return _center_and_scale(step, matrix, graph, center, scale)


def _center_and_scale(
    step: Step,
    matrix: Matrix,
    graph: Graph,
    center: Floats | None,
    scale: Floats | None,
) -> Matrix:
    if sparse.issparse(step.sample):
        return matrix if scale is None else affine(matrix, graph, ("Mul", 1 / scale))
    operations = [("Sub", center)] if center is not None else []
    operations += [("Div", scale)] if scale is not None else []
    return affine(matrix, graph, *operations)


@lowers(MinMaxScaler)
def lower_min_max(step: Step, matrix: Matrix, graph: Graph) -> Matrix:
    scaler = step.transformer
    scaled = affine(matrix, graph, ("Mul", scaler.scale_), ("Add", scaler.min_))
    if not scaler.clip:
        return scaled
    return scaled._replace(tensor=clip(graph, scaled.tensor, *scaler.feature_range))


@lowers(MaxAbsScaler)
def lower_max_abs(step: Step, matrix: Matrix, graph: Graph) -> Matrix:
    scaler = step.transformer
    scaled = _center_and_scale(step, matrix, graph, None, scaler.scale_)
    if not getattr(scaler, "clip", False):  # since scikit-learn 1.9
        return scaled
    return scaled._replace(tensor=clip(graph, scaled.tensor, -1.0, 1.0))


@lowers(Binarizer)
def lower_binarizer(step: Step, matrix: Matrix, graph: Graph) -> Matrix:
    threshold = scalar(graph, step.transformer.threshold)
    above = graph.add("Greater", matrix.tensor, threshold)
    ones = graph.add("Where", above, scalar(graph, 1.0), scalar(graph, 0.0))
    known = is_number(graph, matrix.tensor)
    return matrix._replace(tensor=or_nan(graph, known, ones))


_NORMS = {"l1": "ReduceL1", "l2": "ReduceL2", "max": "ReduceMax"}


@lowers(Normalizer)
def lower_normalizer(step: Step, matrix: Matrix, graph: Graph) -> Matrix:
    op = _NORMS[step.transformer.norm]
    size = graph.add("Abs", matrix.tensor)
    norm = graph.add(op, size, graph.constant([1], np.int64))
    # scikit-learn divides by 1 where the norm is below this (_handle_zeros_in_scale)
    zero = graph.add("Less", norm, scalar(graph, 10 * np.finfo(np.float64).eps))
    divisor = graph.add("Where", zero, scalar(graph, 1.0), norm)
    owners = (all_owners(matrix),) * matrix.n_columns
    return Matrix(graph.add("Div", matrix.tensor, divisor), owners)
