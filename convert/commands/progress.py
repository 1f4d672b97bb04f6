"""Says on standard error what a command is doing, so that no wait is silent."""

import contextlib
import logging
import math
import shutil
import sys
import threading
import time
from typing import Self

LINE_SECONDS = 5.0
"""Between two lines about one thing where standard error is no terminal."""

TICK_SECONDS = 1.0


class Progress(logging.Handler):
    """Shows what is logged by `convert` while its block runs.

    A text that ends in "…" says what goes on until the next one. In a terminal it is
    one line that counts the seconds; elsewhere it is a line once it has taken a
    second, and then now and then. Any other text is a line of its own, and an end
    unless it is a warning.
    """

    def __init__(self) -> None:
        super().__init__()
        self._is_terminal = sys.stderr.isatty()
        self._doing = ""
        self._since = self._due = math.inf
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        logger = logging.getLogger("convert")
        logger.addHandler(self)
        logger.setLevel(logging.INFO)
        self._due = time.monotonic() + TICK_SECONDS
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self.rest()
        logging.getLogger("convert").removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:  # the caller holds the lock
        text = record.getMessage()
        if text.endswith("…"):
            self._doing, self._since = text, time.monotonic()
            if self._is_terminal:
                self._show()
            return
        self._clear()
        self._line(text)
        if record.levelno < logging.WARNING:  # what was going on has come to this
            self._doing = ""

    def rest(self) -> None:
        """Say nothing until the next text."""
        with self.lock or contextlib.nullcontext():
            self._clear()
            self._doing = ""

    def _tick(self) -> None:
        while not self._ended.wait(TICK_SECONDS):
            with self.lock or contextlib.nullcontext():
                if self._doing and (self._is_terminal or time.monotonic() >= self._due):
                    self._show()

    def _show(self) -> None:
        seconds = int(time.monotonic() - self._since)
        text = f"{self._doing} {seconds} s" if seconds else self._doing
        if self._is_terminal:
            width = shutil.get_terminal_size().columns - 1  # one that wraps stays
            self._write(f"\r\033[K{text[:width]}")
        else:
            self._line(text)

    def _clear(self) -> None:
        if self._is_terminal and self._doing:
            self._write("\r\033[K")

    def _line(self, text: str) -> None:
        self._due = time.monotonic() + LINE_SECONDS
        self._write(f"{text}\n")

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError):  # nobody reads it: the work goes on
            sys.stderr.write(text)
            sys.stderr.flush()
