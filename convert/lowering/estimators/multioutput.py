"""One estimator for each target."""

from typing import Any

import numpy as np

from convert.errors import Unsupported
from convert.graph.arithmetic import concat
from convert.graph.builder import Graph, Tensor
from convert.lowering.estimators import emit
from convert.lowering.outputs import Outputs, prediction
from convert.lowering.registry import emits


@emits("sklearn.MultiOutputRegressor")
def emit_targets(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Emit one regressor a target."""
    members = [
        emit(graph, member, matrix, n_columns) for member in estimator.estimators_
    ]
    return Outputs(concat(graph, [prediction(member) for member in members]))


@emits("sklearn.RegressorChain")
def emit_chain(graph: Graph, estimator: Any, matrix: Tensor, n_columns: int) -> Outputs:
    """Each target is predicted from the columns and the targets before it."""
    found: list[Tensor] = []
    for member in estimator.estimators_:
        wide = concat(graph, [matrix, *found])
        outputs = emit(graph, member, wide, n_columns + len(found))
        found.append(prediction(outputs))
    order = np.argsort(estimator.order_)
    return Outputs(concat(graph, [found[position] for position in order]))


@emits("sklearn.MultiOutputClassifier", "sklearn.ClassifierChain")
def refuse_labels(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Outputs:
    """Refuse several labels a row, which a signature has no output for.

    Raises
    ------
    Unsupported
        Always.
    """
    raise Unsupported(
        f"{type(estimator).__name__} predicts several labels a row: export each of its "
        "estimators_ apart"
    )
