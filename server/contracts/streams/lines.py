"""Cuts the bytes of a stream into chunks of whole lines."""

from typing import NamedTuple

from server.problems import LineTooLong

CHUNK_BYTES = 65_536
"""A chunk is read, predicted and written in one go, beside the event loop. Larger ones
are hardly faster, and others wait for them."""

MAX_CHUNK_LINES = 2000
"""Of short lines, of which a chunk would have tens of thousands."""

BOM = b"\xef\xbb\xbf"


class Chunk(NamedTuple):
    """Whole lines.

    Parameters
    ----------
    line
        Number of the first in the stream, from 1.
    is_last
        Whether nothing comes behind it; its last line may have no end.
    """

    content: bytes
    line: int
    is_last: bool

    def behind(self, n_lines: int) -> "Chunk":
        """Return it without its first lines."""
        parts = self.content.split(b"\n", n_lines)
        rest = parts[n_lines] if len(parts) > n_lines else b""
        return Chunk(rest, self.line + n_lines, self.is_last)


class Lines:
    """What has come of a stream and is not taken yet.

    Parameters
    ----------
    max_line_bytes
        Of a line, at least `CHUNK_BYTES`; and about what a record of several may have.

    Attributes
    ----------
    line
        Number of the first that is not taken.
    is_ended
        Whether no more will come.
    """

    def __init__(self, max_line_bytes: int) -> None:
        self.line = 1
        self.is_ended = False
        self._max_line_bytes = max_line_bytes
        self._pending = bytearray()
        self._n_seen_bytes = 0  # of pending, in which no record ends
        self._is_dropping = False  # the rest of a line that is too long
        self._is_begun = False

    def __len__(self) -> int:
        """Return how many bytes are not taken."""
        return len(self._pending)

    @property
    def has_line(self) -> bool:
        """Whether there may be something to take before more comes."""
        return self._pending.find(b"\n", self._n_seen_bytes) >= 0

    @property
    def is_full(self) -> bool:
        """Whether there is a whole chunk."""
        return len(self._pending) - self._n_seen_bytes >= CHUNK_BYTES

    @property
    def n_lines(self) -> int:
        """How many may be there to take."""
        return self._pending.count(b"\n")

    def add(self, part: bytes) -> None:
        self._pending += part
        if self._is_dropping:
            self._drop(self._pending.find(b"\n") + 1 or len(self._pending))

    def take(self) -> Chunk | None:
        """Return the next lines, None where none is whole.

        Raises
        ------
        LineTooLong
            Once for each such line, which is dropped.
        """
        pending, n_seen = self._pending, self._n_seen_bytes
        window = n_seen + CHUNK_BYTES
        first = pending.find(b"\n", n_seen, window)
        if max(first, n_seen) > self._max_line_bytes:
            raise self._too_long(first + 1 or n_seen)
        if self.is_ended and len(pending) <= window:
            return self._taken(self._few(len(pending))) if pending else None
        if first < 0:
            self._n_seen_bytes = min(window, len(pending))
            return None
        return self._taken(self._few(pending.rfind(b"\n", n_seen, window) + 1))

    def put_back(self, rest: bytes) -> None:
        """Have the end of a chunk again, whose last record is not whole."""
        self._pending[:0] = rest
        self._n_seen_bytes = len(rest)
        self.line -= rest.count(b"\n")

    def _few(self, n_bytes: int) -> int:
        """Return how many bytes to take where a chunk may have so many."""
        pending, n_seen = self._pending, self._n_seen_bytes
        n_lines = pending.count(b"\n", n_seen, n_bytes)
        if n_lines <= MAX_CHUNK_LINES:
            return n_bytes
        share = n_seen + (n_bytes - n_seen) * MAX_CHUNK_LINES // n_lines
        return pending.rfind(b"\n", n_seen, share) + 1 or n_bytes

    def _taken(self, n_bytes: int) -> Chunk:
        line, content = self.line, bytes(self._pending[:n_bytes])
        self._drop(n_bytes)
        if not self._is_begun:
            content = content.removeprefix(BOM)
        self._is_begun = True
        return Chunk(content, line, self.is_ended and not self._pending)

    def _too_long(self, n_bytes: int) -> LineTooLong:
        problem = LineTooLong(
            f"Line {self.line}: more than {self._max_line_bytes} bytes; that is the limit."
        )
        self._drop(n_bytes)
        return problem

    def _drop(self, n_bytes: int) -> None:
        """Go on behind so many bytes, or behind the line that they are a part of."""
        dropped = self._pending[:n_bytes]
        del self._pending[:n_bytes]
        self._n_seen_bytes = 0
        self.line += dropped.count(b"\n")
        self._is_dropping = not dropped.endswith(b"\n")
