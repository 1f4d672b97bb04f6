"""CSV (RFC 4180) with a header, read chunk by chunk."""

import csv
import io
import math
import re
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from server.batch import Batch
from server.contracts.schema import Schema
from server.contracts.streams.block import BLOCK_ROWS, Block, Unread
from server.contracts.streams.lines import Chunk
from server.contracts.text import value_of
from server.problems import MalformedBody
from server.signature import Feature, Value, is_boolean, is_text

SEPARATORS = (",", ";", "\t")

csv.field_size_limit(sys.maxsize)  # of the whole process: a line has its own limit

BOOLEANS = {"": None, "true": True, "false": False}

UNDECODED = re.compile("[\udc80-\udcff]")
"""What Python makes of bytes that are not UTF-8, where it is told to go on."""


class Table:
    """A CSV document.

    Parameters
    ----------
    ignores_extra
        Whether columns that the model does not read may come.

    Attributes
    ----------
    names
        Of the columns, once the header is read.
    has_others
        Whether a record may have other columns.
    separator
        The one that makes the most names of features out of the header.
    rest
        Of the chunk that was read last: what is to be read again, with more behind it.
    """

    def __init__(self, schema: Schema, *, ignores_extra: bool) -> None:
        self.names: Sequence[str] = ()
        self.has_others = False
        self.separator = ","
        self.rest = b""
        self._schema = schema
        self._ignores_extra = ignores_extra
        self._known = {each.name: each for each in schema.signature.features}

    def begin(self, chunk: Chunk) -> Chunk | None:
        """Read the header, and return what is behind it; None if it is not whole.

        Raises
        ------
        MalformedBody
        InvalidBatch
        """
        text = chunk.content.decode(errors="surrogateescape")
        found: list[tuple[list[str], str, int]] = []
        fault = ""
        for separator in SEPARATORS:
            reader = self._reader(text, separator)
            try:
                names: list[str] = next(filter(None, reader), [])
            except csv.Error as error:
                if reader.line_num >= text.count("\n") and not chunk.is_last:
                    return None  # perhaps it is only cut here
                fault = fault or str(error)
            else:
                found.append((names, separator, reader.line_num))
        if not found:
            raise MalformedBody(f"The header cannot be read as CSV: {fault}.")
        known = self._known.keys()
        names, separator, n_lines = max(found, key=lambda it: len(known & {*it[0]}))
        if not names and not chunk.is_last:
            return None
        self.names, self.separator = names, separator
        self._check_header()
        return chunk.behind(n_lines)

    def read(self, chunk: Chunk) -> Iterator[Block | Unread]:
        """Yield the records of whole lines."""
        try:
            text, is_utf8 = chunk.content.decode(), True
        except UnicodeDecodeError:
            text, is_utf8 = chunk.content.decode(errors="surrogateescape"), False
        self.rest = b""
        columns = self._plain_columns(text) if is_utf8 else None
        if columns is not None:
            yield self._block(columns, [chunk.line])
            return
        yield from self._read_rows(chunk, text, is_utf8=is_utf8)

    def _plain_columns(self, text: str) -> Sequence[Sequence[str]] | None:
        """Return the cells of lines without a quotation mark, None of any other.

        Rows that are lists, as Python's module has them, are a third of the time that a
        stream takes.
        """
        if "\r" in text:
            text = text.replace("\r\n", "\n")
        if '"' in text or "\r" in text or not text:
            return None
        if not text.endswith("\n"):
            text += "\n"
        separator, n_columns = self.separator, len(self.names)
        n_lines = text.count("\n")
        cells = text.replace("\n", f"{separator}\n{separator}").split(separator)
        if len(cells) != n_lines * (n_columns + 1) + 1:
            return None
        if cells[n_columns :: n_columns + 1].count("\n") != n_lines:
            return None  # one line has more cells, and another one fewer
        columns = [cells[place :: n_columns + 1] for place in range(n_columns)]
        columns[0].pop()  # what is behind the last line
        return None if n_columns == 1 and "" in columns[0] else columns

    def _read_rows(
        self, chunk: Chunk, text: str, *, is_utf8: bool
    ) -> Iterator[Block | Unread]:
        reader = self._reader(text, self.separator)
        while True:
            rows: list[list[str]] = []
            begun = reader.line_num
            try:
                rows.extend(islice(reader, BLOCK_ROWS))
            except csv.Error as error:  # what came before it is in rows
                fault = str(error)
            else:
                fault = ""
            yield from self._blocks(rows, chunk.line + begun, is_utf8=is_utf8)
            if not fault and len(rows) < BLOCK_ROWS:
                return
            if fault:
                begun += sum(map(_n_lines, rows))
                if reader.line_num >= text.count("\n") and not chunk.is_last:
                    self.rest = chunk.behind(begun).content  # perhaps it is only cut
                    return
                yield _unread(chunk.line + begun, f"it cannot be read as CSV: {fault}.")

    def _check_header(self) -> None:
        names = self.names
        if not names:
            raise MalformedBody("The body is empty; send a header, and a line a row.")
        if UNDECODED.search("".join(names)):
            raise MalformedBody("The header is not UTF-8.")
        seen: set[str] = set()
        for name in names:
            if name in seen:
                raise MalformedBody(f"The header has two columns {name!r}.")
            seen.add(name)
        kept = self._known.keys() if self._ignores_extra else names
        self._schema.reader.check({"columns": {n: [] for n in names if n in kept}})

    def _blocks(
        self, rows: list[list[str]], line: int, *, is_utf8: bool
    ) -> Iterator[Block | Unread]:
        """Yield rows together, as far as each has its cells."""
        if is_utf8 and {*map(len, rows)} == {len(self.names)}:
            yield self._block([*zip(*rows, strict=True)], [line])
            return
        whole: list[list[str]] = []
        lines: list[int] = []
        for row in rows:
            detail = self._fault(row, is_utf8)
            if row and detail is None:
                whole.append(row)
                lines.append(line)
            elif row:
                if whole:
                    yield self._block([*zip(*whole, strict=True)], lines)
                    whole, lines = [], []
                yield _unread(line, str(detail))
            line += _n_lines(row)
        if whole:
            yield self._block([*zip(*whole, strict=True)], lines)

    def _block(
        self, columns: Sequence[Sequence[str]], lines: list[int]
    ) -> "TableBlock":
        named = dict(zip(self.names, columns, strict=True))
        return TableBlock(self._schema, self._known, named, lines)

    def _fault(self, row: Sequence[str], is_utf8: bool) -> str | None:
        if not is_utf8 and UNDECODED.search("".join(row)):
            return "it is not UTF-8."
        if (n_cells := len(row)) != (expected := len(self.names)):
            return f"it has {n_cells} cells, the header {expected}."
        return None

    def _reader(self, text: str, separator: str) -> Any:
        # lines end at \n alone: what else Python takes for an end may stand in a cell
        source = io.StringIO(text, newline="\n")
        return csv.reader(source, delimiter=separator, strict=True)


