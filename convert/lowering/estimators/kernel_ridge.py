"""Kernel ridge regression: one kernel matrix, one product."""

from typing import Any

import numpy as np
import numpy.typing as npt

from convert.fitted.plain import dense
from convert.graph.builder import Graph, Tensor
from convert.lowering.estimators.pairwise import kernel_matrix
from convert.lowering.outputs import Outputs
from convert.lowering.registry import emits

Floats = npt.NDArray[np.float64]


@emits("sklearn.KernelRidge")
def emit_ridge(graph: Graph, estimator: Any, matrix: Tensor, n_columns: int) -> Outputs:
    """Emit K(x, X) · weights.

    Murphy (2012), Machine Learning: A Probabilistic Perspective, 14.4.3.

    Raises
    ------
    Unsupported
        The kernel has no form in ONNX.
    """
    gamma = 1.0 / n_columns if estimator.gamma is None else estimator.gamma
    similarity = kernel_matrix(
        graph,
        matrix,
        dense(estimator.X_fit_),
        kernel=estimator.kernel,
        gamma=gamma,
        degree=estimator.degree,
        coef0=estimator.coef0,
    )
    weights = np.asarray(estimator.dual_coef_, np.float64)
    weights = weights.reshape(len(weights), -1)
    return Outputs(graph.add("MatMul", similarity, graph.constant(weights)))
