"""`?on_error=skip`: a bad row is null in the answer, beside the predictions of others.

``{"predictions": […, null], "errors": [{"row": 1, "pointer": …, "detail": …}]}``
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from operator import itemgetter
from typing import Any

from msgspec import Struct

from server.batch import Batch, Form, Prediction, is_finite
from server.contracts.contract import Question
from server.contracts.predict.answers import write_answer
from server.contracts.predict.faults import (
    count_rows,
    is_columns,
    known,
    read_json,
    row_faults,
    too_many,
    value_fault,
)
from server.contracts.predict.size import require_few_values
from server.contracts.schema import Schema
from server.problems import MAX_LISTED_FAULTS, Fault, pointer
from server.signature import Feature, Signature


class Skipped(Struct, frozen=True, gc=False):
    """What an answer says beside the predictions of the good rows.

    Parameters
    ----------
    n_rows
        Of the body.
    places
        Of the good rows among them.
    faults
        Of the others, each with the place of its row; the first of them.
    """

    n_rows: int
    places: Sequence[int]
    faults: Sequence[tuple[int, Fault]]


class GoodRows(Batch, frozen=True, gc=False):
    """Rows of which each may have no finite prediction, and the others have theirs."""

    def predicted(self, values: Sequence[Any]) -> Prediction:
        """Return the prediction, whatever it is."""
        return Prediction(values)


def read_good(body: bytes, schema: Schema, includes: Sequence[str]) -> Question:
    """Return what is asked about the good rows of a body.

    Raises
    ------
    MalformedBody, TooManyRows
    InvalidBatch
        The fault is of no single row: of one object, or of the columns' names or lengths.
    """
    signature = schema.signature
    require_few_values(body, schema.max_rows, schema.n_columns)
    document = read_json(body)
    if (n_rows := count_rows(document, signature.ignored)) > schema.max_rows:
        raise too_many(n_rows, schema.max_rows)
    document = known(document, signature)
    rows = _rows_of(document, signature.features)
    if rows is None:
        return Question(schema.reader.read(body), includes)
    form: Form = "rows" if isinstance(document, list) else "columns"
    good: dict[int, tuple[Any, ...]] = {}
    faults: list[tuple[int, Fault]] = []
    for place, row in enumerate(rows):
        if values := schema.reader.values_of(row):
            good[place] = values
        else:
            n_more = MAX_LISTED_FAULTS - len(faults)
            found = islice(_faults(row, place, form, signature), n_more)
            faults += [(place, fault) for fault in found]
    batch = GoodRows([*good.values()], form)
    return Question(batch, includes, Skipped(len(rows), [*good], faults))


def write_good(question: Question, prediction: Prediction) -> bytes:
    """Return the JSON answer: one value a row of the body, and why some have none."""
    batch, skipped = question.batch, question.wish
    found = map(is_finite, prediction.values)
    is_answered = dict(zip(skipped.places, found, strict=True))

    def spread(values: Iterable[Any]) -> Iterator[Any]:
        remaining = iter(values)
        for place in range(skipped.n_rows):
            value = next(remaining) if place in is_answered else None
            yield value if is_answered.get(place) else None

    whole = Prediction(
        [*spread(prediction.values)],
        {name: spread(rows) for name, rows in prediction.included.items()},
        prediction.baseline,
    )
    infinite = [
        (place, batch.infinite(place)) for place, ok in is_answered.items() if not ok
    ]
    faults = sorted([*skipped.faults, *infinite], key=itemgetter(0))
    errors = [
        {"row": place, **fault._asdict()} for place, fault in faults[:MAX_LISTED_FAULTS]
    ]
    return write_answer(batch, whole, errors)


def _rows_of(document: Any, features: Sequence[Feature]) -> Sequence[Any] | None:
    """Return the rows of a list or of columns; None where there are no rows to tell."""
    if isinstance(document, list):
        return document
    if not is_columns(document, features):
        return None
    columns = document["columns"]
    if not isinstance(columns, dict):
        return None
    given = {name: each for name, each in columns.items() if each is not None}
    required = {feature.name for feature in features if feature.required}
    if not (
        required <= given.keys()
        and columns.keys() <= {feature.name for feature in features}
        and all(isinstance(values, list) for values in given.values())
        and len({*map(len, given.values())}) <= 1
    ):
        return None
    return [
        dict(zip(given, values, strict=True))
        for values in zip(*given.values(), strict=True)
    ]


def _faults(row: Any, place: int, form: Form, signature: Signature) -> Iterator[Fault]:
    if form == "rows":
        yield from row_faults(row, signature, place)
        return
    for feature in signature.features:
        detail = value_fault(feature, row.get(feature.name), is_present=True)
        if detail:
            yield Fault(pointer("columns", feature.name, place), detail)
