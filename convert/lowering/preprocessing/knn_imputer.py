"""KNNImputer: the mean of the nearest rows that were fitted, by what both know."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from onnx import TensorProto
from sklearn.metrics.pairwise import nan_euclidean_distances

from convert.fitted.missing import keeps_empty
from convert.fitted.probe import to_numbers
from convert.graph.arithmetic import axes, columns
from convert.graph.blocks import Matrix, all_owners, join, select
from convert.graph.builder import Graph, Tensor
from convert.lowering.preprocessing.impute import missing_mask, with_indicator
from convert.lowering.registry import lowers
from convert.lowering.step import Step, refuse

Floats = npt.NDArray[np.float64]

N_TIED_ROWS = 200
"""Rows of the sample in which ties are looked for."""

MAX_TIED_SHARE = 0.01
"""Of the sample's cells; above it most files would hold a wrong row somewhere."""


class _Rows(NamedTuple):
    """Incoming rows: gaps filled with 0, and where the gaps are, as 0 and 1."""

    values: Tensor
    missing: Tensor
    mask: Tensor


@lowers("sklearn.KNNImputer")
def lower_neighbors(graph: Graph, step: Step, matrix: Matrix) -> Matrix:
    """Fill each gap with the mean, weighted or not, of the nearest rows without it.

    Troyanskaya et al. (2001), Missing value estimation methods for DNA microarrays,
    Bioinformatics 17 (6), 520-525.

    Raises
    ------
    Unsupported
        It measures or weighs with a function, keeps empty columns, or has many ties.
    """
    imputer = step.transformer
    _check(step)
    rows = _rows(graph, matrix, imputer.missing_values)
    distances = _distances(graph, imputer, rows, matrix.n_columns)
    valid = [int(position) for position in np.flatnonzero(imputer._valid_mask)]
    owners = all_owners(matrix)
    filled_columns = []
    for position in valid:
        imputed = _impute(graph, imputer, position, distances)
        column = select(graph, matrix, [position]).tensor
        gap = select(graph, Matrix(rows.mask, matrix.owners), [position]).tensor
        filled = graph.add("Where", gap, imputed, column)
        filled_columns.append(Matrix(filled, (owners,)))
    return with_indicator(graph, imputer, join(graph, filled_columns), matrix)


def _check(step: Step) -> None:
    imputer = step.transformer
    if imputer.metric != "nan_euclidean" or callable(imputer.weights):
        raise refuse(step, "it measures or weighs with a function of its own")
    if keeps_empty(imputer) and not imputer._valid_mask.all():
        raise refuse(step, "it keeps columns that were empty; drop them before it")
    rows = to_numbers(step.sample)[:N_TIED_ROWS]
    share = count_ties(imputer, rows) / rows.size
    if share > MAX_TIED_SHARE:
        raise refuse(
            step,
            f"for {share:.0%} of the sample's cells, were they missing, several fitted "
            f"rows are equally near and differ, and which of them it takes is an "
            f"accident of sorting; use SimpleImputer or IterativeImputer",
        )


def count_ties(imputer: Any, rows: Floats) -> int:
    """Count cells whose imputed value, were they missing, would be ambiguous.

    Several fitted rows are equally near there, not all of them are taken, and
    numpy.argpartition decides which by the order of its swaps.
    """
    n_neighbors, n_tied = imputer.n_neighbors, 0
    for position in np.flatnonzero(imputer._valid_mask):
        blanked = rows.copy()
        blanked[:, position] = imputer.missing_values
        donors = imputer._fit_X[~imputer._mask_fit_X[:, position]]
        if len(donors) <= n_neighbors:
            continue
        distances = nan_euclidean_distances(
            blanked, donors, missing_values=imputer.missing_values
        )
        order = np.argsort(distances, axis=1)[:, n_neighbors - 1 : n_neighbors + 1]
        last, next_ = np.take_along_axis(distances, order, axis=1).T
        values = donors[order, position]
        n_tied += int(((last == next_) & (values[:, 0] != values[:, 1])).sum())
    return n_tied


