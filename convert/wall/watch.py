"""Counts what a process behind the wall and all that it started use up together.

Limits of the system are of one process, and one of root's may start any number. Only
Linux tells without root what is counted here.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PROCESSES = Path("/proc")

SESSION, RESIDENT = 3, 21
"""Fields of /proc/PID/stat behind the name, which ends with a parenthesis."""

MAX_PROCESSES = 64
MAX_FOLDER_BYTES = 8 * 2**30
MAX_ENTRIES = 10_000
"""skl2onnx's process, an estimator and a graph are all that an honest file leaves."""


class Use(NamedTuple):
    """Of processes, memory and disk."""

    n_processes: int = 0
    n_bytes: int = 0
    n_entries: int = 0
    n_folder_bytes: int = 0

    def beyond(self, memory_bytes: int) -> str:
        """Say which limit is passed; "" for none."""
        if self.n_processes > MAX_PROCESSES:
            return f"started more than {MAX_PROCESSES} processes"
        if self.n_bytes > memory_bytes:
            return f"took more than {memory_bytes / 2**30:.3g} GiB of memory"
        if self.n_entries > MAX_ENTRIES:
            return f"wrote more than {MAX_ENTRIES:,} files"
        if self.n_folder_bytes > MAX_FOLDER_BYTES:
            return f"wrote more than {MAX_FOLDER_BYTES / 2**30:.3g} GiB"
        return ""


def measure(session: int, folder: Path) -> Use:
    """Return what the processes of a session use, and what a folder holds."""
    resident = list(_resident_bytes(session))
    try:
        sizes = list(_sizes(folder))
    except OSError:
        sizes = [MAX_FOLDER_BYTES + 1]
    return Use(len(resident), sum(resident), len(sizes), sum(sizes))


def _resident_bytes(session: int) -> Iterator[int]:
    for path in PROCESSES.glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended
            fields = path.read_bytes().rpartition(b")")[2].split()
            if int(fields[SESSION]) == session:
                yield int(fields[RESIDENT]) * os.sysconf("SC_PAGE_SIZE")


def _sizes(folder: Path) -> Iterator[int]:
    """Yield the bytes of each entry, of one more than are allowed at most."""
    folders, n_entries = [str(folder)], 0
    while folders:
        for entry in _entries(folders.pop()):
            n_entries += 1
            if n_entries > MAX_ENTRIES + 1:
                return
            with contextlib.suppress(FileNotFoundError):
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                yield entry.stat(follow_symlinks=False).st_size


def _entries(folder: str) -> Iterator["os.DirEntry[str]"]:
    """Yield what is in a folder, or nothing if it is gone.

    Raises
    ------
    OSError
        It cannot be looked into, for its marks or its depth: nothing honest is so.
    """
    gone = contextlib.suppress(FileNotFoundError, NotADirectoryError)
    with gone, os.scandir(folder) as entries:
        yield from entries
