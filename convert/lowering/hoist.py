"""Moves preprocessing out of the members of an ensemble, to before the ensemble.

A vote of pipelines that each encode the raw columns has no one matrix to start
from. The members' preprocessors are lowered side by side into one; each member then
takes its own columns of it.
"""

import copy
from collections.abc import Callable, Sequence
from typing import Any

from sklearn.pipeline import Pipeline

from convert.errors import Unsupported
from convert.fitted.structure import holds_one
from convert.graph.blocks import Matrix, join, select
from convert.graph.builder import Graph
from convert.lowering.registry import lowers
from convert.lowering.step import Step


class Taken:
    """Stands in a member for the preprocessing that was moved out of it."""

    def __init__(self, positions: Sequence[int], n_features_in: int) -> None:
        self.positions = positions
        self.n_features_in_ = n_features_in


@lowers("convert.Taken")
def lower_taken(graph: Graph, step: Step, matrix: Matrix) -> Matrix:
    return select(graph, matrix, step.transformer.positions)


def hoist(
    graph: Graph,
    estimator: Any,
    members: Sequence[Any],
    lower_member: Callable[[Any], tuple[Matrix, Any]],
) -> tuple[Any, Matrix]:
    """Return the ensemble over one matrix, and that matrix.

    Parameters
    ----------
    lower_member
        Lowers the steps of a member; returns their matrix and its estimator.

    Raises
    ------
    Unsupported
        The ensemble hands raw columns to its final estimator.
    """
    if getattr(estimator, "passthrough", False):
        raise Unsupported(
            f"{type(estimator).__name__} with passthrough=True hands raw columns to "
            f"its final estimator: put the preprocessing before it, or set it to False"
        )
    lowered = [lower_member(member) for member in members]
    matrix = join(graph, [part for part, _ in lowered])
    replaced, start = [], 0
    for part, last in lowered:
        end = start + part.n_columns
        taken = Taken(range(start, end), matrix.n_columns)
        replaced.append(Pipeline([("columns", taken), ("estimator", last)]))
        start = end
    return _with_members(estimator, replaced), matrix


def _with_members(estimator: Any, members: list[Pipeline]) -> Any:
    changed = copy.copy(estimator)
    vars(changed).pop("n_features_in_", None)
    if holds_one(estimator):
        (changed.estimator_,) = members
        return changed
    if not hasattr(estimator, "calibrated_classifiers_"):
        changed.estimators_ = members
        return changed
    pairs = zip(estimator.calibrated_classifiers_, members, strict=True)
    changed.calibrated_classifiers_ = [
        _with_estimator(each, member) for each, member in pairs
    ]
    return changed


def _with_estimator(calibrated: Any, member: Pipeline) -> Any:
    changed = copy.copy(calibrated)
    changed.estimator = member
    return changed
