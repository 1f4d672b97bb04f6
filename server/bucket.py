"""So many a second, and as many at once after a pause."""

from time import monotonic


class Bucket:
    """What a second fills with `per_second`, and each that is let through takes one of.

    Parameters
    ----------
    per_second
        Also what it holds at most, and at first.
    """

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._left = float(per_second)
        self._then = monotonic()

    def take(self) -> bool:
        """Take one, and return whether there was one."""
        now = monotonic()
        self._left += (now - self._then) * self._per_second
        self._left = min(self._left, self._per_second)
        self._then = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
