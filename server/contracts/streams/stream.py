"""A stream of rows and of their predictions, in the order in which they come.

However the bytes are cut on their way, the answers are the same; only whether there was
one before the first fault is a matter of time.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from server.batch import Batch, Prediction
from server.contracts.headers import CSV
from server.contracts.schema import Schema
from server.contracts.streams.answers import Answers, Faulty, answers_to
from server.contracts.streams.block import Block, Unread
from server.contracts.streams.lines import Chunk, Lines
from server.contracts.streams.objects import Objects
from server.contracts.streams.order import ALL, Order
from server.contracts.streams.tables import Table
from server.problems import (
    MAX_LISTED_FAULTS,
    Fault,
    InvalidBatch,
    InvalidQuery,
    LineTooLong,
    MalformedBody,
    NoPrediction,
    Problem,
)

Predict = Callable[[Sequence[str], Batch], Prediction]
"""From what is wanted beside a prediction, and checked rows."""


class Answered(NamedTuple):
    """Records with their predictions."""

    block: Block
    start: int
    end: int
    prediction: Prediction


class Stream:
    """One request.

    Parameters
    ----------
    order
        What is wanted.
    schema
        Of the model.
    max_line_bytes
        Of a line.
    predict
        Asks the model.

    Attributes
    ----------
    lines
        What has come and is not answered.
    is_begun
        Whether an answer was given: what is wrong from then on is the last line.
    is_over
        Whether nothing more will be answered.
    n_rows
        Predicted so far.
    """

    def __init__(
        self, order: Order, schema: Schema, max_line_bytes: int, predict: Predict
    ) -> None:
        self.lines = Lines(max_line_bytes)
        self.is_begun = False
        self.is_over = False
        self.n_rows = 0
        self._order = order
        self._signature = schema.signature
        source = Table if order.source == CSV else Objects
        self._source = source(schema, ignores_extra=order.ignores_extra)
        self._predict = predict
        self._answers: Answers | None = None  # before the header

    def answer(self) -> bytes:
        """Return the answers to a chunk of what has come, perhaps none.

        Raises
        ------
        Problem
            While nothing was given.
        """
        parts: list[bytes] = []
        try:
            parts += self._answered()
        except Problem as problem:
            if not self.is_begun:
                raise
            parts.append(self.end(problem))
        if self.lines.is_ended and not len(self.lines):
            self.is_over = True
        if self._answers is not None and not self.is_begun and (parts or self.is_over):
            parts.insert(0, self._answers.head())
            self.is_begun = True
        return b"".join(parts)

    def end(self, problem: Problem) -> bytes:
        """Return the last line, which says why it is the last."""
        assert self._answers is not None  # noqa: S101 - one was given
        self.is_over = True
        return self._answers.end(problem)

    def _answered(self) -> Iterator[bytes]:
        """Yield the answers to a chunk."""
        records = self._records()
        for record in records:
            assert self._answers is not None  # noqa: S101 - the header was read
            if isinstance(record, Answered):
                yield self._answers.rows(*record)
            elif self._order.skips:
                yield self._answers.faulty(record)
            else:
                raise record.problem if self.is_begun else _refusal(record, records)

    def _records(self) -> Iterator[Answered | Faulty]:
        """Yield the records of a chunk.

        Raises
        ------
        LineTooLong
            In the place of a header.
        """
        try:
            chunk = self._chunk()
        except LineTooLong as problem:
            if self._answers is None:
                raise
            yield Faulty(problem)
            return
        if chunk is None:
            return
        for part in self._source.read(chunk):
            if isinstance(part, Unread):
                yield Faulty(_at(part.line, part.problem))
            else:
                yield from self._predicted(part, 0, len(part))
        if self._source.rest:
            self.lines.put_back(self._source.rest)

    def _chunk(self) -> Chunk | None:
        """Return what can be read now, which is behind the header."""
        chunk = self.lines.take()
        if chunk is None and self.lines.is_ended and not len(self.lines):
            chunk = Chunk(b"", self.lines.line, is_last=True)
        if chunk is None or self._answers is not None:
            return chunk
        behind = self._source.begin(chunk)
        if behind is None:
            self.lines.put_back(chunk.content)
            return None
        self._answers = answers_to(
            self._order, self._signature, self._echoed(), self._source.separator
        )
        return behind

    def _echoed(self) -> Sequence[str]:
        """Return the columns that are wanted beside the predictions.

        Raises
        ------
        InvalidQuery
        """
        source = self._source
        wanted: list[str] = []
        for text in self._order.echo:
            if text == ALL and text not in source.names:
                wanted += source.names
            else:
                wanted += [text] if text in source.names else text.split(",")
        for name in wanted:
            if name not in source.names and not source.has_others:
                raise InvalidQuery(
                    f"There is no column {name!r} to echo; there are: "
                    f"{', '.join(source.names)}."
                )
        return list(dict.fromkeys(wanted))

    def _predicted(
        self, block: Block, start: int, end: int
    ) -> Iterator[Answered | Faulty]:
        """Yield what is predicted of records; halves of them where there is a fault."""
        found: Prediction | None = None
        try:
            if end - start == 1:
                found = self._predict(self._order.includes, block.explained(start))
            elif (batch := block.checked(start, end)) is not None:
                found = self._predict(self._order.includes, batch)
        except (MalformedBody, InvalidBatch, NoPrediction) as problem:
            if end - start == 1:
                yield Faulty(_at(block.line(start), problem), block, start)
                return
        if found is not None:
            self.n_rows += end - start
            yield Answered(block, start, end, found)
            return
        middle = (start + end) // 2
        yield from self._predicted(block, start, middle)
        yield from self._predicted(block, middle, end)


def _at(line: int, problem: Problem) -> Problem:
    """Return the problem of a record, which was asked for alone, with its line."""
    if isinstance(problem, NoPrediction):
        return NoPrediction(f"Line {line}: there is no finite prediction.")
    faults = [
        Fault("#" + fault.pointer.removeprefix("#/0"), fault.detail)
        for fault in problem.faults
    ]
    return type(problem)(f"Line {line}: {problem.detail}", faults)


def _refusal(first: Faulty, others: Iterator[Answered | Faulty]) -> Problem:
    """Return all that is wrong with a chunk of which nothing was answered."""
    more = (each for each in others if isinstance(each, Faulty))
    faulty = [first, *islice(more, MAX_LISTED_FAULTS)]
    if len(faulty) == 1:
        return first.problem
    faults = []
    for problem in (each.problem for each in faulty):
        line, _, detail = problem.detail.partition(": ")
        listed = problem.faults or [Fault("#", detail)]
        faults += [Fault(it.pointer, f"{line}: {it.detail}") for it in listed]
    return type(first.problem)(
        f"{len(faulty)} lines or more are invalid; those are listed.", faults
    )
