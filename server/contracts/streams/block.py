"""Records of a stream that are read together, and one that cannot be read."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from server.batch import Batch
from server.problems import Problem

BLOCK_ROWS = 1000
"""As many as a run has (docs/decisions.md)."""


class Unread(NamedTuple):
    """A record that is none."""

    line: int
    problem: Problem


class Block(Protocol):
    """Some records, in the order of their lines."""

    def __len__(self) -> int: ...

    def checked(self, start: int, end: int) -> Batch | None:
        """Return the rows of some records, None if there is a fault in one."""
        ...

    def explained(self, place: int) -> Batch:
        """Return the row of one record.

        Raises
        ------
        MalformedBody, InvalidBatch
        """
        ...

    def line(self, place: int) -> int:
        """Return the number of the line on which a record begins."""
        ...

    def texts(self, name: str) -> Sequence[Any]:
        """Return a column as a table shows it."""
        ...

    def values(self, name: str) -> Sequence[Any]:
        """Return a column as JSON."""
        ...
