"""What the server logs: bounded, never waited for, and a line is a line."""

import logging
import re
import sys
from contextlib import suppress
from queue import Full, Queue
from threading import Thread
from time import monotonic, sleep
from typing import TextIO

from server.bucket import Bucket

MAX_LINES_PER_SECOND = 10
"""Records; a client that causes a thousand faults a second fills no disk."""

MAX_WAITING_LINES = 1000

FLUSH_SECONDS = 1.0
"""How long the process waits at its end for what it has said to be read."""

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def visible(line: str) -> str:
    r"""Return the line with its control characters as escapes such as \n."""
    return CONTROL.sub(lambda found: repr(found[0])[1:-1], line)


class Formatter(logging.Formatter):
    """Marks what goes on in another line, and shows control characters.

    A text of a client may come into a traceback; no line of it begins like a record.
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return "\n  | ".join(map(visible, super().format(record).split("\n")))


class Bounded(logging.Filter):
    """Lets so many records through a second, and tells how many it left out."""

    def __init__(self) -> None:
        super().__init__()
        self._bucket = Bucket(MAX_LINES_PER_SECOND)
        self._n_left_out = 0

    def filter(self, record: logging.LogRecord) -> bool:
        if not self._bucket.take():
            self._n_left_out += 1
            return False
        if self._n_left_out:
            record.msg = f"({self._n_left_out} records were left out) {record.msg}"
            self._n_left_out = 0
        return True


class Beside(logging.Handler):
    """Writes lines in a thread of its own: whoever reads them may stop to.

    A full pipe would hold up the event loop, and with it every request. Where too many
    lines wait, the newest are dropped.

    Parameters
    ----------
    stream
        Where to; None stands for standard error as it is then.

    Raises
    ------
    RuntimeError
        The process may have no more threads.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__()
        self._stream = stream
        self._lines: Queue[str] = Queue(MAX_WAITING_LINES)
        Thread(target=self._write, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(Full):
            self._lines.put_nowait(self.format(record))

    def flush(self) -> None:
        """Wait until all is written, but not for long."""
        deadline = monotonic() + FLUSH_SECONDS
        while self._lines.unfinished_tasks and monotonic() < deadline:
            sleep(0.01)

    def _write(self) -> None:
        while True:
            line = self._lines.get()
            with suppress(OSError):  # a full disk, or nobody reads any more
                print(line, file=self._stream or sys.stderr, flush=True)
            self._lines.task_done()


def set_up() -> None:
    """Log warnings and faults to standard error."""
    handler = Beside()
    handler.setFormatter(Formatter())
    handler.addFilter(Bounded())
    logging.basicConfig(handlers=[handler])
