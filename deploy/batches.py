"""Answers batches of Arrow row by row, whoever it is that predicts.

A batch goes to the model as the body of a request, so that what the server accepts is
what every engine accepts, in the same words.
"""

import math
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from difflib import SequenceMatcher
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from server.problems import pointer
from server.signature import INFINITE, Signature

N_TOGETHER = 250
"""Rows that are asked for together once a batch is refused: of thousands at fault a
hundred are named at a time, and asking again for all others costs the square."""

ALIKE = 0.8
"""Ratio of difflib from which two names are taken for one: a table has columns that are
not the model's, so that less than this, which the server takes, would be guessing."""

MAX_NAMED_FEATURES = 10
"""In a refusal."""

UNREADABLE = (
    *(ValueError, TypeError, LookupError, ArithmeticError),
    *(pa.ArrowException, msgspec.MsgspecError),
)
"""What Arrow, Python's types and msgspec say of a value that they do not take."""

BYTES = (
    *(pa.types.is_string_view, pa.types.is_binary_view),
    *(pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary),
)
PLAIN = (
    *(pa.types.is_null, pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating),
    *(pa.types.is_string, pa.types.is_large_string),
)
"""Types all of whose values JSON has, but for infinity and text that is not UTF-8."""

UNSENT = object()
"""Stands for a value that JSON cannot have."""

N_TOKENS = len(("#", "columns", "feature", "row"))
"""Of the pointer to one value in columns."""


class Unfit(Exception):
    """A table whose columns are not those that the model reads."""


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
    columns = read_columns(batch, names)
    answers = Answers([None] * n_rows, [columns.faults.get(n) for n in range(n_rows)])
    readable = [place for place in range(n_rows) if place not in columns.faults]
    waiting = [readable] if readable else []
    while waiting:
        places = waiting.pop()
        write = write_row if len(places) == 1 else write_columns
        try:
            predictions = ask(write(columns.values, places))
        except Refused as refusal:
            if len(places) == 1:
                answers.errors[places[0]] = str(refusal)
            else:
                waiting += _apart(places, refusal.rows)
        else:
            for place, prediction in zip(places, predictions, strict=True):
                answers.predictions[place] = prediction
    return answers


def check_names(names: Sequence[str], signature: Signature) -> None:
    """Refuse a table that lacks what the model reads, before any row is predicted.

    A feature that may be missing may be missing in all rows, unless a column is there
    under nearly its name.

    Parameters
    ----------
    names
        Of the table's columns, of which the model need not read all.

    Raises
    ------
    Unfit
    """
    if faults := list(_faults_of_names(names, signature)):
        raise Unfit(" ".join(faults))


def _faults_of_names(names: Sequence[str], signature: Signature) -> Iterator[str]:
    counted = Counter(names)
    known = [feature.name for feature in signature.features]
    others = counted.keys() - {*known, *(target.name for target in signature.targets)}
    found = [name for name in known if name in counted]
    for name in found:
        if counted[name] > 1:
            yield f"The table has {counted[name]} columns named {name!r}."
    is_renamed = False
    for feature in signature.features:
        if feature.name in counted:
            continue
        if close := _closest(feature.name, others):
            is_renamed = True
            yield f"The model has no feature {close!r}; did you mean {feature.name!r}?"
        elif feature.required and found:
            yield f"The model needs a column {feature.name!r}, which the table lacks."
    if not (found or is_renamed):
        some = ", ".join(map(repr, known[:MAX_NAMED_FEATURES]))
        more = ", …" if len(known) > MAX_NAMED_FEATURES else ""
        yield f"The table has no column that the model reads: {some}{more}."


def _closest(name: str, others: Iterable[str]) -> str | None:
    """Return which of others has nearly this name, whatever their case and gaps."""
    matcher = SequenceMatcher(b=_bare(name))
    best, closest = ALIKE, None
    for other in sorted(others):
        if _digits(other) != _digits(name):  # another of several, and no slip
            continue
        matcher.set_seq1(_bare(other))
        if matcher.real_quick_ratio() < best or matcher.quick_ratio() < best:
            continue
        if (ratio := matcher.ratio()) > best or (ratio == best and closest is None):
            best, closest = ratio, other
    return closest


def _digits(name: str) -> str:
    return "".join(filter(str.isdigit, name))


def _bare(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold())) or name


