"""Lines of JSON, an object each, read chunk by chunk."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from server.batch import Batch
from server.contracts.predict.faults import UNDECODABLE, read_json
from server.contracts.schema import Schema
from server.contracts.streams.block import BLOCK_ROWS, Block, Unread
from server.contracts.streams.lines import Chunk


class Objects:
    """A document of lines.

    Parameters
    ----------
    ignores_extra
        Whether names that the model does not read may come.

    Attributes
    ----------
    names
        Of the columns that a record may have.
    has_others
        Whether it may have any besides.
    separator
        For an answer that is a table.
    rest
        Nothing: a line is a record.
    """

    def __init__(self, schema: Schema, *, ignores_extra: bool) -> None:
        features = [each.name for each in schema.signature.features]
        self.names: Sequence[str] = [*features, *schema.signature.ignored]
        self.has_others = ignores_extra
        self.separator = ","
        self.rest = b""
        self._schema = schema
        self._kept = frozenset(features) if ignores_extra else None

    def begin(self, chunk: Chunk) -> Chunk | None:
        """Return the chunk: there is no header."""
        return chunk

    def read(self, chunk: Chunk) -> Iterator[Block | Unread]:
        """Yield the records of whole lines; a line with nothing in it is none."""
        lines = chunk.content.split(b"\n")
        for start in range(0, len(lines), BLOCK_ROWS):
            part = lines[start : start + BLOCK_ROWS]
            first = chunk.line + start
            numbers: Sequence[int] = range(first, first + len(part))
            if not all(map(bytes.strip, part)):
                numbers = [n for n, it in zip(numbers, part, strict=True) if it.strip()]
                part = [it for it in part if it.strip()]
            if part:
                yield ObjectBlock(self._schema, self._kept, part, numbers)


class ObjectBlock:
    """Some lines.

    Parameters
    ----------
    kept
        Names of which nothing else is read; None to refuse others.
    numbers
        Of the lines.
    """

    def __init__(
        self,
        schema: Schema,
        kept: frozenset[str] | None,
        lines: Sequence[bytes],
        numbers: Sequence[int],
    ) -> None:
        self._reader = schema.reader
        self._kept = kept
        self._lines = lines
        self._numbers = numbers
        self._documents: list[Any] | None = None

    def __len__(self) -> int:
        return len(self._lines)

    def checked(self, start: int, end: int) -> Batch | None:
        lines = self._lines[start:end]
        if self._kept is None:
            return self._reader.try_lines(lines)
        try:
            rows = [self._only_kept(each) for each in map(msgspec.json.decode, lines)]
        except UNDECODABLE:
            return None
        return self._reader.try_check(rows)

    def explained(self, place: int) -> Batch:
        return self._reader.check([self._only_kept(read_json(self._lines[place]))])

    def line(self, place: int) -> int:
        return self._numbers[place]

    def texts(self, name: str) -> Sequence[Any]:
        return ["" if each is None else each for each in self.values(name)]

    def values(self, name: str) -> Sequence[Any]:
        if self._documents is None:
            self._documents = [*map(_read_or_nothing, self._lines)]
        return [each.get(name) for each in self._documents]

    def _only_kept(self, document: Any) -> Any:
        if self._kept is None or not isinstance(document, dict):
            return document
        return {name: document[name] for name in document if name in self._kept}


def _read_or_nothing(line: bytes) -> dict[str, Any]:
    """Return the object of a line; one that is none has no columns to show."""
    try:
        document = msgspec.json.decode(line)
    except UNDECODABLE:
        return {}
    return document if isinstance(document, dict) else {}
