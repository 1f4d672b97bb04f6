"""Turns a JSON body into checked rows.

The fast path decodes and validates in one pass, with a msgspec decoder made from
the signature. Only when it refuses does `faults` look at every value again, to report
all faults at once.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Any, Literal

import msgspec
from msgspec.structs import astuple

from server.batch import Batch, Form
from server.contracts.predict.faults import (
    UNDECODABLE,
    count_rows,
    explain,
    explain_values,
    is_columns,
    too_many,
)
from server.contracts.predict.size import require_few_values
from server.problems import InvalidBatch, Problem
from server.signature import (
    MISSING_TEXT,
    Feature,
    Signature,
    is_boolean,
    is_text,
)


class RowReader:
    """Reads the bodies that one model accepts.

    Parameters
    ----------
    max_rows
        Most rows in one body.
    """

    def __init__(self, signature: Signature, max_rows: int) -> None:
        self._signature = signature
        self._features = signature.features
        self._max_rows = max_rows
        self._checks = [
            (position, check)
            for position, feature in enumerate(signature.features)
            if (check := _check(feature))
        ]
        self._is_fast = all(map(_is_field_name, signature.features))
        if self._is_fast:
            self._columns = _columns_struct(signature.features)
            row = _row_struct(signature.features)
            self._rows = list[row]  # type: ignore[valid-type]
            self._decode_row = msgspec.json.Decoder(row).decode
            self._decode = msgspec.json.Decoder(row | self._rows).decode
            self._decode_columns = msgspec.json.Decoder(self._columns).decode

    def read(self, body: bytes) -> Batch:
        """Return the checked rows of `body`.

        Raises
        ------
        MalformedBody, InvalidBatch, TooManyRows
        """
        require_few_values(body, self._max_rows, len(self._features))
        if not self._is_fast:
            return self._read_plainly(body)
        try:
            decoded = self._decode(body)
        except UNDECODABLE as error:
            return self._read_columns(body, error)
        if type(decoded) is not list:
            return self._checked(body, [astuple(decoded)], "row")
        return self._checked(body, [astuple(row) for row in decoded], "rows")

    def check(self, document: Any) -> Batch:
        """Return the checked rows of what another protocol had in other words.

        Parameters
        ----------
        document
            As if it had been read from JSON: a row, a list of them, or columns.

        Raises
        ------
        InvalidBatch, TooManyRows
        """
        if (n_rows := count_rows(document)) > self._max_rows:
            raise too_many(n_rows, self._max_rows)
        batch = self.try_check(document)
        if batch is not None:
            return batch
        if problem := explain_values(document, self._signature):
            raise problem
        return self._plain(document)

    def try_check(self, document: Any) -> Batch | None:
        """Return the rows of such a document, None if `check` is to find a fault."""
        if not self._is_fast:
            is_faulty = explain_values(document, self._signature)
            return None if is_faulty else self._plain(document)
        with suppress(msgspec.ValidationError, ValueError):
            if isinstance(document, list):
                rows = list(map(astuple, msgspec.convert(document, self._rows)))
                if self._are_checked(rows):
                    return Batch(rows, "rows")
            elif is_columns(document, self._features):
                decoded: Any = msgspec.convert(document, self._columns)
                rows = _transposed(astuple(decoded.columns))
                if self._are_checked(rows):
                    return Batch(rows, "columns")
        return None

    def try_lines(self, lines: Sequence[bytes]) -> Batch | None:
        """Return the rows of lines of JSON, an object each, None where one is none."""
        if not self._is_fast:
            with suppress(*UNDECODABLE):
                return self.try_check([*map(msgspec.json.decode, lines)])
            return None
        with suppress(*UNDECODABLE):
            rows = list(map(astuple, map(self._decode_row, lines)))
            if self._are_checked(rows):
                return Batch(rows, "rows")
        return None

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
        return self._plain(msgspec.json.decode(body))

    def _plain(self, document: Any) -> Batch:
        """Return the rows of a document in which nothing is wrong."""
        if is_columns(document, self._features):
            rows = _transposed(_values(document["columns"], self._features))
            return Batch(rows, "columns")
        form: Form = "rows" if isinstance(document, list) else "row"
        objects = document if form == "rows" else [document]
        return Batch([_values(each, self._features) for each in objects], form)

    def _checked(self, body: bytes, rows: list[tuple[Any, ...]], form: Form) -> Batch:
        if len(rows) > self._max_rows:
            raise too_many(len(rows), self._max_rows)
        if not self._are_checked(rows):
            raise self._problem(body) or InvalidBatch("A value is invalid.")
        return Batch(rows, form)

    def _are_checked(self, rows: Sequence[tuple[Any, ...]]) -> bool:
        return all(
            accepts(row[position]) for position, accepts in self._checks for row in rows
        )

    def _problem(self, body: bytes) -> Problem | None:
        return explain(body, self._signature, self._max_rows)


def check_row(row: dict[str, Any], signature: Signature) -> Batch:
    """Return the batch of one row that never was JSON, such as a form's.

    Raises
    ------
    InvalidBatch
    """
    if problem := explain_values(row, signature):
        raise problem
    return Batch([_values(row, signature.features)], "row")


def _values(row: Mapping[str, Any], features: Sequence[Feature]) -> tuple[Any, ...]:
    return tuple(row.get(feature.name) for feature in features)


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