def _apart(places: list[int], at_fault: Container[int]) -> list[list[int]]:
    """Return those at fault one by one and the others, or shorter parts if none is named."""
    n_rows = len(places)
    alone = [[place] for row, place in enumerate(places) if row in at_fault]
    if n_rows > N_TOGETHER or not alone:
        size = min(N_TOGETHER, (n_rows + 1) // 2)
        return [places[start : start + size] for start in range(0, n_rows, size)]
    others = [place for row, place in enumerate(places) if row not in at_fault]
    return [*alone, others] if others else alone


class Read(NamedTuple):
    """The values of a batch, as JSON has them.

    Parameters
    ----------
    values
        By feature, those of the batch alone: one a row.
    faults
        By row: what is wrong with one that JSON cannot have.
    """

    values: Mapping[str, Sequence[Any]]
    faults: Mapping[int, str]


def read_columns(batch: pa.RecordBatch, names: Sequence[str]) -> Read:
    """Return what can be sent of a batch, of whatever types its columns are."""
    values: dict[str, Sequence[Any]] = {}
    faults: dict[int, str] = {}
    for name in names:
        if name not in batch.schema.names:
            continue
        values[name], unreadable = _values(batch[name])
        for place in unreadable:
            said = f"{pointer(name)}: This {batch[name].type} cannot be sent as JSON."
            faults[place] = f"{faults[place]} {said}" if place in faults else said
    return Read(values, faults)


def write_columns(columns: Mapping[str, Sequence[Any]], places: Sequence[int]) -> bytes:
    """Return the body of many rows: a list for each feature that the batch has."""
    chosen = {
        name: values if len(values) == len(places) else [values[n] for n in places]
        for name, values in columns.items()
    }
    return msgspec.json.encode({"columns": chosen})


def write_row(columns: Mapping[str, Sequence[Any]], places: Sequence[int]) -> bytes:
    """Return the body of the one row at a place."""
    (place,) = places
    return msgspec.json.encode(
        {name: values[place] for name, values in columns.items()}
    )


def prediction_type(signature: Signature) -> pa.DataType:
    """Return the type of a prediction: a number, a label, or a struct of targets."""
    targets = signature.targets
    if targets[0].kind == "classification":
        return pa.array(targets[0].classes).type
    if len(targets) == 1:
        return pa.float64()
    return pa.struct([(target.name, pa.float64()) for target in targets])


def _values(column: pa.Array) -> tuple[Sequence[Any], Sequence[int]]:
    """Return JSON values, and where there is none.

    One that is not a number (NaN) is missing, as in pandas.
    """
    try:
        column = _plain(column)
        if _is_plain(column.type):
            values: list[Any] = column.to_pylist()
            if pa.types.is_floating(column.type) and pc.any(pc.is_inf(column)).as_py():
                values = [_number(value) for value in values]
            return values, ()
    except UNREADABLE:  # one of them: which, each says for itself
        pass
    one_by_one = [_value(scalar) for scalar in column]
    return one_by_one, [n for n, value in enumerate(one_by_one) if value is UNSENT]


def _plain(column: pa.Array) -> pa.Array:
    """Return the same values without an encoding, and as text what is bytes."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _plain(column.dictionary_decode())
    if pa.types.is_run_end_encoded(kind):
        return _plain(pc.run_end_decode(column))
    if pa.types.is_decimal(kind):
        return column.cast(pa.float64())
    if any(is_bytes(kind) for is_bytes in BYTES):
        return column.cast(pa.large_string())
    return column


def _is_plain(kind: pa.DataType) -> bool:
    return any(is_kind(kind) for is_kind in PLAIN)


def _value(scalar: pa.Scalar) -> Any:
    """Return a JSON value, or UNSENT."""
    try:
        if getattr(scalar.type, "unit", "") == "ns":
            scalar = scalar.cast(_microseconds(scalar.type))
        value = scalar.as_py()
        if isinstance(value, bytes):
            value = value.decode()
        if isinstance(value, float | Decimal):
            return _number(float(value))
        return msgspec.Raw(msgspec.json.encode(value))
    except UNREADABLE:
        return UNSENT


def _microseconds(kind: pa.DataType) -> pa.DataType:
    """Return the type of nanoseconds in the unit that Python has."""
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz)
    return pa.duration("us") if pa.types.is_duration(kind) else pa.time64("us")


def _number(value: float | None) -> Any:
    return INFINITE if value is not None and math.isinf(value) else value
