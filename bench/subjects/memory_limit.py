"""A control group with little memory, as a container has it."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.errors import Refusal

FIRST_VERSION = Path("/sys/fs/cgroup/memory")
SECOND_VERSION = Path("/sys/fs/cgroup")
JOIN = 'echo $$ > "$0" && exec "$@"'


@contextmanager
def limited_memory(mib: int) -> Iterator[Sequence[str]]:
    """Yield the words before a command that keep it within so much memory.

    Raises
    ------
    Refusal
        If no control group can be made: that needs root, on Linux.
    """
    parent, limit = SECOND_VERSION, "memory.max"
    if FIRST_VERSION.is_dir():
        parent, limit = FIRST_VERSION, "memory.limit_in_bytes"
    group = parent / f"pinion-bench-{os.getpid()}"
    try:
        group.mkdir()
        (group / limit).write_text(str(mib << 20))
    except OSError as error:
        with suppress(OSError):
            group.rmdir()
        raise Refusal(
            f"a control group of {mib} MiB cannot be made ({error}): run it as root on "
            "Linux, or without --memory-mib"
        ) from error
    try:
        yield ["sh", "-c", JOIN, str(group / "cgroup.procs")]
    finally:
        with suppress(OSError):  # a program that is still there keeps it
            group.rmdir()
