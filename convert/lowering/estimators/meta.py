"""Estimators that hold one fitted estimator and change what goes in or comes out."""

from typing import Any

import numpy as np

from convert.graph.arithmetic import columns
from convert.graph.builder import Graph, Tensor
from convert.lowering.estimators import emit
from convert.lowering.outputs import Outputs, prediction
from convert.lowering.preprocessing.inverse import invert
from convert.lowering.registry import emits
from convert.lowering.transformers import lower_matrix


@emits("sklearn.RANSACRegressor")
def emit_ransac(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit the regressor of the final consensus set.

    Fischler and Bolles (1981), Random sample consensus, CACM 24 (6), 381-395.
    """
    return emit(graph, estimator.estimator_, matrix, n_columns)


@emits("sklearn.RFE", "sklearn.RFECV")
def emit_elimination(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit the estimator over the columns that the elimination left.

    Guyon et al. (2002), Gene selection for cancer classification using support vector
    machines, Machine Learning 46, 389-422.
    """
    kept = np.flatnonzero(estimator.support_)
    chosen = columns(graph, matrix, kept)
    return emit(graph, estimator.estimator_, chosen, len(kept))


@emits("sklearn.TransformedTargetRegressor")
def emit_target(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit g⁻¹(f(x)), for the f that was fitted on g(y).

    scikit-learn's user guide, "Transforming target in regression".

    Raises
    ------
    Unsupported
        The transformer has no exact inverse in ONNX.
    """
    outputs = emit(graph, estimator.regressor_, matrix, n_columns)
    return Outputs(invert(graph, estimator.transformer_, prediction(outputs)))


@emits("sklearn.Pipeline")
def emit_pipeline(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Lower every step but the last, as a block over a matrix of doubles."""
    for _, step in estimator.steps[:-1]:
        if step is not None and step != "passthrough":
            matrix, n_columns = lower_matrix(graph, step, matrix, n_columns)
    return emit(graph, estimator.steps[-1][1], matrix, n_columns)
