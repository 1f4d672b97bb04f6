"""Carries what a process behind the wall says to the one before it, in lines of text.

A line that begins with a mark is a record of a log, a refusal or a defect; any other is
what a library wrote. All of it is taken for the words of a stranger: bounded, and
without what a terminal would obey.
"""

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import IO

from convert.report.markdown import visible

log = logging.getLogger("convert")

MARK = "\x1e"

REFUSED, FAILED = logging.ERROR, logging.CRITICAL
"""Levels: the sentence of a refusal, and what a traceback ended with."""

MAX_LINE_BYTES = 50_000
MAX_BYTES = 1_000_000
SHORT_LINE_BYTES = 100
"""Beyond the first two the rest is read and forgotten, and no line counts as less than
the third; a refusal may name a thousand columns."""


def say(level: int, text: str) -> None:
    """Say one thing, behind the wall."""
    sys.stderr.write(f"{MARK}{level}\t{' '.join(text.splitlines())}\n")
    sys.stderr.flush()


class Records(logging.Handler):
    """Says what is logged by `convert`, behind the wall."""

    def emit(self, record: logging.LogRecord) -> None:
        say(min(record.levelno, logging.WARNING), record.getMessage())


class Relay:
    """Reads both outputs of a process to their ends, and logs what it says.

    Attributes
    ----------
    refusal, failure
        The last sentence of each kind; "" for none.
    printed
        Lines of its standard output.
    """

    def __init__(self, child: "subprocess.Popen[bytes]") -> None:
        self.refusal = self.failure = self.last_line = ""
        self.printed: list[str] = []
        self._threads = [
            threading.Thread(target=read, args=(stream,), daemon=True)
            for read, stream in ((self._print, child.stdout), (self._log, child.stderr))
        ]
        for thread in self._threads:
            thread.start()

    def join(self, timeout_s: float) -> None:
        for thread in self._threads:
            thread.join(timeout_s)

    def _print(self, output: IO[bytes]) -> None:
        self.printed += map(visible, lines(output))

    def _log(self, errors: IO[bytes]) -> None:
        for line in lines(errors):
            self._take(line)

    def _take(self, line: str) -> None:
        level, text = logging.WARNING, visible(line)
        if line.startswith(MARK):
            number, _, said = line[1:].partition("\t")
            level = {"20": logging.INFO, "40": REFUSED, "50": FAILED}.get(number, level)
            text = visible(said)
        if level == REFUSED:
            self.refusal = text
        elif level == FAILED:
            self.failure = text
        else:
            self.last_line = text
            log.log(level, "%s", text)


def lines(file: IO[bytes]) -> Iterator[str]:
    """Yield the first lines of a file, and of each its beginning; read and close it."""
    is_beginning, n_bytes = True, 0
    with file:
        while piece := file.readline(MAX_LINE_BYTES):
            if is_beginning and n_bytes < MAX_BYTES:
                n_bytes += max(len(piece), SHORT_LINE_BYTES)
                yield piece.decode("utf-8", "replace").rstrip("\r\n")
            is_beginning = piece.endswith(b"\n")
