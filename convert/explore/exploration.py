"""Computes all that the report says about a table, before a word is written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from convert.errors import Invalid, suggest
from convert.explore.association import association_matrix
from convert.explore.columns import Floats, Variable, read_columns
from convert.explore.findings import Effect, GroupEffect, companions, rank_effects
from convert.explore.interactions import (
    Interaction,
    Reversal,
    find_interactions,
    find_reversals,
)
from convert.explore.outcome import Outcome, outcomes_of
from convert.explore.overview import Remark, leaks, remarks

Progress = Callable[[str], None]

MAX_MATRIX = 20
"""Columns in the matrix of associations: beyond, its figures cannot be read."""


@dataclass(frozen=True, eq=False)
class Exploration:
    """What was found in one table about one target.

    Attributes
    ----------
    columns
        All, in the table's order, the target among them.
    features
        Those that can be compared with the target.
    ranked
        The features' effects on the target, the largest first.
    companions
        Numbers that move with the target.
    interactions
        Of the features with the largest effects; empty for more than two classes.
    matrix
        Associations of `matrix_columns`, of which the target is the first.
    n_duplicates
        Rows that repeat an earlier row.
    """

    columns: list[Variable]
    target: Variable
    features: list[Variable]
    outcomes: list[Outcome]
    ranked: list[Effect]
    companions: list[Variable]
    reversals: list[Reversal]
    interactions: list[Interaction]
    matrix_columns: list[Variable]
    matrix: Floats
    remarks: list[Remark]
    leaks: list[Remark]
    n_duplicates: int

    @property
    def n_rows(self) -> int:
        return len(self.target.present)


def explore_table(
    frame: pd.DataFrame, target_name: str, progress: Progress
) -> Exploration:
    """Compute the findings.

    Raises
    ------
    Refusal
        The target is not there, or has nothing to explain.
    """
    names = [str(name) for name in frame.columns]
    _check_names(names, target_name)
    progress("reading columns")
    columns = read_columns(frame)
    target = columns[names.index(target_name)]
    _check_target(target)
    features = [
        column for column in columns if column is not target and column.is_comparable
    ]
    outcomes = outcomes_of(target)
    progress("measuring effects")
    ranked = rank_effects(features, outcomes)
    by_strength = [effect.feature for effect in ranked]
    others = companions(target, features)
    matrix_columns = [target, *by_strength][:MAX_MATRIX]
    progress("comparing columns with each other")
    return Exploration(
        columns=columns,
        target=target,
        features=features,
        outcomes=outcomes,
        ranked=ranked,
        companions=others,
        reversals=find_reversals(_clear_groups(ranked), target, others),
        interactions=_interactions(by_strength, outcomes),
        matrix_columns=matrix_columns,
        matrix=association_matrix(matrix_columns),
        remarks=remarks(columns),
        leaks=leaks(features, target),
        n_duplicates=int(frame.duplicated().sum()) if names else 0,
    )


def _clear_groups(ranked: Sequence[Effect]) -> list[GroupEffect]:
    return [
        effect
        for effect in ranked
        if isinstance(effect, GroupEffect) and effect.is_clear
    ]


def _interactions(
    features: Sequence[Variable], outcomes: Sequence[Outcome]
) -> list[Interaction]:
    return find_interactions(features, outcomes[0]) if len(outcomes) == 1 else []


def _check_names(names: Sequence[str], target_name: str) -> None:
    if target_name not in names:
        raise Invalid(
            f"the table has no column {target_name!r}: {suggest(target_name, names)}"
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Invalid(
            f"the table has more than one column {twice[0]!r}: give each its own name"
        )


def _check_target(target: Variable) -> None:
    name = repr(target.name)
    if target.kind == "empty":
        raise Invalid(f"the target {name} has no values: fill it in, or name another")
    if target.n_distinct == 1:
        raise Invalid(
            f"the target {name} has the same value in all rows, which nothing can "
            "explain: name another target"
        )
    if target.kind == "text" or (target.kind == "category" and target.is_near_unique):
        raise Invalid(
            f"the target {name} is text ({target.n_distinct:,} different values in "
            f"{target.n_present:,} rows): name a number or one of a few classes"
        )
    if target.kind == "date":
        raise Invalid(
            f"the target {name} is a date: turn it into a number, such as days since "
            "a start, or name another target"
        )
