"""Turns a JSON body into checked rows.

The fast path decodes and validates in one pass, with a msgspec decoder made from
the signature. Only when it refuses may the rows be whole records, and does `faults`
look at every value again, to report all faults at once.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec.structs import astuple

from server.batch import Batch, Form
from server.contracts.predict.faults import (
    UNDECODABLE,
    count_rows,
    explain,
    explain_values,
    is_columns,
    known,
    row_faults,
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

if TYPE_CHECKING:
    from server.contracts.predict.records import Records

MAX_UNCOUNTED_PLACES = 8_000_000
"""Of values, 64 MB, in rows that a decoder may make before anybody counts them."""

OVERHEAD = 16
"""Of a decoded row and its tuple, in places of 8 bytes."""


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
        self._n_columns = len(signature.features) + len(signature.ignored)
        self._n_short_bytes = 2 * max_rows  # which hold no more rows, nor values
        n_places = len(signature.features) + OVERHEAD
        most = 2 * max_rows * self._n_columns * n_places
        self._counts_braces = most > MAX_UNCOUNTED_PLACES
        self._checks = [
            (position, check)
            for position, feature in enumerate(signature.features)
            if (check := _check(feature))
        ]
        self._is_fast = all(_is_field_name(each.name) for each in signature.features)
        if self._is_fast:
            self._columns = columns_struct(signature.features)
            self._row: Any = row_struct(signature.features)
            self._rows = list[self._row]  # type: ignore[name-defined]
            self._decode_row = msgspec.json.Decoder(self._row).decode
            self._decode = msgspec.json.Decoder(self._row | self._rows).decode
            self._decode_columns = msgspec.json.Decoder(self._columns).decode

    def read(self, body: bytes) -> Batch:
        """Return the checked rows of `body`.

        Raises
        ------
        MalformedBody, InvalidBatch, TooManyRows
        """
        if len(body) > self._n_short_bytes and self._may_be_too_many(body):
            return self._read_plainly(body)
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
        if (n_rows := count_rows(document, self._signature.ignored)) > self._max_rows:
            raise too_many(n_rows, self._max_rows)
        document = known(document, self._signature)
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
                rows = transposed(astuple(decoded.columns))
                if self._are_checked(rows):
                    return Batch(rows, "columns")
        return None

    def try_lines(self, lines: Sequence[bytes]) -> Batch | None:
        """Return the rows of lines of JSON, an object each, None where one is none."""
        with suppress(*UNDECODABLE):
            if self._is_fast:
                rows = list(map(astuple, map(self._decode_row, lines)))
                return Batch(rows, "rows") if self._are_checked(rows) else None
        if self._is_fast and not self._signature.ignored:
            return None
        with suppress(*UNDECODABLE):
            documents = [*map(msgspec.json.decode, lines)]
            return self.try_check(known(documents, self._signature))
        return None

    def values_of(self, row: Any) -> tuple[Any, ...] | None:
        """Return the values of a row that was read; None if something is wrong in it."""
        if not isinstance(row, dict):
            return None
        if self._is_fast:
            with suppress(msgspec.ValidationError):
                values = astuple(msgspec.convert(row, self._row))
                return values if self._are_checked([values]) else None
            return None
        names = {feature.name for feature in self._features}
        if not row.keys() <= names:
            return None  # a fault would look for the nearest name
        has_fault = any(row_faults(row, self._signature))
        return None if has_fault else _values(row, self._features)

    def _may_be_too_many(self, body: bytes) -> bool:
        """Tell whether a body may hold so many rows that they are not to be decoded.

        Its commas allow a hundred times as many as are accepted, if the columns are a
        hundred; its braces do not. They are counted where that many would be large.

        Raises
        ------
        TooManyRows
            It holds more values than they have.
        """
        require_few_values(body, self._max_rows, self._n_columns)
        return self._counts_braces and body.count(b"{") > self._max_rows

    def _read_columns(self, body: bytes, refusal: Exception) -> Batch:
        try:
            decoded: Any = self._decode_columns(body)
            rows = transposed(astuple(decoded.columns))
        except (*UNDECODABLE, ValueError):
            return self._read_records(body, refusal)
        return self._checked(body, rows, "columns")

    def _read_records(self, body: bytes, refusal: Exception) -> Batch:
        """Read whole records, if the model ignores a column, or say what is wrong."""
        if self._records is not None:
            with suppress(*UNDECODABLE, ValueError):
                return self._checked(body, *self._records.read(body))
        elif self._signature.ignored:
            return self._read_plainly(body)
        raise self._problem(body) or InvalidBatch(str(refusal))

    @cached_property
    def _records(self) -> "Records | None":
        """Return what reads whole records, where it can; made for the first of them."""
        ignored = self._signature.ignored
        if not ignored or "columns" in ignored or not all(map(_is_field_name, ignored)):
            return None
        from server.contracts.predict.records import Records

        return Records(self._features, ignored)

    def _read_plainly(self, body: bytes) -> Batch:
        """Read what no msgspec struct is made for, or what may be too many rows."""
        if problem := self._problem(body):
            raise problem
        return self._plain(known(msgspec.json.decode(body), self._signature))

    def _plain(self, document: Any) -> Batch:
        """Return the rows of a document in which nothing is wrong."""
        if is_columns(document, self._features):
            rows = transposed(_values(document["columns"], self._features))
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


def _is_field_name(name: str) -> bool:
    """Whether msgspec takes the name: it must need no escape in JSON."""
    return msgspec.json.encode(name) == f'"{name}"'.encode()


def row_struct(
    features: Sequence[Feature], ignored: Sequence[str] = ()
) -> type[msgspec.Struct]:
    """Return the struct of a row, whose last fields are the ignored columns."""
    fields: list[Any] = [
        (f"f{position}", _value_type(feature))
        if feature.required
        else (f"f{position}", _value_type(feature) | None, None)
        for position, feature in enumerate(features)
    ]
    return _struct("Row", fields, [feature.name for feature in features], ignored)


def columns_struct(
    features: Sequence[Feature], ignored: Sequence[str] = ()
) -> type[msgspec.Struct]:
    """Return the struct of a body with columns, whose last fields are the ignored."""
    fields: list[Any] = []
    for position, feature in enumerate(features):
        value: Any = _value_type(feature)
        if feature.required:
            fields.append((f"f{position}", list[value]))
        else:
            fields.append((f"f{position}", list[value | None] | None, None))
    columns = _struct("Columns", fields, [each.name for each in features], ignored)
    return _struct("Body", [("columns", columns)], ["columns"], ignored)


def _struct(
    name: str, fields: list[Any], names: Sequence[str], ignored: Sequence[str]
) -> type[msgspec.Struct]:
    """Return a struct whose fields have the names in JSON, and then the ignored ones."""
    skipped = [
        (f"ignored{position}", msgspec.Raw | msgspec.UnsetType, msgspec.UNSET)
        for position in range(len(ignored))
    ]
    all_fields = [*fields, *skipped]
    in_json = zip(all_fields, [*names, *ignored], strict=True)
    return msgspec.defstruct(
        name,
        all_fields,
        rename={field[0]: each for field, each in in_json},
        forbid_unknown_fields=True,
        kw_only=True,
        gc=False,
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


def transposed(columns: Sequence[list[Any] | None]) -> list[tuple[Any, ...]]:
    """Return rows; a column that is left out is missing in each of them.

    Raises
    ------
    ValueError
        The columns differ in length.
    """
    n_rows = max((len(column) for column in columns if column is not None), default=0)
    filled = ([None] * n_rows if column is None else column for column in columns)
    return list(zip(*filled, strict=True))
