"""Has a command's work done behind a wall: starts it, watches it, takes what it made.

The process here stays light and reads nothing of a saved file but what it would
import; the one behind the wall (`convert.wall.confinement`) reads the rest. What comes back is
text, and files in a folder that nobody else has, and both are taken for a stranger's.
"""

import contextlib
import os
import re
import signal
import site
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from convert.errors import Refusal
from convert.libraries import MORE_THREADS
from convert.wall.relay import Relay
from convert.wall.watch import measure

ROOT = Path(__file__).parents[2]

LAUNCHER = ("-m", "convert.wall.confinement")

READING = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a pipe that nobody writes would be waited for
)

TICK_S = 0.5
"""Between two looks at what the processes use."""

DRAINING_S = 5
"""For the last words of processes that have ended."""

KEPT = re.compile(
    r"PATH|LANG|LANGUAGE|LC_.*|TZ|TERM|COLUMNS|LINES|SOURCE_DATE_EPOCH|PYTHON.*"
    r"|(LD|DYLD)_.*|(OMP|GOMP|KMP|MKL|OPENBLAS|BLIS|VECLIB|NUMEXPR|NPY|ORT|SCIPY|SKLEARN)_.*"
    # without these no process starts on Windows
    r"|SYSTEMROOT|SYSTEMDRIVE|WINDIR|COMSPEC|PATHEXT|NUMBER_OF_PROCESSORS|PROCESSOR_.*"
)
"""Variables that the work may depend on; all others may hold secrets."""

DESCRIPTOR = re.compile(r"/dev/fd/(\d+)|/proc/self/fd/(\d+)|/dev/std(in)")
"""Of a shell's ``<(…)``: a file that is open already."""

NO_MEMORY = ("bad_alloc", "failed to map segment", "Memory allocation still failed")
"""What C++, the system's loader and OpenBLAS say of it."""

NO_THREAD = "OpenBLAS blas_thread_init"
"""How its last words begin before it interrupts its own process."""

MORE_TIME = "give it more with --time-limit, or try it with a smaller model"
MORE_MEMORY = "give it more with --memory-limit, or try it on a machine with more"


class WallLimits(NamedTuple):
    """Of all that is done behind the wall."""

    seconds: int
    memory_bytes: int


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """Make a folder that only this user enters, and remove it with all that is in it."""
    made = tempfile.TemporaryDirectory(prefix="pinion-", ignore_cleanup_errors=True)
    try:
        yield Path(made.name)
    finally:
        with contextlib.suppress(RecursionError):  # of folders in folders, before 3.13
            made.cleanup()


def work(
    words: Sequence[str],
    folder: Path,
    limits: WallLimits,
    *,
    read: Sequence[Path],
    python: Path | None = None,
    with_own_modules: bool = False,
) -> str:
    """Have the work of a command done behind a wall.

    Parameters
    ----------
    read
        The files that it reads, those of the saved pipeline first.
    python
        Of an environment with another scikit-learn.
    with_own_modules
        Whether it imports from the current folder too, as Python does.

    Returns
    -------
    What it printed.

    Raises
    ------
    Refusal
        Its own, or that it failed, crashed or passed a limit.
    RuntimeError
        The process may have no more threads.
    """
    command = [str(python or sys.executable), "-P", *LAUNCHER, str(folder)]
    command += [*map(str, limits), *map(os.path.abspath, read), "--", *words]
    variables = _variables(folder, with_own_modules=with_own_modules)
    if python:
        variables.pop("PYTHONHOME", None)
        variables["PYTHONNOUSERSITE"] = "1"
    child = subprocess.Popen(  # noqa: S603 - our own Python
        command,
        stdin=None if 0 in _descriptors(read) else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=variables,
        pass_fds=_descriptors(read),
        start_new_session=True,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),  # of Windows
    )
    try:
        relay = Relay(child)
    except RuntimeError:  # there are no threads for it
        _end(child)
        raise
    try:
        passed = _wait(child, folder, limits)
    finally:
        _end(child)
        relay.join(DRAINING_S)
    if passed or child.returncode:
        why = passed or _why_ended(child.returncode, relay, limits)
        raise Refusal(relay.refusal or f"{read[0]} {why}")
    return "\n".join(relay.printed)


