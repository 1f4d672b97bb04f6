"""Turns a JSON body into checked columns, or says everything that is wrong.

The fast path decodes and validates in one pass, with a msgspec decoder made from
the signature. Only when it refuses does the slow path look at every value again,
to report all faults at once.
"""

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec.structs import astuple

from server.problems import (
    MAX_LISTED_FAULTS,
    Fault,
    InvalidBatch,
    MalformedBody,
    Problem,
    TooManyRows,
    pointer,
)
from server.signature import (
    MISSING_TEXT,
    Feature,
    Signature,
    Value,
    is_boolean,
    is_text,
    show,
)

Column = Sequence[Any]
Form = Literal["row", "rows", "columns"]

UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""The second is msgspec's for a string that is not UTF-8, the third for 1,000 lists
in each other."""

MAX_NAME_CHARACTERS = 100
"""A longer name that no feature has is not compared with those that are there."""


class Batch(NamedTuple):
    """Checked rows of one request: values in signature order, None if missing."""

    rows: Sequence[tuple[Value | None, ...]]
    form: Form


class RowReader:
    """Reads the bodies that one model accepts.

    Parameters
    ----------
    max_rows
        Most rows in one body.
    """

    def __init__(self, signature: Signature, max_rows: int) -> None:
        self._features = signature.features
        self._max_rows = max_rows
        self._checks = [
            (position, check)
            for position, feature in enumerate(signature.features)
            if (check := _check(feature))
        ]
        self._missing = [
            (position, MISSING_TEXT if is_text(feature) else math.nan)
            for position, feature in enumerate(signature.features)
            if not feature.required
        ]
        self._targets = [target.name for target in signature.targets]
        self._is_fast = all(map(_is_field_name, signature.features))
        if self._is_fast:
            row = _row_struct(signature.features)
            columns = _columns_struct(signature.features)
            self._decode = msgspec.json.Decoder(row | list[row]).decode  # type: ignore[valid-type]
            self._decode_columns = msgspec.json.Decoder(columns).decode

    def read(self, body: bytes) -> Batch:
        """Return the checked rows of `body`.

        Raises
        ------
        MalformedBody, InvalidBatch, TooManyRows
        """
        if not self._is_fast:
            return self._read_plainly(body)
        try:
            decoded = self._decode(body)
        except UNDECODABLE as error:
            return self._read_columns(body, error)
        if type(decoded) is not list:
            return self._checked(body, [astuple(decoded)], "row")
        return self._checked(body, [astuple(row) for row in decoded], "rows")

    def columns(self, rows: Sequence[tuple[Any, ...]]) -> list[Column]:
        """Return one column a feature, with the graph's mark for missing values."""
        if not rows:
            return [[] for _ in self._features]
        columns: list[Column] = list(zip(*rows, strict=True))
        for position, mark in self._missing:
            if None in columns[position]:
                columns[position] = [
                    mark if value is None else value for value in columns[position]
                ]
        return columns

    def _read_columns(self, body: bytes, refusal: Exception) -> Batch:
        try:
            decoded: Any = self._decode_columns(body)
            rows = _transposed(astuple(decoded.columns))
        except (*UNDECODABLE, ValueError):
            raise self._problem(body) or InvalidBatch(str(refusal)) from None
        return self._checked(body, rows, "columns")

    def _read_plainly(self, body: bytes) -> Batch:
        """Read what names a feature as no msgspec field can be named."""
        if problem := self._problem(body):
            raise problem
        document = msgspec.json.decode(body)
        names = [feature.name for feature in self._features]
        if _is_columns(document, self._features):
            columns = document["columns"]
            rows = _transposed([columns.get(name) for name in names])
            return self._checked(body, rows, "columns")
        form: Form = "rows" if isinstance(document, list) else "row"
        objects = document if form == "rows" else [document]
        rows = [tuple(each.get(name) for name in names) for each in objects]
        return self._checked(body, rows, form)

    def _checked(self, body: bytes, rows: list[tuple[Any, ...]], form: Form) -> Batch:
        if len(rows) > self._max_rows:
            raise self._too_many(len(rows))
        for position, accepts in self._checks:
            if not all(accepts(row[position]) for row in rows):
                raise self._problem(body) or InvalidBatch("A value is invalid.")
        return Batch(rows, form)

    def _problem(self, body: bytes) -> Problem | None:
        """Return everything that is wrong with a body, up to the faults listed."""
        try:
            document = msgspec.json.decode(body)
        except UNDECODABLE as error:
            return MalformedBody(_malformed(body, error))
        if (n_rows := _n_rows(document)) > self._max_rows:
            return self._too_many(n_rows)
        faults = list(islice(self._faults(document), MAX_LISTED_FAULTS + 1))
        return InvalidBatch(_summary(faults), faults) if faults else None

    def _too_many(self, n_rows: int) -> TooManyRows:
        return TooManyRows(
            f"The body has {n_rows} rows; at most {self._max_rows} are accepted."
        )

    def _faults(self, document: Any) -> Iterator[Fault]:
        if _is_columns(document, self._features):
            yield from self._column_faults(document["columns"])
        elif isinstance(document, list):
            for position, row in enumerate(document):
                yield from self._row_faults(row, position)
        elif isinstance(document, dict):
            yield from self._row_faults(document)
        else:
            detail = f"{_shown(document)} is not an object or a list of objects."
            yield Fault(pointer(), detail)

    def _row_faults(self, row: Any, *position: int) -> Iterator[Fault]:
        if not isinstance(row, dict):
            yield Fault(pointer(*position), f"{_shown(row)} is not an object.")
            return
        for feature in self._features:
            detail = _value_fault(feature, row.get(feature.name), feature.name in row)
            if detail:
                yield Fault(pointer(*position, feature.name), detail)
        yield from self._unknown_features(row, *position)

    def _column_faults(self, columns: Any) -> Iterator[Fault]:
        if not isinstance(columns, dict):
            detail = f"{_shown(columns)} is not an object of lists."
            yield Fault(pointer("columns"), detail)
            return
        for feature in self._features:
            yield from _faults_of_column(feature, columns)
        yield from self._unknown_features(columns, "columns")
        lengths = {
            name: len(values)
            for name, values in columns.items()
            if isinstance(values, list)
        }
        if len(set(lengths.values())) > 1:
            shown = ", ".join(f"{name!r} {n}" for name, n in lengths.items())
            yield Fault(pointer("columns"), f"The columns differ in length: {shown}.")

    def _unknown_features(
        self, names: Iterable[str], *place: str | int
    ) -> Iterator[Fault]:
        known = [feature.name for feature in self._features]
        for name in names:
            if name in self._targets and name not in known:
                detail = "This is what the model predicts; leave it out."
            elif name not in known:
                detail = _unknown_feature(name, known)
            else:
                continue
            yield Fault(pointer(*place, name), detail)


