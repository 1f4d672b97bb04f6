"""Says on standard error how far a comparison is."""

import math
import sys
import time

from convert.regressors import CANDIDATES

LINE_SECONDS = 5.0
"""Between two lines where standard error is no terminal."""


class Progress:
    """One line that changes in a terminal, now and then a line elsewhere."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._last = -math.inf
        self._n_trials = 0

    def tuned(self, name: str, n_trials: int, best: float) -> None:
        self._n_trials += 1
        self.say(
            f"tuning: trial {self._n_trials}, {CANDIDATES[name].title} reaches "
            f"R² {best:.4f} after {n_trials}"
        )

    def say(self, text: str) -> None:
        if self._is_terminal:
            sys.stderr.write(f"\r\033[K{text} …")
        elif time.monotonic() - self._last >= LINE_SECONDS:
            self._last = time.monotonic()
            sys.stderr.write(f"{text} …\n")
        sys.stderr.flush()

    def close(self) -> None:
        if self._is_terminal:
            sys.stderr.write("\r\033[K")
