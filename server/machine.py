"""What the process may take of its machine, and the settings that go with it."""

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from server.settings import InvalidSetting, Settings

MEMORY_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
"""Of control groups of the second and of the first version, as a container sees them."""

OWN_GROUPS = Path("/proc/self/cgroup")
"""The groups of the process below those, where it is in no container: systemd's units."""

HELD_SHARE, UNSENT_SHARE = 32, 128
"""Requests that wait, and answers that wait, may take one part of so many."""

N_OWN_FILES = 24
"""What the process itself has open, and a few to spare."""


def fitted(settings: Settings) -> Settings:
    """Return the settings with what the process may take, where that is less.

    A body of the largest size that is allowed can always be held.

    Raises
    ------
    InvalidSetting
        There are too few files for a single connection.
    """
    n_bytes = memory_limit_bytes() or 2**63
    held = min(settings.max_held_bytes, n_bytes // HELD_SHARE)
    n_files = allowed_files()
    if n_files <= N_OWN_FILES:
        raise InvalidSetting(
            f"the process may open {n_files} files and needs {N_OWN_FILES}, and one for "
            "each connection; let it open more (ulimit -n)"
        )
    return settings._replace(
        max_held_bytes=max(held, settings.max_body_bytes),
        max_unsent_bytes=min(settings.max_unsent_bytes, n_bytes // UNSENT_SHARE),
        max_connections=min(settings.max_connections, n_files - N_OWN_FILES),
    )


def memory_limit_bytes() -> int | None:
    """Return the limit of the container or of the process, None without one."""
    limits = []
    for path in _limit_files():
        with suppress(OSError, ValueError):  # there is none, or it says max
            limits.append(int(path.read_text("ascii")))
    if sys.platform == "win32":
        return None
    import resource

    of_process, _ = resource.getrlimit(resource.RLIMIT_AS)
    if of_process != resource.RLIM_INFINITY:
        limits.append(of_process)
    return min(limits, default=None)


def _limit_files() -> Iterator[Path]:
    """Yield where a limit may stand: what is said of a group counts for all below."""
    groups = ""
    with suppress(OSError):  # without /proc nobody says in which group this is
        groups = OWN_GROUPS.read_text("utf-8", "replace")
    for path, controller in zip(MEMORY_LIMITS, ("", "memory"), strict=True):
        yield path
        for line in groups.splitlines():
            _, controllers, group = line.split(":", 2)
            if controller in controllers.split(","):
                own = path.parent / group.lstrip("/")
                yield from (each / path.name for each in (own, *own.parents))


def allowed_files() -> int:
    """Return how many files the process may open, after asking for all it can get."""
    if sys.platform == "win32":
        return 2**31
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return 2**31 if soft == resource.RLIM_INFINITY else soft
