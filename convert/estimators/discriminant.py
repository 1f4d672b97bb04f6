"""Quadratic discriminant analysis and nearest centroids.

(The linear kind is in `linear`: skl2onnx takes sigmoid(2z) for its sigmoid(z).)
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from convert.estimators import Outputs, emits
from convert.estimators.distances import manhattan, squared_differences
from convert.estimators.links import (
    argmax,
    columns,
    concat,
    constant,
    row_sum,
    softmax,
)
from convert.graph import Graph
from convert.refusal import Refusal


@emits("sklearn.QuadraticDiscriminantAnalysis")
def emit_quadratic(
    estimator: Any, graph: Graph, matrix: str, n_columns: int
) -> Outputs:
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
    halved = graph.add("Mul", distances, constant(graph, -0.5))
    offset = constant(graph, np.log(estimator.priors_) - 0.5 * sizes)
    return _discriminated(graph, graph.add("Add", halved, offset), estimator)


@emits("sklearn.NearestCentroid")
def emit_centroid(estimator: Any, graph: Graph, matrix: str, n_columns: int) -> Outputs:
    priors = getattr(estimator, "class_prior_", None)
    if estimator.metric not in ("euclidean", "manhattan"):
        raise Refusal(
            f"NearestCentroid has the metric {estimator.metric!r}: use euclidean or "
            "manhattan"
        )
    distances = _distances(estimator, graph, matrix, estimator.centroids_)
    nearest = graph.add("ArgMin", distances, axis=1, keepdims=1)
    if priors is None:
        return Outputs(label_index=nearest)
    spread = estimator.within_class_std_dev_
    spread = np.where(spread == 0, 1.0, spread)
    scaled = graph.add("Div", matrix, constant(graph, spread))
    distances = _distances(estimator, graph, scaled, estimator.centroids_ / spread)
    offset = constant(graph, 2.0 * np.log(priors))
    outputs = _discriminated(graph, graph.add("Sub", offset, distances), estimator)
    if estimator.metric == "manhattan":
        outputs = Outputs(label_index=outputs.label_index)
    if np.isclose(priors, 1 / len(estimator.classes_)).all():
        return outputs._replace(label_index=nearest)
    return outputs


def _distances(
    estimator: Any, graph: Graph, matrix: str, points: npt.NDArray[np.float64]
) -> str:
    """Squared, as the discriminant scores take them; their order is the same."""
    if estimator.metric == "manhattan":
        distances = manhattan(graph, matrix, points)
        return graph.add("Mul", distances, distances)
    return squared_differences(graph, matrix, points)


def _mahalanobis(graph: Graph, matrix: str, mean: Any, whitening: Any) -> str:
    centred = graph.add("Sub", matrix, constant(graph, mean))
    white = graph.add("MatMul", centred, constant(graph, whitening))
    return row_sum(graph, graph.add("Mul", white, white))


def _discriminated(graph: Graph, scores: str, estimator: Any) -> Outputs:
    decision = scores
    if len(estimator.classes_) == 2:
        second, first = columns(graph, scores, [1]), columns(graph, scores, [0])
        decision = graph.add("Sub", second, first)
    return Outputs(None, softmax(graph, scores), argmax(graph, scores), decision)
