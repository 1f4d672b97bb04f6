"""Shuts this process in before it reads a file that somebody else saved.

Whatever such a file makes it do, it reaches no network and no other process, reads what
Python and the command need, writes in one folder only, and has limits. Linux offers the
means of it without root, each since another version, and some systems refuse some; what
is refused is said, and the rest holds.

``python -m convert.wall.confinement FOLDER SECONDS BYTES [FILE …] -- COMMAND …`` does the work of a
command so, and leaves what it made in the folder.
"""

import contextlib
import os
import signal
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from convert.wall import landlock, seccomp
from convert.wall.libc import call

try:
    import resource
except ImportError:  # not on Windows
    resource = None  # type: ignore[assignment]

ROOT = Path(__file__).parents[2]
PACKAGES = [os.path.realpath(ROOT / name) for name in ("convert", "server")]
"""They may be links in there; Landlock knows only where a file really lies."""

MAX_FILE_BYTES = 4 * 2**30
"""Of a file that is written; a saved pipeline has no more when it is unpacked."""

MIN_ADDRESS_BYTES = 8 * 2**30
"""numpy's threads and pyarrow reserve addresses that they never touch."""

MAX_OPEN_FILES = 1024
N_TASKS, N_TASKS_A_CORE = 256, 16
"""Processes and threads: each of half a dozen libraries starts as many as there are
cores."""

NO_NEW_PRIVILEGES, DIES_WITH_PARENT, DROP_FROM_BOUND = 38, 1, 24
"""Of prctl (linux/prctl.h)."""

NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000
"""Of unshare (linux/sched.h)."""

CAPABILITY_VERSION = 0x20080522
READS_ALL, N_CAPABILITIES = 2, 64
"""The first is what lets root read what is another's (linux/capability.h)."""

SYSTEM = (
    *("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/nix/store", "/gnu/store"),
)
LOOKED_UP = (
    *("/proc", "/sys", "/dev/random", "/dev/urandom", "/dev/zero", "/etc/group"),
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime"),
    *("/etc/mime.types", "/etc/nsswitch.conf", "/etc/passwd", "/etc/timezone"),
)
"""Of processes, Landlock shows no memory and no variables but one's own."""

NOWHERE = "/dev/null"


