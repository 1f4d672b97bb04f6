"""Answers batches of Arrow row by row, whoever it is that predicts.

A batch goes to the model as the body of a request, so that what the server accepts is
what every engine accepts, in the same words.
"""

import math
from collections.abc import Callable, Container, Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from server.signature import Signature

INFINITE = msgspec.Raw(b"1" + b"0" * 309)
"""Too large for a number of 64 bits, as the server says; JSON would have null, a gap."""

N_TOGETHER = 250
"""Rows that are asked for together once a batch is refused: of thousands at fault a
hundred are named at a time, and asking again for all others costs the square."""

N_TOKENS = len(("#", "columns", "feature", "row"))
"""Of the pointer to one value in columns."""


class Refused(Exception):
    """Rows that the model does not take.

    Parameters
    ----------
    detail
        What is wrong.
    faults
        A pointer, and what is wrong there; there may be more than are listed.
    """

    def __init__(self, detail: str, faults: Sequence[tuple[str, str]]) -> None:
        said = " ".join(f"{pointer}: {fault}" for pointer, fault in faults)
        super().__init__(said or detail)
        tokens = [pointer.split("/") for pointer, _ in faults]
        self.rows = {int(each[-1]) for each in tokens if len(each) == N_TOKENS}


Ask = Callable[[bytes], list[Any]]
"""Returns the predictions for the rows of a body, or raises `Refused`."""


class Answers(NamedTuple):
    """One of each a row; one of the two is None."""

    predictions: list[Any]
    errors: list[str | None]


def answer(batch: pa.RecordBatch, names: Sequence[str], ask: Ask) -> Answers:
    """Return what the model answers for each row if it is asked for it alone.

    It is asked for all together; where it refuses, for fewer, and of these for those at
    fault alone and for the others together again.

    Parameters
    ----------
    names
        Of the features; other columns are left out of the question.
    """
    n_rows = batch.num_rows
    answers = Answers([None] * n_rows, [None] * n_rows)
    waiting = [list(range(n_rows))] if n_rows else []
    while waiting:
        places = waiting.pop()
        write = write_row if len(places) == 1 else write_columns
        try:
            predictions = ask(write(batch.take(places), names))
        except Refused as refusal:
            if len(places) == 1:
                answers.errors[places[0]] = str(refusal)
            else:
                waiting += _apart(places, refusal.rows)
        else:
            for place, prediction in zip(places, predictions, strict=True):
                answers.predictions[place] = prediction
    return answers


def _apart(places: list[int], at_fault: Container[int]) -> list[list[int]]:
    """Return those at fault one by one and the others, or shorter parts if none is named."""
    n_rows = len(places)
    alone = [[place] for row, place in enumerate(places) if row in at_fault]
    if n_rows > N_TOGETHER or not alone:
        size = min(N_TOGETHER, (n_rows + 1) // 2)
        return [places[start : start + size] for start in range(0, n_rows, size)]
    others = [place for row, place in enumerate(places) if row not in at_fault]
    return [*alone, others] if others else alone


def write_columns(batch: pa.RecordBatch, names: Iterable[str]) -> bytes:
    """Return the body of many rows: a list for each feature that the batch has."""
    columns = {name: _values(batch[name]) for name in _present(batch, names)}
    return msgspec.json.encode({"columns": columns})


def write_row(batch: pa.RecordBatch, names: Iterable[str]) -> bytes:
    """Return the body of a batch of one row."""
    return msgspec.json.encode(
        {name: _values(batch[name])[0] for name in _present(batch, names)}
    )


def prediction_type(signature: Signature) -> pa.DataType:
    """Return the type of a prediction: a number, a label, or a struct of targets."""
    targets = signature.targets
    if targets[0].kind == "classification":
        return pa.array(targets[0].classes).type
    if len(targets) == 1:
        return pa.float64()
    return pa.struct([(target.name, pa.float64()) for target in targets])


def _present(batch: pa.RecordBatch, names: Iterable[str]) -> list[str]:
    return [name for name in names if name in batch.schema.names]


def _values(column: pa.Array) -> Sequence[Any]:
    """Return JSON values; one that is not a number (NaN) is missing, as in pandas."""
    values: list[Any] = column.to_pylist()
    if pa.types.is_floating(column.type) and pc.any(pc.is_inf(column)).as_py():
        return [INFINITE if _is_infinite(value) else value for value in values]
    return values


def _is_infinite(value: float | None) -> bool:
    return value is not None and math.isinf(value)
