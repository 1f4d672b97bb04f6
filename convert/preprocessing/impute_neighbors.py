"""KNNImputer: the mean of the nearest rows that were fitted, by what both know."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from onnx import TensorProto
from sklearn.impute import KNNImputer
from sklearn.metrics.pairwise import nan_euclidean_distances

from convert.graph import Graph
from convert.preprocessing.blocks import Matrix, all_owners, concatenate, take
from convert.preprocessing.elementwise import scalar
from convert.preprocessing.impute import missing_mask, with_indicator
from convert.preprocessing.missing import keeps_empty
from convert.preprocessing.probe import dense
from convert.preprocessing.registry import Step, lowers, refuse

Floats = npt.NDArray[np.float64]

N_TIED_ROWS = 200
"""Rows of the sample in which ties are looked for."""

MAX_TIED_SHARE = 0.01
"""Of the sample's cells; above it most files would hold a wrong row somewhere."""


class _Rows(NamedTuple):
    """Incoming rows: gaps filled with 0, and where the gaps are, as 0 and 1."""

    values: str
    missing: str
    mask: str


@lowers(KNNImputer)
def lower_neighbors(step: Step, matrix: Matrix, graph: Graph) -> Matrix:
    imputer = step.transformer
    _check(step)
    rows = _rows(matrix, imputer.missing_values, graph)
    distances = _distances(imputer, rows, matrix.n_columns, graph)
    valid = [int(position) for position in np.flatnonzero(imputer._valid_mask)]
    owners = all_owners(matrix)
    columns = []
    for position in valid:
        imputed = _impute(imputer, position, distances, graph)
        column = take(matrix, [position], graph).tensor
        gap = take(Matrix(rows.mask, matrix.owners), [position], graph).tensor
        filled = graph.add("Where", gap, imputed, column)
        columns.append(Matrix(filled, (owners,)))
    return with_indicator(imputer, concatenate(columns, graph), matrix, graph)


def _check(step: Step) -> None:
    imputer = step.transformer
    if imputer.metric != "nan_euclidean" or callable(imputer.weights):
        raise refuse(step, "it measures or weighs with a function of its own")
    if keeps_empty(imputer) and not imputer._valid_mask.all():
        raise refuse(step, "it keeps columns that were empty; drop them before it")
    rows = dense(step.sample)[:N_TIED_ROWS]
    share = count_ties(imputer, rows) / max(1, rows.size)
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


def _rows(matrix: Matrix, marker: Any, graph: Graph) -> _Rows:
    mask = missing_mask(matrix.tensor, marker, graph)
    values = graph.add("Where", mask, scalar(graph, 0.0), matrix.tensor)
    return _Rows(values, graph.add("Cast", mask, to=TensorProto.DOUBLE), mask)


def _distances(imputer: Any, rows: _Rows, n_columns: int, graph: Graph) -> str:
    """Return nan_euclidean_distances to every fitted row, in its order."""
    gaps = imputer._mask_fit_X.astype(np.float64)
    fitted = np.where(imputer._mask_fit_X, 0.0, imputer._fit_X)

    def product(left: str, right: Floats) -> str:
        return graph.add("MatMul", left, graph.constant(right.T, np.float64))

    axis = graph.constant([1], np.int64)
    squares = graph.add("Mul", rows.values, rows.values)
    twice = graph.add("Mul", product(rows.values, fitted), scalar(graph, -2.0))
    total = graph.add("Add", twice, graph.add("ReduceSum", squares, axis))
    norms = np.einsum("ij,ij->i", fitted, fitted)[None]
    total = _at_least_zero(graph, graph.add("Add", total, graph.constant(norms)))
    total = graph.add("Sub", total, product(squares, gaps))
    total = graph.add("Sub", total, product(rows.missing, fitted * fitted))
    total = _at_least_zero(graph, total)
    known = graph.add("Sub", scalar(graph, 1.0), rows.missing)
    n_shared = product(known, 1 - gaps)
    # no shared column: infinitely far, where scikit-learn writes NaN
    none = graph.add("Equal", n_shared, scalar(graph, 0.0))
    total = graph.add("Div", total, n_shared)
    total = graph.add("Mul", total, scalar(graph, float(n_columns)))
    root = graph.add("Sqrt", total)
    return graph.add("Where", none, scalar(graph, np.inf), root)


def _at_least_zero(graph: Graph, x: str) -> str:
    return graph.add("Max", x, scalar(graph, 0.0))


def _impute(imputer: Any, position: int, distances: str, graph: Graph) -> str:
    """Return what one column would be filled with, shape (n_rows, 1)."""
    donors = np.flatnonzero(~imputer._mask_fit_X[:, position])
    values = imputer._fit_X[donors, position]
    n_neighbors = min(imputer.n_neighbors, len(donors))
    if len(donors) < len(imputer._fit_X):
        index = graph.constant(donors, np.int64)
        distances = graph.add("Gather", distances, index, axis=1)
    count = graph.constant([n_neighbors], np.int64)
    nearest, index = graph.add_many("TopK", distances, count, n_outputs=2, largest=0)
    chosen = graph.add("Gather", graph.constant(values, np.float64), index)
    weights = _weights(imputer, nearest, graph)
    axis = graph.constant([1], np.int64)
    weighted = graph.add("ReduceSum", graph.add("Mul", chosen, weights), axis)
    total = graph.add("ReduceSum", weights, axis)
    first = graph.add("Gather", nearest, graph.constant([0], np.int64), axis=1)
    alone = graph.add("IsInf", first)
    mean = scalar(graph, float(values.mean()))
    return graph.add("Where", alone, mean, graph.add("Div", weighted, total))


def _weights(imputer: Any, nearest: str, graph: Graph) -> str:
    one, zero = scalar(graph, 1.0), scalar(graph, 0.0)
    if imputer.weights == "uniform":
        far_weight = one if _counts_far_rows(imputer) else zero
        return graph.add("Where", graph.add("IsInf", nearest), far_weight, one)
    weights = graph.add("Reciprocal", nearest)
    # where a fitted row is at distance 0, only such rows count
    axis = graph.constant([1], np.int64)
    same = graph.add("Equal", nearest, zero)
    exact = graph.add("Cast", same, to=TensorProto.DOUBLE)
    any_same = graph.add("Greater", graph.add("ReduceMax", exact, axis), zero)
    return graph.add("Where", any_same, exact, weights)


def _counts_far_rows(imputer: Any) -> bool:
    """Ask whether this release counts neighbours that share no column (1.3 does)."""
    distances, values = np.array([[np.nan, 1.0]]), np.array([0.0, 1.0])
    mean = imputer._calc_impute(distances, 2, values, np.zeros(2, bool))
    return float(mean[0]) < 1
