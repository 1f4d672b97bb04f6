"""Ends what runs for too long: one thread, which looks once a second.

A run says when it starts by writing down the number of the second, and that it ended by
writing zero: two attributes, and nothing of the system is asked. A run that is over
time is told to end, which onnxruntime looks at between two operators. What cannot be
told, or does not listen, ends the process: whoever supervises it starts it anew.
"""

import os
import time
from collections.abc import Callable
from typing import Final
from weakref import ref

GRACE_SECONDS = 5
"""How long a run may take to end once it was told."""

SETTING = "--run-seconds or PINION_RUN_SECONDS"


class Watched:
    """What is looked at while it runs.

    Parameters
    ----------
    named
        What it is, in the sentence of its end.

    Attributes
    ----------
    started
        Number of the second in which it started; 0 while it does not run.
    is_kept
        Whether it may be run again; not after it was told to end.
    """

    def __init__(self, named: str, watchdog: "Watchdog") -> None:
        self.started = 0
        self.is_kept = False
        self.named = named
        watchdog.watch(self)

    def tell(self) -> bool:
        """Ask it to end; False if there is no way to ask."""
        return False


class Watchdog:
    """Looks at all that runs in this process, once `start` was called.

    Attributes
    ----------
    now
        Number of the second. It counts what the thread saw: while the process is
        stopped, no time passes, and no clock can be set back.
    seconds
        How long a run may take; None as long as nobody looks.
    """

    def __init__(self, leave: Callable[[int], object] = os._exit) -> None:
        self.now = 1
        self.seconds: int | None = None
        self._leave: Final = leave
        self._watched: set[ref[Watched]] = set()

    def watch(self, watched: Watched) -> None:
        """Look at it from now on, as long as there is a reference to it."""
        self._watched.add(ref(watched, self._watched.discard))

    def start(self, seconds: int) -> None:
        """Let nothing run for longer than `seconds`; later calls change the number."""
        is_first, self.seconds = self.seconds is None, seconds
        if is_first:
            from threading import Thread  # a function of AWS needs none

            Thread(target=self._look_on, name="watchdog", daemon=True).start()

    def is_over(self, started: int) -> bool:
        """Return whether what started in this second is over time."""
        return self.seconds is not None and self.now - started > self.seconds

    def look(self) -> None:
        """Count a second, and tell or end what is over time."""
        self.now += 1
        for reference in self._watched.copy():
            watched = reference()
            if watched is not None and watched.started:
                self._judge(watched)

    def _judge(self, watched: Watched) -> None:
        if not self.is_over(watched.started):
            return
        # First this, then another look: what has ended since is not told, and what is
        # told does not run again, so that nobody else's run is ended for it.
        watched.is_kept = False
        started = watched.started
        if not (started and self.is_over(started)):
            return
        is_told = watched.tell()
        if not is_told or self.is_over(started + GRACE_SECONDS):
            self._end(watched, is_told)

    def _end(self, watched: Watched, is_told: bool) -> None:
        found = f"{watched.named} took longer than {self.seconds} s ({SETTING})"
        if is_told:
            found += f" and did not end within {GRACE_SECONDS} s after it was told to"
        # straight to the descriptor: another thread may hold the lock of sys.stderr
        os.write(2, f"error: {found}: the process ends\n".encode())
        self._leave(1)

    def _look_on(self) -> None:
        while True:
            time.sleep(1)
            self.look()


WATCHDOG = Watchdog()
"""The one of this process. Nothing is bounded before it is started."""
