"""What the client itself used of its core, so that it can doubt its own figures."""

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time

SCHEDSTAT = Path("/proc/self/schedstat")


@dataclass(frozen=True)
class ClientTime:
    """Shares of the measured time, of one core.

    Parameters
    ----------
    cpu_share
        Spent computing.
    waiting_share
        Spent ready to compute while another program had the core; 0 where the
        system does not tell (elsewhere than on Linux).
    """

    cpu_share: float = 0.0
    waiting_share: float = 0.0


class Stopwatch:
    def __init__(self) -> None:
        self._began = self._read()

    def time(self) -> ClientTime:
        """Return the shares since this stopwatch was made."""
        seconds, cpu_s, waiting_s = (
            now - then for now, then in zip(self._read(), self._began, strict=True)
        )
        return ClientTime(cpu_s / seconds, waiting_s / seconds)

    @staticmethod
    def _read() -> tuple[float, float, float]:
        return perf_counter(), process_time(), _waiting_s()


def _waiting_s() -> float:
    # "time spent waiting on a runqueue", in ns: kernel.org, scheduler/sched-stats
    if not SCHEDSTAT.exists():
        return 0.0
    return int(SCHEDSTAT.read_text().split()[1]) / 1e9
