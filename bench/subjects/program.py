"""A program that is measured: started on one core, and what Linux counts about it."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from bench.errors import Refusal
from bench.subjects.machine import REPOSITORY

LOG_BYTES = 2000
STOP_TIMEOUT_S = 10.0

PSS = (
    "PSS is the memory of a program in which a page that n programs share counts as 1/n"
)


@dataclass(frozen=True)
class Memory:
    """Of a program and its children, from ``/proc/PID/smaps_rollup``.

    Parameters
    ----------
    pss_mib
        Private pages, and of each shared page its share.
    private_mib
        Pages that it wrote: its own whoever else runs, and in no file to read them
        from again (Private_Dirty).
    resident_mib
        All pages, shared ones whole. Far above `pss_mib`, other programs map the same
        libraries just now, and `pss_mib` is less than the program alone would have.
    """

    pss_mib: float
    private_mib: float
    resident_mib: float


def read_memory(pids: Iterable[int]) -> Memory:
    """Return the memory of these processes together."""
    kib: Counter[str] = Counter()
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, *values = line.split()
            if values[-1] == "kB":
                kib[name] += int(values[0])
    return Memory(kib["Pss:"] / 1024, kib["Private_Dirty:"] / 1024, kib["Rss:"] / 1024)


class Program:
    """A started program that is stopped at the end of its `with` block.

    `begin_s` is the moment just before it was started, by `time.perf_counter`.
    """

    def __init__(
        self,
        command: Sequence[str],
        core: int,
        environment: Mapping[str, str],
    ) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115
        self._command = list(command)
        with pinned(core):
            self.begin_s = time.perf_counter()
            self._popen = subprocess.Popen(  # noqa: S603
                self._command,
                stdin=subprocess.PIPE,
                stdout=self._log,
                stderr=self._log,
                env={**environment},
                cwd=REPOSITORY,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def check_alive(self) -> None:
        """Raise a Refusal with the end of the log if the program has ended.

        Raises
        ------
        Refusal
            If the program has ended.
        """
        if self._popen.poll() is not None:
            raise Refusal(
                f"`{' '.join(self._command)}` ended with exit code "
                f"{self._popen.returncode} before it was measured; it said: "
                f"{self.read_log()}"
            )

    def read_log(self) -> str:
        """Return the end of what the program wrote."""
        log = self._log.fileno()
        start = max(0, os.fstat(log).st_size - LOG_BYTES)
        return os.pread(log, LOG_BYTES, start).decode(errors="replace").strip()

    def memory(self) -> Memory:
        return read_memory(each.pid for each in self._tree())

    def cpu_s(self) -> float:
        """Return the seconds computed so far, in user and kernel mode.

        Linux counts in steps of 10 ms: measure over seconds.
        """
        times = [each.cpu_times() for each in self._tree()]
        return float(sum(each.user + each.system for each in times))

    def stop(self) -> None:
        """Ask the program and its children to end, and end those that do not."""
        tree = self._tree() if self._popen.poll() is None else []
        with suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGTERM)
        _, alive = psutil.wait_procs(tree, timeout=STOP_TIMEOUT_S)
        for each in alive:
            each.kill()
        self._popen.communicate()
        self._log.close()

    def _tree(self) -> list[psutil.Process]:
        root = psutil.Process(self._popen.pid)
        return [root, *root.children(recursive=True)]


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """Run on `core` only, as children do that are started meanwhile."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def choose_cores() -> tuple[int, int]:
    """Return a core for the program and another for the client, if there is one.

    Raises
    ------
    Refusal
        If the system pins no programs to cores: this needs Linux.
    """
    if not hasattr(os, "sched_getaffinity"):
        raise Refusal(
            "this measurement pins programs to cores and reads /proc, so it needs Linux"
        )
    cores = sorted(os.sched_getaffinity(0))
    return cores[0], cores[-1]


def clean_environment() -> dict[str, str]:
    """Return ours without `CI`, which alters programs, and without telemetry.

    onnxruntime's Linux wheels report usage from 1.29 on: with that thread and its
    socket the bare import would be slower and heavier than it has to be.
    """
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    return environment | {"ORT_DISABLE_TELEMETRY": "1"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