def _variables(folder: Path, *, with_own_modules: bool) -> dict[str, str]:
    """Return what the process behind the wall is told of this one's variables."""
    kept = {
        name: os.environ[name] for name in os.environ if KEPT.fullmatch(name.upper())
    }
    modules = [str(ROOT), *[os.getcwd()] * with_own_modules]
    paths = [*modules, *filter(None, [os.environ.get("PYTHONPATH")])]
    if site.ENABLE_USER_SITE:
        kept["PYTHONUSERBASE"] = site.getuserbase()  # which hangs on HOME else
    else:
        kept["PYTHONNOUSERSITE"] = "1"
    return {
        **kept,
        **dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP"), str(folder)),
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONIOENCODING": "utf-8:backslashreplace",
        "JOBLIB_MULTIPROCESSING": "0",  # it would warn that it is given no semaphores
    }


def _descriptors(paths: Iterable[Path]) -> tuple[int, ...]:
    """Return which of the paths are open files of this process."""
    found = filter(None, (DESCRIPTOR.fullmatch(str(path)) for path in paths))
    return tuple(int(each[1] or each[2] or 0) for each in found)


def _wait(child: "subprocess.Popen[bytes]", folder: Path, limits: WallLimits) -> str:
    """Wait for the end; return what limit was passed, "" for none."""
    ends = time.monotonic() + limits.seconds
    while True:
        try:
            child.wait(TICK_S)
        except subprocess.TimeoutExpired:
            if time.monotonic() >= ends:
                return _too_long(limits)
            if beyond := measure(child.pid, folder).beyond(limits.memory_bytes):
                return _too_much(beyond)
        else:
            return ""


def _end(child: "subprocess.Popen[bytes]") -> None:
    """End the process, and all that it has started and left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            child.kill()
        else:
            os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _too_long(limits: WallLimits) -> str:
    return (
        f"took longer than {limits.seconds} s behind the wall and was stopped; nothing "
        f"was written: {MORE_TIME}"
    )


def _too_much(beyond: str) -> str:
    is_memory = "memory" in beyond
    remedy = MORE_MEMORY if is_memory else "it is no pipeline that scikit-learn saved"
    return f"{beyond} behind the wall and was stopped; nothing was written: {remedy}"


def _why_ended(status: int, relay: Relay, limits: WallLimits) -> str:
    """Return what is to be said of a process that did not end by itself."""
    if relay.failure.startswith("MemoryError") or any(
        each in relay.failure + relay.last_line for each in NO_MEMORY
    ):
        memory = f"{limits.memory_bytes / 2**30:.3g} GiB"
        return (
            f"takes more memory than there is behind the wall ({memory}); nothing was "
            f"written: {MORE_MEMORY}"
        )
    if status >= 0:
        said = relay.failure or relay.last_line or f"exit code {status}"
        return (
            f"made the converter fail behind the wall ({said}); nothing was written: "
            "save it again, or if that changes nothing report it"
        )
    name = signal.Signals(-status).name
    if name == "SIGXCPU":
        return _too_long(limits)
    if name == "SIGINT" and relay.last_line.startswith(NO_THREAD):
        return (
            "was being read behind the wall when a library could start no thread; "
            f"nothing was written: {MORE_THREADS}"
        )
    if name == "SIGKILL":
        return (
            "was being read behind the wall when the system ended that (SIGKILL), most "
            f"often for want of memory; nothing was written: {MORE_MEMORY}"
        )
    return (
        f"made the converter crash behind the wall ({name}); nothing was written: it is "
        "damaged or is not what it says, so copy or save it again"
    )


def take(folder: Path, name: str, max_bytes: int) -> bytes:
    """Return a file that was made behind the wall, if it is one and not too large.

    Raises
    ------
    Refusal
        It is not there, or is a link, a pipe or whatever else.
    """
    is_plain = False
    with contextlib.suppress(OSError):
        file = os.open(folder / name, READING)
        with open(file, "rb") as opened:
            status = os.fstat(file)
            is_plain = stat.S_ISREG(status.st_mode)
            # as many as are asked for are taken of the memory before any is read
            n_bytes = min(status.st_size, max_bytes) + 1
            content = opened.read(n_bytes) if is_plain else b""
    if not is_plain or not 0 < len(content) <= max_bytes:
        raise Refusal(
            "what came from behind the wall is no file that the converter makes there: "
            "nothing was written, and the saved pipeline should not be trusted"
        )
    return content
