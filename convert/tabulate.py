"""Turns a fitted branch on categories into tables.

A branch on columns of categories is, column by column, a function on a finite set.
The user's own fitted branch is run on every value of that set, so one mechanism
serves every imputer, encoder and whatever is scaled behind them.

Where every step is scikit-learn's, the set is closed: all other values are unknown,
and get one answer. What is not scikit-learn's may answer any value in its own way, so
its tables hold what it was asked for, and refuse the rest.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.pipeline import Pipeline

from convert.graph import Graph
from convert.preprocessing.blocks import Column, Frame, Matrix, concatenate, take
from convert.preprocessing.domains import (
    UNKNOWN_NUMBERS,
    known_values,
    unknown_values,
)
from convert.preprocessing.lookup import add_lookup
from convert.preprocessing.missing import missing_value
from convert.preprocessing.own import foreign_steps
from convert.preprocessing.probe import Floats, NotNumbers, Probe
from convert.preprocessing.registry import Step, path, refuse
from convert.refusal import Refusal

Mask = npt.NDArray[np.bool_]

N_CHECKED_ROWS = 200

MAX_CELLS = 50_000_000
"""Of one table while it is made: 0.4 GB."""


class NotTabular(Refusal):
    """The branch is not a function of one column at a time."""


class Table(NamedTuple):
    """What one column's values turn into, the other columns being equal.

    Parameters
    ----------
    values
        Known values; a missing and an unknown one follow them in `rows`.
    rows
        Shape (len(values) + 2, n_outputs); NaN where scikit-learn raises.
    taken
        Which of the rows scikit-learn does not reject, shape (len(values) + 2,).
    moves
        Which outputs depend on the column, shape (n_outputs,).
    """

    column: Column
    values: list[Any]
    rows: Floats
    taken: Mask
    moves: Mask


def tabulate(step: Step, frame: Frame, graph: Graph) -> Matrix:
    """Lower a fitted branch on categories, whatever its classes.

    Raises
    ------
    NotTabular
        Two columns move one output, or the branch gives no numbers.
    Refusal
        Unknown values get different answers, so that no table says it.
    """
    if getattr(step.sample, "ndim", 2) != 2:
        raise _not_tabular(step, "it reads a single column as a list")
    probe = Probe(step.transformer, step.sample)
    try:
        tables = [
            _tabulate_column(step, probe, column, position)
            for position, column in enumerate(frame.columns)
        ]
    except NotNumbers as error:
        raise _not_tabular(step, f"it gives no numbers ({error})") from error
    _check_columnwise(step, tables)
    _check_rows(step, probe, tables)
    return _emit(tables, graph)


def _not_tabular(step: Step, reason: str) -> NotTabular:
    return NotTabular(str(refuse(step, reason)))


def _tabulate_column(step: Step, probe: Probe, column: Column, position: int) -> Table:
    cells = probe.frame.iloc[:, position]
    values = known_values(step.transformer, probe.frame, position, column)
    base = probe.answers([{}])[0]
    if base is None:
        raise _not_tabular(step, "it does not take the first row of the sample")
    _check_size(step, column, len(values), len(base))
    known = probe.answers([{position: value} for value in values])
    missing = probe.answers([{position: missing_value(cells)}])
    is_closed = next(foreign_steps(step.transformer), None) is None
    unknown = None
    if is_closed:
        unknown = _unknown_answer(step, probe, column, position, values)
    elif not (column.text or column.values or _is_boolean(values)):
        _check_unread(step, probe, column, position, [*values, *UNKNOWN_NUMBERS])
    answers = [*known, *missing, unknown]
    refused = np.full_like(base, np.nan)
    rows = np.array([refused if row is None else row for row in answers])
    taken = np.array([row is not None for row in answers])
    moves = np.logical_not(_same(rows[taken], base[None]).all(axis=0))
    return Table(column, values, rows, taken, moves)


def _is_boolean(values: list[Any]) -> bool:
    return bool(values) and all(isinstance(value, bool | np.bool_) for value in values)


def _check_size(step: Step, column: Column, n_values: int, n_outputs: int) -> None:
    if n_values * n_outputs > MAX_CELLS:
        raise refuse(
            step,
            f"{column.name!r} has {n_values} values for {n_outputs} outputs; group "
            f"rare ones (min_frequency, max_categories) or use TargetEncoder",
        )


def _unknown_answer(
    step: Step, probe: Probe, column: Column, position: int, values: list[Any]
) -> Floats | None:
    """Return the one answer that every unknown value gets; None for an error."""
    unknown = unknown_values(values, column.text)
    first, *others = probe.answers([{position: value} for value in unknown])
    for value, answer in zip(unknown[1:], others, strict=True):
        if (first is None) != (answer is None) or (
            first is not None and answer is not None and not _same(first, answer).all()
        ):
            raise refuse(
                step,
                f"it tells unknown values of {column.name!r} apart ({unknown[0]!r} "
                f"and {value!r} differ), so no table holds it; compute the column "
                f"before the pipeline",
            )
    return first


def _check_unread(
    step: Step, probe: Probe, column: Column, position: int, numbers: list[Any]
) -> None:
    """Refuse a column of any numbers that somebody's step makes something of."""
    first, *others = probe.answers([{position: number} for number in numbers])
    if first is None or any(o is None or not _same(first, o).all() for o in others):
        raise refuse(
            _first_foreign(step),
            f"it is not scikit-learn's and is given {column.name!r} too, of whose "
            f"numbers a table holds only some: give it its columns of categories only, "
            f"in a ColumnTransformer, or compute what it gives before the pipeline",
        )


