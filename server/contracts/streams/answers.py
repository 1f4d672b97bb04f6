"""The answers of a stream, a line a row."""

import csv
import io
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from server.batch import Prediction
from server.contracts.headers import CSV
from server.contracts.streams.block import Block
from server.contracts.streams.order import Order
from server.problems import Problem, sentence
from server.signature import Signature

JSON = msgspec.json.Encoder()


class Faulty(NamedTuple):
    """A record without a prediction.

    Parameters
    ----------
    problem
        Its detail names the line.
    block, place
        Where it is, None where it could not be read.
    """

    problem: Problem
    block: Block | None = None
    place: int = 0


class Answers(Protocol):
    """Writes them."""

    def head(self) -> bytes:
        """Return what stands before the first."""
        ...

    def rows(self, block: Block, start: int, end: int, prediction: Prediction) -> bytes:
        """Return the answers to some records of a block."""
        ...

    def faulty(self, record: Faulty) -> bytes:
        """Return what stands for the answer to a record that has none."""
        ...

    def end(self, problem: Problem) -> bytes:
        """Return the last line of a stream that is not answered any further."""
        ...


def answers_to(
    order: Order, signature: Signature, echo: Sequence[str], separator: str
) -> Answers:
    """Return what writes the answers that are wanted."""
    if order.answer == CSV:
        return TableAnswers(signature, echo, separator, shows_faults=order.skips)
    return ObjectAnswers(echo)


class TableAnswers:
    """CSV: the columns that are wanted, a column a target, and one of what was wrong."""

    def __init__(
        self,
        signature: Signature,
        echo: Sequence[str],
        separator: str,
        *,
        shows_faults: bool,
    ) -> None:
        self._echo = echo
        self._separator = separator
        self._targets = [target.name for target in signature.targets]
        self._names = [*echo]
        for target in self._targets:
            self._names.append(_free(target, self._names))
        self._shows_faults = shows_faults
        if shows_faults:
            self._names.append(_free("error", self._names))
        self._is_plain = len(self._names) == 1 and not signature.targets[0].classes

    def head(self) -> bytes:
        return self._written([self._names])

    def rows(self, block: Block, start: int, end: int, prediction: Prediction) -> bytes:
        values = prediction.values
        if self._is_plain:
            return JSON.encode_lines(values)
        columns = [_cells(block.texts(name)[start:end]) for name in self._echo]
        if len(self._targets) == 1:
            columns.append(_cells(values))
        else:
            columns += (_cells([one[name] for one in values]) for name in self._targets)
        if self._shows_faults:
            columns.append([""] * len(values))
        return self._written(zip(*columns, strict=True))

    def faulty(self, record: Faulty) -> bytes:
        block, place = record.block, record.place
        echoed = [
            "" if block is None else _cells(block.texts(name)[place : place + 1])[0]
            for name in self._echo
        ]
        nothing = [""] * len(self._targets)
        return self._written([[*echoed, *nothing, sentence(record.problem)]])

    def end(self, problem: Problem) -> bytes:
        return self._written([[f"error: {sentence(problem)}"]])

    def _written(self, rows: Any) -> bytes:
        text = io.StringIO()
        writer = csv.writer(text, delimiter=self._separator, lineterminator="\n")
        writer.writerows(rows)
        return text.getvalue().encode()


class ObjectAnswers:
    """Lines of JSON, each as `/predict` answers one row."""

    def __init__(self, echo: Sequence[str]) -> None:
        self._echo = echo
        self._prediction = _free("prediction", echo)

    def head(self) -> bytes:
        return b""

    def rows(self, block: Block, start: int, end: int, prediction: Prediction) -> bytes:
        if not self._echo and not prediction.included:
            return _objects(b'{"prediction":', prediction.values)
        columns = {name: block.values(name)[start:end] for name in self._echo}
        columns[self._prediction] = prediction.values
        for include, values in prediction.included.items():
            columns[include] = [*values]
        if prediction.baseline is not None:
            columns["baseline"] = [prediction.baseline] * len(prediction.values)
        names = [*columns]
        return JSON.encode_lines(
            [
                dict(zip(names, row, strict=True))
                for row in zip(*columns.values(), strict=True)
            ]
        )

    def faulty(self, record: Faulty) -> bytes:
        echoed = {}
        if record.block is not None:
            place = record.place
            echoed = {name: record.block.values(name)[place] for name in self._echo}
        error = msgspec.Raw(record.problem.body())
        return JSON.encode({**echoed, _free("error", self._echo): error}) + b"\n"

    def end(self, problem: Problem) -> bytes:
        return self.faulty(Faulty(problem))


def _free(name: str, taken: Collection[str]) -> str:
    """Return a name for what is predicted that no column beside it has."""
    while name in taken:
        name = f"predicted_{name}"
    return name


def _objects(begin: bytes, values: Sequence[Any]) -> bytes:
    """Return a line a value, in a fifth of the time that dictionaries take."""
    lines = JSON.encode_lines(values)  # of which none has a line break within
    return begin + lines[:-1].replace(b"\n", b"}\n" + begin) + b"}\n"


def _cells(values: Sequence[Any]) -> Sequence[str]:
    """Return values as the cells of a table: text as it is, all else as in JSON."""
    kinds = {*map(type, values)}
    if kinds <= {str}:
        return values
    if str in kinds:
        return [each if isinstance(each, str) else _json(each) for each in values]
    return JSON.encode_lines(values).decode().split("\n")[:-1]


def _json(value: Any) -> str:
    return JSON.encode(value).decode()
