"""Quadratic discriminant analysis and nearest centroids.

(The linear kind is in `linear_model`: skl2onnx takes sigmoid(2z) for its sigmoid(z).)
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from convert.errors import Unsupported
from convert.graph.arithmetic import argmax, columns, concat, row_sum, softmax
from convert.graph.builder import Graph, Tensor
from convert.lowering.estimators.pairwise import manhattan, squared_differences
from convert.lowering.outputs import Outputs
from convert.lowering.registry import emits


@emits("sklearn.QuadraticDiscriminantAnalysis")
def emit_quadratic(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit log P(y) − ½ log |Σ| − ½ (x − μ)ᵀ Σ⁻¹ (x − μ) for each class.

    scikit-learn's user guide, "Mathematical formulation of the LDA and QDA
    classifiers".
    """
    classes = zip(
        estimator.means_, estimator.rotations_, estimator.scalings_, strict=True
    )
    distances = concat(
        graph,
        [
            _mahalanobis(graph, matrix, mean, rotation * scaling**-0.5)
            for mean, rotation, scaling in classes
        ],
    )
    sizes = np.array([np.log(scaling).sum() for scaling in estimator.scalings_])
    halved = graph.add("Mul", distances, graph.constant(-0.5))
    offset = graph.constant(np.log(estimator.priors_) - 0.5 * sizes)
    return _discriminated(graph, graph.add("Add", halved, offset), estimator)


@emits("sklearn.NearestCentroid")
def emit_centroid(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit the nearest centroid and, with priors, 2 log P(y) − |(x − c) / s|².

    Tibshirani et al. (2002), Diagnosis of multiple cancer types by shrunken centroids
    of gene expression, PNAS 99 (10), 6567-6572.

    Raises
    ------
    Unsupported
        Its metric is neither euclidean nor manhattan.
    """
    priors = getattr(estimator, "class_prior_", None)
    if estimator.metric not in ("euclidean", "manhattan"):
        raise Unsupported(
            f"NearestCentroid has the metric {estimator.metric!r}: use euclidean or "
            "manhattan"
        )
    distances = _distances(graph, estimator, matrix, estimator.centroids_)
    nearest = graph.add("ArgMin", distances, axis=1, keepdims=1)
    if priors is None:
        return Outputs(label_index=nearest)
    spread = estimator.within_class_std_dev_
    spread = np.where(spread == 0, 1.0, spread)
    scaled = graph.add("Div", matrix, graph.constant(spread))
    distances = _distances(graph, estimator, scaled, estimator.centroids_ / spread)
    offset = graph.constant(2.0 * np.log(priors))
    outputs = _discriminated(graph, graph.add("Sub", offset, distances), estimator)
    if estimator.metric == "manhattan":
        outputs = Outputs(label_index=outputs.label_index)
    if np.isclose(priors, 1 / len(estimator.classes_)).all():
        return outputs._replace(label_index=nearest)
    return outputs


def _distances(
    graph: Graph, estimator: Any, matrix: Tensor, points: npt.NDArray[np.float64]
) -> Tensor:
    """Squared, as the discriminant scores take them; their order is the same."""
    if estimator.metric == "manhattan":
        distances = manhattan(graph, matrix, points)
        return graph.add("Mul", distances, distances)
    return squared_differences(graph, matrix, points)


def _mahalanobis(graph: Graph, matrix: Tensor, mean: Any, whitening: Any) -> Tensor:
    centred = graph.add("Sub", matrix, graph.constant(mean))
    white = graph.add("MatMul", centred, graph.constant(whitening))
    return row_sum(graph, graph.add("Mul", white, white))


def _discriminated(graph: Graph, scores: Tensor, estimator: Any) -> Outputs:
    decision = scores
    if len(estimator.classes_) == 2:
        second, first = columns(graph, scores, [1]), columns(graph, scores, [0])
        decision = graph.add("Sub", second, first)
    return Outputs(None, softmax(graph, scores), argmax(graph, scores), decision)