def enter(
    folder: Path, seconds: int, memory_bytes: int, readable: Sequence[str] = ()
) -> str:
    """Shut this process in, with all that it starts, for the rest of its life.

    It has one thread until then: the kernel shuts in one thread at a time.

    Parameters
    ----------
    folder
        The only one in which it can write.
    seconds
        After which whoever started it ends it; of computing it has as many a core.
    readable
        Files that it can read, beside Python's own and the converter's.

    Returns
    -------
    What holds now and what this system does not offer, for a sentence.
    """
    said = f"this system has means against hanging only; at most {seconds} s"
    if sys.platform == "linux":
        call("prctl", NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        has_namespace = _is_offered(_leave_network)
        _is_offered(_drop_capabilities)  # where it has any
        version = _keep_files(folder, readable)
        offered = Offered(has_namespace, version, _is_offered(seccomp.restrict))
        call("prctl", DIES_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
        said = ", ".join(offered.said())
        said += f"; at most {seconds} s and {memory_bytes / 2**30:.3g} GiB"
    _set_limits(seconds, memory_bytes)
    return said


class Offered(NamedTuple):
    """What the system let this process do to itself.

    Parameters
    ----------
    landlock
        Its version, 0 for none.
    """

    namespace: bool
    landlock: int
    seccomp: bool

    def said(self) -> Iterator[str]:
        """Yield what holds, and then what does not."""
        means = ["namespace"] * self.namespace + ["seccomp"] * self.seccomp
        if means:
            yield f"no network ({', '.join(means)})"
        if self.landlock:
            yield (
                "nothing writable but its own folder and nothing readable but what it "
                f"needs (Landlock {self.landlock})"
            )
        else:
            yield "files are open to it for want of Landlock"
        if not means:
            but = " but TCP" * (self.landlock >= landlock.TCP_VERSION)
            yield f"the network{but} is open to it for want of namespaces and seccomp"
        if not self.seccomp:
            yield "other processes are open to it for want of seccomp"


def _is_offered(step: Callable[[], object]) -> bool:
    try:
        step()
    except OSError:
        return False
    return True


def _leave_network() -> None:
    """Leave all networks, for a namespace that has none.

    Root needs no users of its own for that, and keeps to read what is another's.
    """
    if os.geteuid() == 0:
        call("unshare", NEW_NETWORK)
        return
    user, group = os.geteuid(), os.getegid()
    call("unshare", NEW_USER | NEW_NETWORK)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with contextlib.suppress(OSError):  # then the user has no name in there
            Path("/proc/self", name).write_text(text)


def _drop_capabilities() -> None:
    """Give up what root, or the first user of a namespace, can do beyond others."""
    kept = 1 << READS_ALL if os.geteuid() == 0 else 0
    for number in range(N_CAPABILITIES):
        if not kept >> number & 1:
            with contextlib.suppress(OSError):  # the kernel has fewer, or it is no root
                call("prctl", DROP_FROM_BOUND, number, 0, 0, 0)
    header = struct.pack("Ii", CAPABILITY_VERSION, 0)
    sets = struct.pack("6I", kept, kept, 0, 0, 0, 0)
    call("capset", header, sets)


def _keep_files(folder: Path, readable: Sequence[str]) -> int:
    """Leave this process the files that it needs; return the version of Landlock."""
    python = (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix)
    libraries = os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    run = (*SYSTEM, *python, *libraries, os.path.dirname(sys.executable))
    read = (*LOOKED_UP, *sys.path, str(ROOT), *PACKAGES, *readable)
    allowed = [
        *((path, landlock.RUN) for path in run if path),
        *((path, landlock.READ) for path in read if path),
        (NOWHERE, landlock.READ | landlock.WRITE_FILE),
        (str(folder), landlock.KEEP),
    ]
    try:
        landlock.restrict(allowed)
    except OSError:
        return 0
    return landlock.version()


def _set_limits(seconds: int, memory_bytes: int) -> None:
    """Set what each process has of its own; `convert.wall.watch` counts them together."""
    n_cores = os.cpu_count() or 1
    limits = {
        "RLIMIT_CORE": 0,
        "RLIMIT_CPU": seconds * n_cores,
        "RLIMIT_FSIZE": MAX_FILE_BYTES,
    }
    if sys.platform == "linux":  # elsewhere they are of all that the user runs, or none
        limits["RLIMIT_AS"] = max(memory_bytes, MIN_ADDRESS_BYTES)
        limits["RLIMIT_NOFILE"] = MAX_OPEN_FILES
        limits["RLIMIT_NPROC"] = N_TASKS + N_TASKS_A_CORE * n_cores + _n_tasks()
    for name, wanted in limits.items():
        with contextlib.suppress(AttributeError, OSError, ValueError):  # not on Windows
            _set_limit(getattr(resource, name), wanted)


def _set_limit(name: int, wanted: int) -> None:
    """Set one; its hard end lies behind it, so that SIGXCPU comes before SIGKILL."""
    _, most = resource.getrlimit(name)
    if most == resource.RLIM_INFINITY:
        most = wanted + 1
    resource.setrlimit(name, (min(wanted, most), min(wanted + 1, most)))


def _n_tasks() -> int:
    """Return how many this user has: they count where there is no namespace."""
    n_tasks = 0
    for folder in Path("/proc").glob("[0-9]*/task"):
        with contextlib.suppress(OSError):  # it has ended
            status = folder.stat()
            n_tasks += (status.st_nlink - 2) * (status.st_uid == os.geteuid())
    return n_tasks


def main(words: list[str]) -> int:
    """Shut this process in, and do the work of a command in it."""
    cut = words.index("--")
    folder, seconds, memory_bytes, *readable = words[:cut]
    walls = enter(Path(folder), int(seconds), int(memory_bytes), readable)
    from convert.wall import inside  # nothing else is imported before

    return inside.main(words[cut + 1 :], Path(folder), walls)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
