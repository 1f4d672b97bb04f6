"""What the server logs: bounded, and a line is a line."""

import logging
import re
from time import monotonic

MAX_LINES_PER_SECOND = 10
"""Records; a client that causes a thousand faults a second fills no disk."""

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


class Formatter(logging.Formatter):
    """Marks what goes on in another line, and shows control characters.

    A text of a client may come into a traceback; no line of it begins like a record.
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        text = CONTROL.sub(lambda found: repr(found[0])[1:-1], super().format(record))
        return text.replace("\n", "\n  | ")


class Bounded(logging.Filter):
    """Lets so many records through a second, and tells how many it left out."""

    def __init__(self) -> None:
        super().__init__()
        self._left = float(MAX_LINES_PER_SECOND)
        self._then = monotonic()
        self._n_left_out = 0

    def filter(self, record: logging.LogRecord) -> bool:
        now = monotonic()
        self._left += (now - self._then) * MAX_LINES_PER_SECOND
        self._left = min(self._left, MAX_LINES_PER_SECOND)
        self._then = now
        if self._left < 1:
            self._n_left_out += 1
            return False
        self._left -= 1
        if self._n_left_out:
            record.msg = f"({self._n_left_out} records were left out) {record.msg}"
            self._n_left_out = 0
        return True


def set_up() -> None:
    """Log warnings and faults to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(Formatter())
    handler.addFilter(Bounded())
    logging.basicConfig(handlers=[handler])
