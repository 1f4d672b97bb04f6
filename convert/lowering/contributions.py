"""Gives the prediction of a linear model back to the features, in shares that add up.

Each column of the preprocessed matrix moves the prediction by (x − mean) · weight.
The feature that owns the column gets that; where several own it, as they own a
product or a principal component, they get equal parts of it.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from convert.fitted.linear import read_sum
from convert.fitted.oracle import Oracle
from convert.graph.blocks import Matrix
from convert.graph.builder import Graph, Tensor

Floats = npt.NDArray[np.float64]


class Weights(NamedTuple):
    """A linear regressor around the average row of its matrix, one item a column.

    Parameters
    ----------
    baseline
        The average prediction.
    """

    means: Floats
    weights: Floats
    baseline: float


def read_weights(oracle: Oracle, frame: pd.DataFrame) -> Weights | None:
    """Return the weights, if a weighted sum is all that the regressor computes.

    Parameters
    ----------
    frame
        Rows that the pipeline takes; they give the averages.
    """
    found = read_sum(oracle, frame)
    if found is None:
        return None
    means = found.matrix.mean(axis=0)
    baseline = math.fsum([*(means * found.weights), found.intercept])
    return Weights(means, found.weights, baseline)


def add_contributions(
    graph: Graph, matrix: Matrix, weights: Weights, n_features: int
) -> Tensor:
    """Add the output's tensor, float64 (n_rows, n_features)."""
    moved = graph.add("Sub", matrix.tensor, graph.constant(weights.means[None]))
    added = graph.add("Mul", moved, graph.constant(weights.weights[None]))
    return graph.add("MatMul", added, graph.constant(_shares(matrix, n_features)))


def _shares(matrix: Matrix, n_features: int) -> Floats:
    shares = np.zeros((matrix.n_columns, n_features))
    for column, owners in enumerate(matrix.owners):
        shares[column, sorted(owners)] = 1 / max(len(owners), 1)
    return shares
