"""What the process takes of its machine, under the names that Prometheus has for it."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

PROC = Path("/proc/self")

VIRTUAL_BYTES, RESIDENT_PAGES, START_TICKS = 20, 21, 19
"""Fields of `stat` behind the name of the program (proc(5): 23, 24 and 22)."""


def process_metrics() -> Iterator[tuple[str, str, float]]:
    """Yield name, kind and value of what the system tells; without /proc the first alone.

    https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics
    """
    yield "process_cpu_seconds_total", "counter", time.process_time()
    with suppress(OSError):
        fields = _stat()
        yield "process_virtual_memory_bytes", "gauge", int(fields[VIRTUAL_BYTES])
        resident_bytes = int(fields[RESIDENT_PAGES]) * os.sysconf("SC_PAGE_SIZE")
        yield "process_resident_memory_bytes", "gauge", resident_bytes
        yield "process_start_time_seconds", "gauge", _started()
        yield "process_open_fds", "gauge", len(os.listdir(PROC / "fd"))
        import resource  # where there is /proc

        yield "process_max_fds", "gauge", resource.getrlimit(resource.RLIMIT_NOFILE)[0]


@lru_cache(1)
def _started() -> float:
    """Return when the process began, in seconds since 1970; the same each time."""
    seconds_after_boot = int(_stat()[START_TICKS]) / os.sysconf("SC_CLK_TCK")
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    return round(booted + seconds_after_boot, 2)


def _stat() -> list[str]:
    return (PROC / "stat").read_text("utf-8").rpartition(")")[2].split()
