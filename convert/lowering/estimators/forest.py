"""scikit-learn's trees and forests, and the boosting built on them.

They compare float32(x) with a double threshold, so the matrix goes to float32
and back, and everything else is double. skl2onnx does not read where a tree
sends a missing value (onnx/sklearn-onnx#1253).
"""

from typing import Any

import numpy as np
from onnx import TensorProto

from convert.errors import Unsupported
from convert.graph.arithmetic import axes
from convert.graph.builder import Graph, Tensor
from convert.graph.tree_ensemble import Floats, Tree, ensemble, leaves, tree
from convert.lowering.outputs import Outputs, from_probabilities
from convert.lowering.registry import emits


@emits(
    "sklearn.DecisionTreeRegressor",
    "sklearn.ExtraTreeRegressor",
    "sklearn.ExtraTreesRegressor",
    "sklearn.RandomForestRegressor",
)
def emit_regressor(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit Σ tree(x) / n_trees.

    Breiman (2001), Random forests, Machine Learning 45, 5-32; Geurts et al. (2006),
    Extremely randomized trees, Machine Learning 63, 3-42.
    """
    rounded = as_float32(graph, matrix)
    fitted = trees_of(estimator)
    if estimator.n_outputs_ == 1:
        total = ensemble(graph, rounded, [read_tree(member) for member in fitted])
        return Outputs(graph.add("Div", total, graph.constant(len(fitted))))
    return Outputs(_average(graph, rounded, fitted, _values))


@emits(
    "sklearn.DecisionTreeClassifier",
    "sklearn.ExtraTreeClassifier",
    "sklearn.ExtraTreesClassifier",
    "sklearn.RandomForestClassifier",
)
def emit_classifier(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit the average of the class shares in the leaves, Σ share(x) / n_trees.

    scikit-learn's user guide, "Random forests": not a vote, as Breiman (2001) has it.

    Raises
    ------
    Unsupported
        It was fitted on several labels a row.
    """
    if estimator.n_outputs_ != 1:
        raise Unsupported(
            f"{type(estimator).__name__} was fitted on {estimator.n_outputs_} labels "
            "a row: fit one classifier for each label"
        )
    rounded = as_float32(graph, matrix)
    fitted = trees_of(estimator)
    return from_probabilities(graph, _average(graph, rounded, fitted, class_shares))


def trees_of(estimator: Any) -> list[Any]:
    """Return the trees of a forest, or the one tree itself."""
    return list(getattr(estimator, "estimators_", [estimator]))


def as_float32(graph: Graph, matrix: Tensor) -> Tensor:
    """Round to float32, as scikit-learn's trees do before they compare."""
    rounded = graph.add("Cast", matrix, to=TensorProto.FLOAT)
    return graph.add("Cast", rounded, to=TensorProto.DOUBLE)


def read_tree(member: Any) -> Tree:
    """Read a fitted tree with one output.

    Before 1.3 a tree knows no missing value, and scikit-learn refuses one.
    """
    fitted = member.tree_
    no_missing = np.zeros(fitted.node_count, np.bool_)
    return tree(
        feature=fitted.feature,
        threshold=fitted.threshold,
        left=fitted.children_left,
        right=fitted.children_right,
        missing_left=getattr(fitted, "missing_go_to_left", no_missing),
        value=fitted.value[:, 0, 0],
    )


def class_shares(member: Any) -> Floats:
    """Class frequencies, (n_nodes, n_classes); before 1.3 they were counts."""
    counts = member.tree_.value[:, 0, :]
    shares: Floats = counts / counts.sum(axis=1, keepdims=True)
    return shares if not np.allclose(counts.sum(axis=1), 1.0) else counts


def _values(member: Any) -> Floats:
    values: Floats = member.tree_.value[:, :, 0]
    return values


def _average(graph: Graph, matrix: Tensor, members: list[Any], table: Any) -> Tensor:
    reached = leaves(
        graph,
        matrix,
        [read_tree(member) for member in members],
        [table(member) for member in members],
    )
    total = graph.add("ReduceSum", reached, axes(graph, 1), keepdims=0)
    return graph.add("Div", total, graph.constant(len(members)))


def class_index(graph: Graph, matrix: Tensor, members: list[Any]) -> Tensor:
    """Index of the class that each tree predicts, int64 (n_rows, n_trees, 1)."""
    reached = leaves(
        graph,
        matrix,
        [read_tree(member) for member in members],
        [class_shares(member) for member in members],
    )
    return graph.add("ArgMax", reached, axis=2, keepdims=1)
