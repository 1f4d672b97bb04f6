"""Turns a fitted branch on categories into tables.

A branch on columns of categories is, column by column, a function on a finite set.
The user's own fitted branch is run on every value of that set, so one mechanism
serves every imputer, encoder and whatever is scaled behind them.

Where every step is scikit-learn's, the set is closed: all other values are unknown,
and get one answer. What is not scikit-learn's may answer any value in its own way, so
its tables hold what it was asked for, and refuse the rest.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.pipeline import Pipeline

from convert.errors import Refusal, listed
from convert.fitted.columnwise import is_columnwise
from convert.fitted.domains import (
    UNKNOWN_NUMBERS,
    known_values,
    unfitted_values,
)
from convert.fitted.missing import missing_value
from convert.fitted.own import foreign_steps
from convert.fitted.probe import Floats, NotNumbers, Probe
from convert.fitted.state import numbers_near, values_in
from convert.fitted.together import combinations, count, mixtures
from convert.graph.blocks import Column, Frame, Matrix, join, select
from convert.graph.builder import Graph
from convert.graph.lookup import add_lookup
from convert.lowering.step import Step, path, refuse

Mask = npt.NDArray[np.bool_]

MAX_ROWS = 500
"""That a branch is asked for at once."""

MAX_VARIED = 20_000
"""Rows in which a number is varied under the values of another column."""

MAX_CELLS = 50_000_000
"""Of one table while it is made: 0.4 GB."""


class NotTabular(Refusal):
    """The branch is not a function of one column at a time."""


class LookupTable(NamedTuple):
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


def tabulate(graph: Graph, step: Step, frame: Frame) -> Matrix:
    """Lower a fitted branch on categories, whatever its classes.

    Raises
    ------
    NotTabular
        Two columns move one output, or the branch gives no numbers or reads a single
        column as a list.
    Unsupported
        Unknown values get different answers, so that no table says it; there are too
        many values or combinations; or a step that is not scikit-learn's reads any
        number.
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
    _check_together(step, probe, tables)
    return _emit(graph, tables)


def _not_tabular(step: Step, reason: str) -> NotTabular:
    return NotTabular(str(refuse(step, reason)))


def _tabulate_column(
    step: Step, probe: Probe, column: Column, position: int
) -> LookupTable:
    cells = probe.frame.iloc[:, position]
    values = known_values(
        step.transformer, probe.frame, position, column.values, text=column.text
    )
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
    return LookupTable(column, values, rows, taken, moves)


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
    """Return the one answer that every unknown value gets; None for an error.

    Raises
    ------
    Unsupported
        If unknown values get different answers.
    """
    unknown = unfitted_values(values, column.text)
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
    """Refuse a column of any numbers that somebody's step makes something of.

    Raises
    ------
    Unsupported
        If one of the numbers is rejected, or two get different answers.
    """
    first, *others = probe.answers([{position: number} for number in numbers])
    if first is None or any(o is None or not _same(first, o).all() for o in others):
        raise _reads_too(step, column)