class TableBlock:
    """Rows of a table, each with as many cells as the header.

    Parameters
    ----------
    columns
        By name.
    lines
        Of the rows; or of the first, if none was left out between them.
    """

    def __init__(
        self,
        schema: Schema,
        known: dict[str, Feature],
        columns: dict[str, Sequence[str]],
        lines: list[int],
    ) -> None:
        self._schema = schema
        self._known = known
        self._columns = columns
        self._lines = lines
        self._values = {
            name: typed(known[name], column)
            for name, column in columns.items()
            if name in known
        }

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    def checked(self, start: int, end: int) -> Batch | None:
        part = {name: column[start:end] for name, column in self._values.items()}
        return self._schema.reader.try_check({"columns": part}) if part else None

    def explained(self, place: int) -> Batch:
        row = {
            name: self._value(name, self._columns[name][place]) for name in self._values
        }
        present = {name: value for name, value in row.items() if value is not None}
        return self._schema.reader.check([present])

    def line(self, place: int) -> int:
        if len(self._lines) == len(self):
            return self._lines[place]
        before = [column[:place] for column in self._columns.values()]
        return self._lines[0] + sum(map(_n_lines, zip(*before, strict=True)))

    def texts(self, name: str) -> Sequence[Any]:
        return self._columns[name]

    def values(self, name: str) -> Sequence[Any]:
        return [self._value(name, cell) for cell in self._columns[name]]

    def _value(self, name: str, cell: str) -> Value | None:
        return value_of(self._known[name], cell) if name in self._known else cell


def typed(feature: Feature, column: Sequence[str]) -> list[Value | None]:
    """Return what `value_of` makes of each cell, in a tenth of the time."""
    if is_text(feature):
        if "\r" in "".join(column):
            return [value_of(feature, cell) for cell in column]
        return [cell or None for cell in column] if "" in column else [*column]
    try:
        if is_boolean(feature):
            return [BOOLEANS[cell] for cell in column]
        numbers: list[Any] = [*map(float, filter(None, column))]
        if math.isfinite(sum(numbers)):
            if len(numbers) == len(column):
                return numbers
            return [float(cell) if cell else None for cell in column]
    except (KeyError, ValueError):
        pass
    return [value_of(feature, cell) for cell in column]


def _n_lines(row: Sequence[str]) -> int:
    return 1 + sum(cell.count("\n") for cell in row)


def _unread(line: int, detail: str) -> Unread:
    return Unread(line, MalformedBody(detail))