def _is_field_name(feature: Feature) -> bool:
    """Whether msgspec takes the name: it must need no escape in JSON."""
    return msgspec.json.encode(feature.name) == f'"{feature.name}"'.encode()


def _row_struct(features: Sequence[Feature]) -> type[msgspec.Struct]:
    fields: list[Any] = [
        (f"f{position}", _value_type(feature))
        if feature.required
        else (f"f{position}", _value_type(feature) | None, None)
        for position, feature in enumerate(features)
    ]
    return _struct("Row", fields, features)


def _columns_struct(features: Sequence[Feature]) -> type[msgspec.Struct]:
    fields: list[Any] = []
    for position, feature in enumerate(features):
        value: Any = _value_type(feature)
        if feature.required:
            fields.append((f"f{position}", list[value]))
        else:
            fields.append((f"f{position}", list[value | None] | None, None))
    columns = _struct("Columns", fields, features)
    return msgspec.defstruct(
        "Body", [("columns", columns)], forbid_unknown_fields=True, gc=False
    )


def _struct(
    name: str, fields: list[Any], features: Sequence[Feature]
) -> type[msgspec.Struct]:
    names = {f"f{position}": f.name for position, f in enumerate(features)}
    return msgspec.defstruct(
        name, fields, rename=names, forbid_unknown_fields=True, kw_only=True, gc=False
    )