def _reads_too(step: Step, column: Column) -> Refusal:
    return refuse(
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


def _check_columnwise(step: Step, tables: Sequence[LookupTable]) -> None:
    moved_by = np.sum([table.moves for table in tables], axis=0)
    if (moved_by > 1).any():
        output = int(np.argmax(moved_by))
        names = [table.column.name for table in tables if table.moves[output]]
        raise _not_tabular(
            step, f"output {output} depends on {names[0]!r} and {names[1]!r} together"
        )


def _check_together(step: Step, probe: Probe, tables: Sequence[LookupTable]) -> None:
    """Compare the tables with the branch where several columns change at once.

    Of scikit-learn's own steps most are known to treat each column by itself, which
    random rows confirm. Others are asked for every combination.
    """
    choices = {
        position: np.flatnonzero(table.taken[: len(table.values) + 1]).tolist()
        for position, table in enumerate(tables)
    }
    if min(map(len, choices.values())) == 0:
        return
    if len(tables) == 1 or is_columnwise(step.transformer):
        picks = list(mixtures(choices))
    else:
        picks = _combinations(step, tables, choices)
    for some in _chunks(picks):
        _check_rows(step, probe, tables, some)
    if len(tables) > 1 and next(foreign_steps(step.transformer), None) is not None:
        _check_untouched(step, probe, tables, picks)


def _combinations(
    step: Step, tables: Sequence[LookupTable], choices: dict[int, list[int]]
) -> list[dict[int, int]]:
    """Return every choice of a row of each table.

    Raises
    ------
    NotTabular
        If there are too many, and all steps are scikit-learn's.
    Unsupported
        If there are too many, and a step is not scikit-learn's.
    """
    found = combinations(choices)
    n_cells = count(choices) * tables[0].rows.shape[1]
    if found is not None and n_cells <= MAX_CELLS:
        return found
    names = listed([table.column.name for table in tables], 4)
    if next(foreign_steps(step.transformer), None) is None:
        raise _not_tabular(step, f"{names} have too many combinations to ask for each")
    raise refuse(
        _first_foreign(step),
        f"it is not scikit-learn's and reads {names} together, {count(choices):,} "
        f"combinations of which each would have to be asked for: split it into one "
        f"step a column",
    )


def _check_rows(
    step: Step, probe: Probe, tables: Sequence[LookupTable], picks: list[dict[int, int]]
) -> None:
    found = probe.answers([_change(probe, tables, row) for row in picks])
    expected = _assemble(tables, picks)
    if any(answer is None for answer in found) or not np.allclose(
        np.array(found), expected, rtol=1e-9, atol=1e-9, equal_nan=True
    ):
        raise _not_tabular(step, "its columns act together, not one by one")


def _change(
    probe: Probe, tables: Sequence[LookupTable], picks: dict[int, int]
) -> dict[int, Any]:
    """Return the cells of a choice; behind the values of a table is a missing one."""
    return {
        position: tables[position].values[pick]
        if pick < len(tables[position].values)
        else missing_value(probe.frame.iloc[:, position])
        for position, pick in picks.items()
    }


class _Untouchable:
    """Stands for a number; whoever looks at it gets an error."""

    def _refuse(self, *_: Any) -> Any:
        raise TypeError("the number was looked at")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _refuse
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = _refuse
    __mod__ = __rmod__ = __pow__ = __rpow__ = __and__ = __rand__ = _refuse
    __or__ = __ror__ = __xor__ = __rxor__ = __invert__ = __neg__ = __pos__ = _refuse
    __abs__ = __round__ = __float__ = __int__ = __index__ = __bool__ = _refuse
    __hash__ = __len__ = __iter__ = __str__ = __repr__ = __format__ = _refuse


def _check_untouched(
    step: Step, probe: Probe, tables: Sequence[LookupTable], picks: list[dict[int, int]]
) -> None:
    """Refuse a step of somebody that looks at a number which its table leaves out.

    It may do so under one category only, or for one number that nobody knows: the
    number is varied under every value, and hidden under every combination.
    """
    for position, table in enumerate(tables):
        if not _is_open(table):
            continue
        numbers = [*table.values, *UNKNOWN_NUMBERS, *_held_numbers(step)]
        changes = [
            {other: value, position: number}
            for other, beside in enumerate(tables)
            if not _is_open(beside)
            for value in beside.values[: MAX_VARIED // len(numbers) + 1]
            for number in numbers
        ]
        for start in range(0, len(changes), MAX_ROWS):
            some = changes[start : start + MAX_ROWS]
            base = [{**each, position: table.values[0]} for each in some]
            _check_same(step, table, probe.answers(some), probe.answers(base))
        for some_picks in (picks[:1], *_chunks(picks)):
            shown = [_change(probe, tables, pick) for pick in some_picks]
            hidden = [{**each, position: _Untouchable()} for each in shown]
            _check_same(step, table, probe.answers(hidden), probe.answers(shown))


def _chunks(picks: list[dict[int, int]]) -> Iterator[list[dict[int, int]]]:
    for start in range(0, len(picks), MAX_ROWS):
        yield picks[start : start + MAX_ROWS]


def _check_same(
    step: Step,
    table: LookupTable,
    found: Sequence[Floats | None],
    expected: Sequence[Floats | None],
) -> None:
    for here, there in zip(found, expected, strict=True):
        if (here is None) != (there is None) or (
            here is not None and there is not None and not _is_same(here, there)
        ):
            raise _reads_too(step, table.column)


def _is_same(left: Floats, right: Floats) -> bool:
    return left.shape == right.shape and bool(_same(left, right).all())


def _held_numbers(step: Step) -> list[float]:
    foreign = foreign_steps(step.transformer)
    return numbers_near(values_in(*foreign))


def _is_open(table: LookupTable) -> bool:
    """Tell whether a column holds any numbers, not those of the table only."""
    column = table.column
    return not (column.text or column.values or _is_boolean(table.values))


def _assemble(tables: Sequence[LookupTable], picks: Sequence[dict[int, int]]) -> Floats:
    """Return what the tables say of some choices, shape (n_choices, n_outputs)."""
    rows: Floats = tables[0].rows[[pick[0] for pick in picks]]
    for position, table in enumerate(tables):
        chosen = table.rows[[pick[position] for pick in picks]]
        rows[:, table.moves] = chosen[:, table.moves]
    return rows


def _emit(graph: Graph, tables: Sequence[LookupTable]) -> Matrix:
    """Add one lookup a column, and put the outputs back into their order."""
    constant = ~np.any([table.moves for table in tables], axis=0)
    parts, order = [], []
    for position, table in enumerate(tables):
        chosen = table.moves | constant if position == 0 else table.moves
        outputs = np.flatnonzero(chosen)
        if len(outputs) == 0:
            continue
        tensor = add_lookup(graph, table.column, table.values, table.rows[:, outputs])
        owners = tuple(
            table.column.owners if table.moves[output] else frozenset()
            for output in outputs
        )
        parts.append(Matrix(tensor, owners))
        order += outputs.tolist()
    return select(graph, join(graph, parts), np.argsort(order).tolist())
