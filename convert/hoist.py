"""Moves preprocessing out of the members of an ensemble, to before the ensemble.

A vote of pipelines that each encode the raw columns has no one matrix to start
from. The members' preprocessors are lowered side by side into one; each member then
takes its own columns of it.
"""

import copy
from collections.abc import Callable, Sequence
from typing import Any

from sklearn.pipeline import Pipeline

from convert.graph import Graph
from convert.preprocessing.blocks import Matrix, concatenate, take
from convert.preprocessing.own import unwrap
from convert.preprocessing.registry import Step, lowers
from convert.refusal import Refusal


class Taken:
    """Stands in a member for the preprocessing that was moved out of it."""

    def __init__(self, positions: Sequence[int], n_features_in: int) -> None:
        self.positions = positions
        self.n_features_in_ = n_features_in


@lowers(Taken)
def lower_taken(step: Step, matrix: Matrix, graph: Graph) -> Matrix:
    return take(matrix, step.transformer.positions, graph)


def members_of(estimator: Any) -> list[Any]:
    """Return the pipelines that a vote, a stack or a calibration holds, if it does."""
    calibrated = getattr(estimator, "calibrated_classifiers_", None)
    if calibrated is not None:
        members = [calibrated_member(each) for each in calibrated]
    else:
        members = list(getattr(estimator, "estimators_", []))
    are_pipelines = any(isinstance(unwrap(each), Pipeline) for each in members)
    return members if are_pipelines else []


def calibrated_member(calibrated: Any) -> Any:
    """Return the classifier under a calibration; before 1.2 it had another name."""
    if hasattr(calibrated, "estimator"):
        return calibrated.estimator
    return calibrated.base_estimator


def hoist(
    estimator: Any,
    members: Sequence[Any],
    lower_member: Callable[[Any], tuple[Matrix, Any]],
    graph: Graph,
) -> tuple[Any, Matrix]:
    """Return the ensemble over one matrix, and that matrix.

    Parameters
    ----------
    lower_member
        Lowers the steps of a member; returns their matrix and its estimator.
    """
    if getattr(estimator, "passthrough", False):
        raise Refusal(
            f"{type(estimator).__name__} with passthrough=True hands raw columns to "
            f"its final estimator: put the preprocessing before it, or set it to False"
        )
    lowered = [lower_member(member) for member in members]
    matrix = concatenate([part for part, _ in lowered], graph)
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