def _rows(graph: Graph, matrix: Matrix, marker: Any) -> _Rows:
    mask = missing_mask(graph, matrix.tensor, marker)
    values = graph.add("Where", mask, graph.constant(0.0), matrix.tensor)
    return _Rows(values, graph.add("Cast", mask, to=TensorProto.DOUBLE), mask)


def _distances(graph: Graph, imputer: Any, rows: _Rows, n_columns: int) -> Tensor:
    """Return nan_euclidean_distances to every fitted row, in its order."""
    gaps = imputer._mask_fit_X.astype(np.float64)
    fitted = np.where(imputer._mask_fit_X, 0.0, imputer._fit_X)

    def product(left: Tensor, right: Floats) -> Tensor:
        return graph.add("MatMul", left, graph.constant(right.T, np.float64))

    axis = axes(graph, 1)
    squares = graph.add("Mul", rows.values, rows.values)
    twice = graph.add("Mul", product(rows.values, fitted), graph.constant(-2.0))
    total = graph.add("Add", twice, graph.add("ReduceSum", squares, axis))
    norms = np.einsum("ij,ij->i", fitted, fitted)[None]
    total = _at_least_zero(graph, graph.add("Add", total, graph.constant(norms)))
    total = graph.add("Sub", total, product(squares, gaps))
    total = graph.add("Sub", total, product(rows.missing, fitted * fitted))
    total = _at_least_zero(graph, total)
    known = graph.add("Sub", graph.constant(1.0), rows.missing)
    n_shared = product(known, 1 - gaps)
    # no shared column: infinitely far, where scikit-learn writes NaN
    none = graph.add("Equal", n_shared, graph.constant(0.0))
    total = graph.add("Div", total, n_shared)
    total = graph.add("Mul", total, graph.constant(float(n_columns)))
    root = graph.add("Sqrt", total)
    return graph.add("Where", none, graph.constant(np.inf), root)


def _at_least_zero(graph: Graph, x: Tensor) -> Tensor:
    return graph.add("Max", x, graph.constant(0.0))


def _impute(graph: Graph, imputer: Any, position: int, distances: Tensor) -> Tensor:
    """Return what one column would be filled with, shape (n_rows, 1)."""
    donors = np.flatnonzero(~imputer._mask_fit_X[:, position])
    values = imputer._fit_X[donors, position]
    n_neighbors = min(imputer.n_neighbors, len(donors))
    if len(donors) < len(imputer._fit_X):
        distances = columns(graph, distances, donors)
    count = graph.constant([n_neighbors], np.int64)
    nearest, index = graph.add_many("TopK", distances, count, n_outputs=2, largest=0)
    chosen = graph.add("Gather", graph.constant(values, np.float64), index)
    weights = _weights(graph, imputer, nearest)
    axis = axes(graph, 1)
    weighted = graph.add("ReduceSum", graph.add("Mul", chosen, weights), axis)
    total = graph.add("ReduceSum", weights, axis)
    first = columns(graph, nearest, [0])
    alone = graph.add("IsInf", first)
    mean = graph.constant(float(values.mean()))
    return graph.add("Where", alone, mean, graph.add("Div", weighted, total))


def _weights(graph: Graph, imputer: Any, nearest: Tensor) -> Tensor:
    one, zero = graph.constant(1.0), graph.constant(0.0)
    if imputer.weights == "uniform":
        far_weight = one if _counts_far_rows(imputer) else zero
        return graph.add("Where", graph.add("IsInf", nearest), far_weight, one)
    weights = graph.add("Reciprocal", nearest)
    # where a fitted row is at distance 0, only such rows count
    axis = axes(graph, 1)
    same = graph.add("Equal", nearest, zero)
    exact = graph.add("Cast", same, to=TensorProto.DOUBLE)
    any_same = graph.add("Greater", graph.add("ReduceMax", exact, axis), zero)
    return graph.add("Where", any_same, exact, weights)


def _counts_far_rows(imputer: Any) -> bool:
    """Ask whether this release counts neighbours that share no column (1.3 does)."""
    distances, values = np.array([[np.nan, 1.0]]), np.array([0.0, 1.0])
    mean = imputer._calc_impute(distances, 2, values, np.zeros(2, bool))
    return float(mean[0]) < 1
