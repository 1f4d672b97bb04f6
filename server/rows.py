"""Turns a JSON body into checked columns, or says everything that is wrong.

The fast path decodes and validates in one pass, with a msgspec decoder made from
the signature. Only when it refuses does the slow path look at every value again,
to report all faults at once.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec.structs import astuple

from server.problems import (
    Fault,
    InvalidBatch,
    MalformedBody,
    TooManyRows,
    pointer,
)
from server.signature import MISSING_TEXT, Feature, Signature, Value

Column = Sequence[Any]
Form = Literal["row", "rows", "columns"]

UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError)
"""msgspec raises the second for a string that is not UTF-8."""


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
        row = _row_struct(signature.features)
        self._decode = msgspec.json.Decoder(row | list[row]).decode  # type: ignore[valid-type]
        self._decode_columns = msgspec.json.Decoder(
            _columns_struct(signature.features)
        ).decode

    def read(self, body: bytes) -> Batch:
        """Return the checked rows of `body`.

        Raises
        ------
        MalformedBody, InvalidBatch, TooManyRows
        """
        try:
            decoded = self._decode(body)
        except UNDECODABLE:
            return self._read_columns(body)
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

    def _read_columns(self, body: bytes) -> Batch:
        try:
            decoded: Any = self._decode_columns(body)
            columns = astuple(decoded.columns)
            rows = list(zip(*columns, strict=True))
        except (*UNDECODABLE, ValueError):
            raise self._problem(body) from None
        return self._checked(body, rows, "columns")

    def _checked(self, body: bytes, rows: list[tuple[Any, ...]], form: Form) -> Batch:
        if len(rows) > self._max_rows:
            raise TooManyRows(
                f"The body has {len(rows)} rows; at most {self._max_rows} are accepted."
            )
        for position, accepts in self._checks:
            if not all(accepts(row[position]) for row in rows):
                raise self._problem(body)
        return Batch(rows, form)

    def _problem(self, body: bytes) -> MalformedBody | InvalidBatch:
        try:
            document = msgspec.json.decode(body)
        except UNDECODABLE as error:
            return MalformedBody(_malformed(body, error))
        located = _located_rows(document, self._features)
        if isinstance(located, Fault):
            return InvalidBatch(located.detail, [located])
        faults = [
            fault for place in located for fault in _row_faults(place, self._features)
        ]
        n_values = len(located) * len(self._features)
        verb = "is" if len(faults) == 1 else "are"
        return InvalidBatch(
            f"{len(faults)} of {n_values} values {verb} invalid.", faults
        )


def is_text(feature: Feature) -> bool:
    """Return whether the graph reads this feature as strings."""
    if feature.kind == "category":
        return all(isinstance(category, str) for category in feature.categories)
    return feature.kind == "text"


def _is_boolean(feature: Feature) -> bool:
    categories = feature.categories
    return feature.kind == "boolean" or (
        bool(categories) and all(isinstance(value, bool) for value in categories)
    )


def _row_struct(features: Sequence[Feature]) -> type[msgspec.Struct]:
    fields: list[Any] = [
        (f"f{position}", _value_type(feature))
        if feature.required
        else (f"f{position}", _value_type(feature) | None, None)
        for position, feature in enumerate(features)
    ]
    return _struct("Row", fields, features)


def _columns_struct(features: Sequence[Feature]) -> type[msgspec.Struct]:
    fields: list[Any] = [
        (f"f{position}", list[_column_type(feature)])  # type: ignore[misc]
        for position, feature in enumerate(features)
    ]
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


def _column_type(feature: Feature) -> Any:
    kind = _value_type(feature)
    return kind if feature.required else kind | None


def _value_type(feature: Feature) -> Any:
    if is_text(feature):
        rejects = feature.kind == "category" and feature.unknown == "reject"
        return Literal[feature.categories] if rejects else str
    if _is_boolean(feature):
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
        return lambda value: value is None or value.is_integer()
    if feature.kind == "category" and feature.unknown == "reject":
        return {None, *feature.categories}.__contains__
    return None


def _malformed(body: bytes, error: Exception) -> str:
    if not body.strip():
        return "The body is empty; send one row as a JSON object, or a list of them."
    hint = "; send null for a missing value" if b"NaN" in body else ""
    reason = str(error).removeprefix("JSON is malformed: ").split(" - at ")[0]
    return f"The body cannot be read as JSON in UTF-8: {reason}{hint}."


class _Located(NamedTuple):
    """A row of the document, between the tokens before and behind its values."""

    row: Any
    before: tuple[str | int, ...] = ()
    behind: tuple[str | int, ...] = ()

    def pointer(self, *name: str) -> str:
        return pointer(*self.before, *name, *self.behind)


def _located_rows(document: Any, features: Sequence[Feature]) -> Fault | list[_Located]:
    """Return each row with its place, or the fault of the whole document."""
    if isinstance(document, list):
        return [_Located(row, (n,)) for n, row in enumerate(document)]
    if not isinstance(document, dict):
        return Fault("#", f"{_shown(document)} is not an object or a list of objects.")
    columns = document.get("columns")
    if len(document) != 1 or not isinstance(columns, dict):
        return [_Located(document)]
    return _column_fault(columns, features) or [
        _Located(dict(zip(columns, values, strict=True)), ("columns",), (n,))
        for n, values in enumerate(zip(*columns.values(), strict=True))
    ]


def _column_fault(columns: dict[str, Any], features: Sequence[Feature]) -> Fault | None:
    for name, values in columns.items():
        if not isinstance(values, list):
            detail = f"{_shown(values)} is not a list of values."
            return Fault(pointer("columns", name), detail)
    missing = [feature.name for feature in features if feature.name not in columns]
    if missing:
        names = ", ".join(map(repr, missing))
        return Fault(pointer("columns"), f"There is no column for {names}.")
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name!r} {n}" for name, n in lengths.items())
        return Fault(pointer("columns"), f"The columns differ in length: {shown}.")
    return None


def _row_faults(located: _Located, features: Sequence[Feature]) -> Iterator[Fault]:
    row = located.row
    if not isinstance(row, dict):
        yield Fault(located.pointer(), f"{_shown(row)} is not an object.")
        return
    for feature in features:
        detail = _value_fault(feature, row)
        if detail:
            yield Fault(located.pointer(feature.name), detail)
    known = [feature.name for feature in features]
    for name in row:
        if name not in known:
            yield Fault(located.pointer(name), _unknown_feature(name, known))


def _value_fault(feature: Feature, row: dict[str, Any]) -> str | None:
    value = row.get(feature.name)
    if value is None:
        if not feature.required:
            return None
        present = feature.name in row
        return "null is not accepted here." if present else "This feature is missing."
    if is_text(feature):
        return _text_fault(feature, value)
    if _is_boolean(feature):
        ok = isinstance(value, bool)
        return None if ok else f"{_shown(value)} is not true or false."
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
    if feature.kind == "integer" and value != int(value):
        return f"{_shown(value)} is not a whole number."
    if feature.minimum is not None and value < feature.minimum:
        return f"{_shown(value)} is below the minimum, {feature.minimum:g}{unit}."
    if feature.maximum is not None and value > feature.maximum:
        return f"{_shown(value)} is above the maximum, {feature.maximum:g}{unit}."
    if feature.categories and feature.unknown == "reject":
        return None if value in feature.categories else _not_one_of(feature, value)
    return None


def _not_one_of(feature: Feature, value: Any) -> str:
    choices = ", ".join(_shown(category) for category in feature.categories[:20])
    more = len(feature.categories) - 20
    tail = f" and {more} more" if more > 0 else ""
    return f"{_shown(value)} is not one of: {choices}{tail}."


def _unknown_feature(name: str, known: Sequence[str]) -> str:
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