def _value_type(feature: Feature) -> Any:
    if is_text(feature):
        rejects = feature.kind == "category" and feature.unknown == "reject"
        return Literal[feature.categories] if rejects else str
    if is_boolean(feature):
        return bool
    if feature.minimum is None and feature.maximum is None:
        return float
    return Annotated[float, msgspec.Meta(ge=feature.minimum, le=feature.maximum)]


def _check(feature: Feature) -> Callable[[Any], bool] | None:
    """Return the check that the decoder's types cannot express, if there is one."""
    if is_text(feature):
        rejects = feature.kind == "category" and feature.unknown == "reject"
        return None if rejects else lambda value: value != MISSING_TEXT
    if feature.kind == "integer":
        return lambda value: value is None or float(value).is_integer()
    if feature.categories and feature.unknown == "reject":
        return {None, *feature.categories}.__contains__
    return None


def _malformed(body: bytes, error: Exception) -> str:
    if not body.strip():
        return "The body is empty; send one row as a JSON object, or a list of them."
    hint = "; send null for a missing value" if b"NaN" in body else ""
    reason = str(error).removeprefix("JSON is malformed: ").split(" - at ")[0]
    return f"The body cannot be read as JSON in UTF-8: {reason}{hint}."


def _is_columns(document: Any, features: Sequence[Feature]) -> bool:
    """Whether a body is columns and not a row whose one feature has that name."""
    if not isinstance(document, dict) or list(document) != ["columns"]:
        return False
    named_so = any(feature.name == "columns" for feature in features)
    return isinstance(document["columns"], dict) or not named_so


def _n_rows(document: Any) -> int:
    if isinstance(document, list):
        return len(document)
    columns = document.get("columns") if isinstance(document, dict) else None
    lists = columns.values() if isinstance(columns, dict) else ()
    return max((len(each) for each in lists if isinstance(each, list)), default=0)


def _transposed(columns: Sequence[list[Any] | None]) -> list[tuple[Any, ...]]:
    """Return rows; a column that is left out is missing in each of them.

    Raises
    ------
    ValueError
        The columns differ in length.
    """
    n_rows = max((len(column) for column in columns if column is not None), default=0)
    filled = ([None] * n_rows if column is None else column for column in columns)
    return list(zip(*filled, strict=True))


def _summary(faults: Sequence[Fault]) -> str:
    if len(faults) == 1:
        return "1 value is invalid."
    if len(faults) <= MAX_LISTED_FAULTS:
        return f"{len(faults)} values are invalid."
    return f"More than {MAX_LISTED_FAULTS} values are invalid; those are listed."


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
        detail = _value_fault(feature, value, is_present=True)
        if detail:
            yield Fault(pointer("columns", feature.name, position), detail)


def _value_fault(feature: Feature, value: Any, is_present: bool) -> str | None:
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


def _unknown_feature(name: str, known: Sequence[str]) -> str:
    if len(name) > MAX_NAME_CHARACTERS:
        return "The model has no such feature."
    from difflib import get_close_matches  # 2 ms to import, needed for faults only

    close = get_close_matches(name, known, n=1)
    return (
        f"The model has no such feature; did you mean {close[0]!r}?"
        if close
        else ("The model has no such feature.")
    )


def _shown(value: Any) -> str:
    text = (
        f"'{value}'" if isinstance(value, str) else msgspec.json.encode(value).decode()
    )
    return text if len(text) <= 60 else text[:57] + "…" + text[-1]
