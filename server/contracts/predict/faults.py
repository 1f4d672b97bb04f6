"""Says everything that is wrong with a body, once the fast path has refused it."""

import re
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import msgspec

from server.problems import (
    MAX_LISTED_FAULTS,
    Fault,
    InvalidBatch,
    MalformedBody,
    Problem,
    TooManyRows,
    pointer,
)
from server.signature import MISSING_TEXT, Feature, Signature, is_boolean, is_text, show

UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""The second is msgspec's for a string that is not UTF-8, the third for 1,000 lists
in each other."""

HALF_CHARACTER = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])")
"""The first half of a surrogate pair without the second; for msgspec the body ends
there."""

MAX_NAME_CHARACTERS = 100
"""A longer name that no feature has is not compared with those that are there, and is
shown by its beginning."""

MAX_NAMED_FEATURES = 10
"""In the fault of a name that is like none of them."""


def explain(body: bytes, signature: Signature, max_rows: int) -> Problem | None:
    """Return everything that is wrong with a body, up to the faults listed."""
    try:
        document = read_json(body)
    except MalformedBody as problem:
        return problem
    if (n_rows := count_rows(document, signature.ignored)) > max_rows:
        return too_many(n_rows, max_rows)
    return explain_values(known(document, signature), signature)


def read_json(body: bytes) -> Any:
    """Return the document in a body.

    Raises
    ------
    MalformedBody
    """
    try:
        return msgspec.json.decode(body)
    except UNDECODABLE as error:
        raise MalformedBody(_malformed(body, error)) from None


def known(document: Any, signature: Signature) -> Any:
    """Return a document without the columns that the model ignores."""
    if not signature.ignored:
        return document
    ignored = {*signature.ignored}
    if is_columns(document, signature.features):
        return {"columns": _without(document["columns"], ignored)}
    if isinstance(document, list):
        return [_without(row, ignored) for row in document]
    return _without(document, ignored)


def _without(row: Any, ignored: Collection[str]) -> Any:
    if not isinstance(row, dict):
        return row
    return {name: value for name, value in row.items() if name not in ignored}


def explain_values(document: Any, signature: Signature) -> InvalidBatch | None:
    """Return what is wrong with a body that was read, or never was JSON."""
    faults = list(islice(_faults(document, signature), MAX_LISTED_FAULTS + 1))
    return InvalidBatch(_summary(faults), faults) if faults else None


def too_many(n_rows: int, max_rows: int) -> TooManyRows:
    return TooManyRows(f"The body has {n_rows} rows; at most {max_rows} are accepted.")


def is_columns(document: Any, features: Sequence[Feature]) -> bool:
    """Whether a body is columns and not a row whose one feature has that name."""
    if not isinstance(document, dict) or list(document) != ["columns"]:
        return False
    named_so = any(feature.name == "columns" for feature in features)
    return isinstance(document["columns"], dict) or not named_so


def count_rows(document: Any, ignored: Collection[str]) -> int:
    """Return how many rows a document has, or claims to have by its other columns."""
    if isinstance(document, list):
        return len(document)
    columns = document.get("columns") if isinstance(document, dict) else None
    known_columns = _without(columns, {*ignored})
    lists = known_columns.values() if isinstance(columns, dict) else ()
    return max((len(each) for each in lists if isinstance(each, list)), default=0)


def _faults(document: Any, signature: Signature) -> Iterator[Fault]:
    if is_columns(document, signature.features):
        yield from _column_faults(document["columns"], signature)
    elif isinstance(document, list):
        for position, row in enumerate(document):
            yield from row_faults(row, signature, position)
    elif isinstance(document, dict):
        yield from row_faults(document, signature)
    else:
        detail = f"{_shown(document)} is not an object or a list of objects."
        yield Fault(pointer(), detail)


def row_faults(row: Any, signature: Signature, *position: int) -> Iterator[Fault]:
    if not isinstance(row, dict):
        yield Fault(pointer(*position), f"{_shown(row)} is not an object.")
        return
    for feature in signature.features:
        detail = value_fault(feature, row.get(feature.name), feature.name in row)
        if detail:
            yield Fault(pointer(*position, feature.name), detail)
    yield from _unknown_features(row, signature, *position)


def _column_faults(columns: Any, signature: Signature) -> Iterator[Fault]:
    if not isinstance(columns, dict):
        detail = f"{_shown(columns)} is not an object of lists."
        yield Fault(pointer("columns"), detail)
        return
    for feature in signature.features:
        yield from _faults_of_column(feature, columns)
    yield from _unknown_features(columns, signature, "columns")
    lengths = {
        name: len(values)
        for name, values in columns.items()
        if isinstance(values, list)
    }
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name!r} {n}" for name, n in lengths.items())
        yield Fault(pointer("columns"), f"The columns differ in length: {shown}.")


def _unknown_features(
    names: Iterable[str], signature: Signature, *place: str | int
) -> Iterator[Fault]:
    known = [feature.name for feature in signature.features]
    targets = [target.name for target in signature.targets]
    for name in names:
        if name in targets and name not in known:
            detail = "This is what the model predicts; leave it out."
        elif name not in known:
            detail = _unknown_feature(name, known)
        else:
            continue
        shown = (
            name
            if len(name) <= MAX_NAME_CHARACTERS
            else name[: MAX_NAME_CHARACTERS - 1] + "…"
        )
        yield Fault(pointer(*place, shown), detail)


def _faults_of_column(feature: Feature, columns: dict[str, Any]) -> Iterator[Fault]:
    if feature.name not in columns:
        if feature.required:
            yield Fault(pointer("columns", feature.name), "This column is missing.")
        return
    values = columns[feature.name]
    if values is None and not feature.required:
        return
    if not isinstance(values, list):
        wrong = f"{_shown(values)} is not a list of values."
        yield Fault(pointer("columns", feature.name), wrong)
        return
    for position, value in enumerate(values):
        detail = value_fault(feature, value, is_present=True)
        if detail:
            yield Fault(pointer("columns", feature.name, position), detail)


def _unknown_feature(name: str, known: Sequence[str]) -> str:
    from difflib import get_close_matches  # 2 ms to import, needed for faults only

    is_long = len(name) > MAX_NAME_CHARACTERS
    close = [] if is_long else get_close_matches(name, known, n=1)
    if close:
        return f"The model has no such feature; did you mean {close[0]!r}?"
    some = ", ".join(map(repr, known[:MAX_NAMED_FEATURES]))
    more = ", …" if len(known) > MAX_NAMED_FEATURES else ""
    return f"The model has no such feature; it reads {some}{more}."


def value_fault(feature: Feature, value: Any, is_present: bool) -> str | None:
    if value is None:
        if not feature.required:
            return None
        missing = "This feature is missing."
        return "null is not accepted here." if is_present else missing
    if is_text(feature):
        return _text_fault(feature, value)
    if is_boolean(feature):
        if not isinstance(value, bool):
            return f"{_shown(value)} is not true or false."
        return _category_fault(feature, value)
    return _number_fault(feature, value)


def _text_fault(feature: Feature, value: Any) -> str | None:
    if feature.categories and feature.unknown == "reject":
        return None if value in feature.categories else _not_one_of(feature, value)
    if not isinstance(value, str):
        return f"{_shown(value)} is not a string."
    if value == MISSING_TEXT:
        return "U+FDD0 stands for a missing value inside; send null."
    return None


def _number_fault(feature: Feature, value: Any) -> str | None:
    unit = f" {feature.unit}" if feature.unit else ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"{_shown(value)} is not a number."
    if abs(value) > sys.float_info.max:
        return f"{_shown(value)} is too large for a number of 64 bits."
    if feature.kind == "integer" and value != int(value):
        return f"{_shown(value)} is not a whole number."
    if feature.minimum is not None and value < feature.minimum:
        return f"{_shown(value)} is below the minimum, {show(feature.minimum)}{unit}."
    if feature.maximum is not None and value > feature.maximum:
        return f"{_shown(value)} is above the maximum, {show(feature.maximum)}{unit}."
    return _category_fault(feature, value)


def _category_fault(feature: Feature, value: Any) -> str | None:
    if not feature.categories or feature.unknown == "ignore":
        return None
    return None if value in feature.categories else _not_one_of(feature, value)


def _not_one_of(feature: Feature, value: Any) -> str:
    choices = ", ".join(_shown(category) for category in feature.categories[:20])
    more = len(feature.categories) - 20
    tail = f" and {more} more" if more > 0 else ""
    return f"{_shown(value)} is not one of: {choices}{tail}."


def _malformed(body: bytes, error: Exception) -> str:
    if not body.strip():
        return "The body is empty; send one row as a JSON object, or a list of them."
    hint = "; send null for a missing value" if b"NaN" in body else ""
    reason = str(error).removeprefix("JSON is malformed: ").split(" - at ")[0]
    if "truncated" in reason and HALF_CHARACTER.search(body):
        reason = "half of a surrogate pair, \\ud800 to \\udbff, is no character"
    return f"The body cannot be read as JSON in UTF-8: {reason}{hint}."


def _summary(faults: Sequence[Fault]) -> str:
    if len(faults) == 1:
        return "1 value is invalid."
    if len(faults) <= MAX_LISTED_FAULTS:
        return f"{len(faults)} values are invalid."
    return f"More than {MAX_LISTED_FAULTS} values are invalid; those are listed."


def _shown(value: Any) -> str:
    text = (
        f"'{value}'" if isinstance(value, str) else msgspec.json.encode(value).decode()
    )
    return text if len(text) <= 60 else text[:57] + "…" + text[-1]