def _first_foreign(step: Step) -> Step:
    """Return the step inside a pipeline that is the first not scikit-learn's."""
    if not isinstance(step.transformer, Pipeline):
        return step
    for name, inner in step.transformer.steps:
        if next(foreign_steps(inner), None) is not None:
            return _first_foreign(Step(path(step, name), inner, step.sample))
    return step


def _same(left: Floats, right: Floats) -> Mask:
    return np.asarray((left == right) | (np.isnan(left) & np.isnan(right)))


def _check_columnwise(step: Step, tables: Sequence[Table]) -> None:
    moved_by = np.sum([table.moves for table in tables], axis=0)
    if (moved_by > 1).any():
        output = int(np.argmax(moved_by))
        names = [table.column.name for table in tables if table.moves[output]]
        raise _not_tabular(
            step, f"output {output} depends on {names[0]!r} and {names[1]!r} together"
        )


def _check_rows(step: Step, probe: Probe, tables: Sequence[Table]) -> None:
    """Compare the tables with the branch where several columns change at once.

    A product of two columns, for instance, can hide behind a factor of zero.
    """
    rng = np.random.default_rng(0)
    choices = [np.flatnonzero(table.taken[: len(table.values)]) for table in tables]
    if min(map(len, choices)) == 0:
        return
    picks = [[int(rng.choice(c)) for c in choices] for _ in range(N_CHECKED_ROWS)]
    changes = [
        {position: tables[position].values[pick] for position, pick in enumerate(row)}
        for row in picks
    ]
    expected = probe.answers(changes)
    for row, answer in zip(picks, expected, strict=True):
        if answer is None or not np.allclose(
            _assemble(tables, row), answer, rtol=1e-9, atol=1e-9, equal_nan=True
        ):
            raise _not_tabular(step, "its columns act together, not one by one")


def _assemble(tables: Sequence[Table], picks: Sequence[int]) -> Floats:
    result: Floats = tables[0].rows[picks[0]].copy()
    for table, pick in zip(tables, picks, strict=True):
        result[table.moves] = table.rows[pick][table.moves]
    return result


def _emit(tables: Sequence[Table], graph: Graph) -> Matrix:
    """Add one lookup a column, and put the outputs back into their order."""
    constant = ~np.any([table.moves for table in tables], axis=0)
    parts, order = [], []
    for position, table in enumerate(tables):
        chosen = table.moves | constant if position == 0 else table.moves
        outputs = np.flatnonzero(chosen)
        if len(outputs) == 0:
            continue
        tensor = add_lookup(table.column, table.values, table.rows[:, outputs], graph)
        owners = tuple(
            table.column.owners if table.moves[output] else frozenset()
            for output in outputs
        )
        parts.append(Matrix(tensor, owners))
        order += outputs.tolist()
    return take(concatenate(parts, graph), np.argsort(order).tolist(), graph)
