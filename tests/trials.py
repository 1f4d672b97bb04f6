"""Loads doubtful files in forked children, and sees what they do.

A child is warm: it has all libraries. It has a folder of its own, a limit of memory,
and a hook on what Python opens, runs and imports. What ends it, or holds it up, is told
apart from what it raises; the next child goes on with the next file.
"""

import contextlib
import gc
import os
import re
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAX_MEMORY_BYTES = 2 * 2**30
"""Of one child, beyond what it has when it starts."""

LIMIT_CPU_S = 10.0
LIMIT_WALL_S = 120.0
"""Of one file; the machine may be busy."""

PER_CHILD = 250
"""Files, until a new child is forked: what one has changed ends with it."""

UNMADE = "unmade"
"""Of a mutation that no library could write: it is no file."""

RUNS = (
    *("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty"),
    *("os.startfile", "subprocess.Popen", "pty.spawn"),
    *("ctypes.dlopen", "webbrowser.open", "sys.addaudithook"),
    *("function.__new__", "cpython.run_command"),
)
"""Events of Python's audit that are code of the file's choice."""

CHANGES = (
    *("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink"),
    *("os.chmod", "os.chown", "os.truncate", "shutil.copyfile"),
    *("shutil.rmtree", "shutil.move", "tempfile.mkdtemp", "tempfile.mkstemp"),
)

LIBRARIES = {
    *("catboost", "lightgbm", "xgboost", "sklearn", "numpy", "scipy", "pandas"),
    *("joblib", "skops", "convert", "server", "pyarrow", "dill", "cloudpickle"),
    *(
        "threadpoolctl",
        "tests",
        "onnx",
        "msgspec",
        "dateutil",
        "lz4",
        "google",
        "narwhals",
    ),
}

MAKERS = (
    "/collections/__init__.py",
    "/dataclasses.py",
    "/typing.py",
    "/decorator.py",
    "/pyarrow/vendored/version.py",
)
"""What writes code itself, of names that it checks."""

FROM_CODE = re.compile(r"<(?!frozen |__array_function__|attrs|lambda)")
"""Where code says that it is from, if it is from no file."""


@dataclass(frozen=True)
class Trial:
    """What came of one file."""

    index: int
    word: str
    said: str = ""

    @property
    def is_fault(self) -> bool:
        return self.word not in ("refused", "harmless", "died", "memory", UNMADE)


class _Watch:
    """Notes what happens while a file is tried; hooks cannot be taken back."""

    def __init__(self, folder: Path) -> None:
        self.is_on = False
        self.seen: list[str] = []
        self.folder = str(folder)
        self.known = (sys.prefix, sys.base_prefix, str(Path(__file__).parents[1]))

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.is_on:
            return
        self.is_on = False
        try:
            if doubt := self._doubt(event, arguments):
                self.seen.append(doubt)
        finally:
            self.is_on = True

    def _doubt(self, event: str, arguments: tuple[Any, ...]) -> str:
        if event == "subprocess.Popen" and arguments[0] == "lscpu":
            return ""  # joblib counts the cores
        if event in RUNS or event.startswith("socket."):
            return f"code: {event} {str(arguments)[:80]}"
        if event in CHANGES and not self._is_own(arguments[0]):
            return f"file: {event} {str(arguments)[:80]}"
        if event == "open":
            return self._opened(*arguments)
        if event == "exec":
            name = getattr(arguments[0], "co_filename", "<?>")
            by = sys._getframe(3).f_code.co_filename
            if FROM_CODE.match(name) and not by.endswith(MAKERS):
                return f"code: exec {name} by {by}"
        if event == "import":
            top = str(arguments[0]).partition(".")[0]
            known = top in LIBRARIES or top in sys.stdlib_module_names
            is_new = str(arguments[0]) not in sys.modules
            return f"code: import {arguments[0]}" if is_new and not known else ""
        return ""

    def _is_own(self, path: Any) -> bool:
        """Whether it lies in the folder of the child; what is left there is seen."""
        name = os.fsdecode(path) if isinstance(path, str | bytes) else str(path)
        return os.path.abspath(name).startswith(self.folder + os.sep)

    def _opened(self, path: Any, mode: Any, flags: int) -> str:
        if isinstance(path, int):
            return ""
        name = os.fsdecode(path) if isinstance(path, str | bytes) else str(path)
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        if writes and name != os.devnull and not self._is_own(name):
            return f"file: open {name} to write"
        is_known = name.startswith(
            (*self.known, self.folder, "/proc/", "/sys/", "/dev/")
        )
        return "" if is_known else f"file: open {name} to read"


Judge = Callable[[], str]
"""Tries a file, and returns "harmless" or raises what it raises."""

Maker = Callable[[int, Path], Judge]
"""Makes the file of an index in a folder, unwatched, and returns what tries it."""


def try_all(indices: Sequence[int], make: Maker) -> Iterator[Trial]:
    """Yield what comes of each index, in order; a child that ends is no end."""
    waiting = list(indices)
    while waiting:
        done = 0
        for trial in _child(waiting[:PER_CHILD], make):
            done += 1
            yield trial
        waiting = waiting[done:]


def _child(indices: Sequence[int], make: Maker) -> Iterator[Trial]:
    """Yield the trials of one child, the one that ended it too."""
    folder = Path(tempfile.mkdtemp(prefix="trials-"))
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reader)
        _work(indices, make, folder, writer)
    os.close(writer)
    try:
        yield from _listen(process, reader, indices)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(process, 0)
        os.close(reader)
        shutil.rmtree(folder, ignore_errors=True)


def _work(indices: Sequence[int], make: Maker, folder: Path, writer: int) -> None:
    """Try the files one after the other; never returns."""
    try:
        _confine(folder)
        watch = _Watch(folder)
        sys.addaudithook(watch.hook)
        for index in indices:
            word, said = _try(index, make, folder, watch, writer)
            line = f"{index}\t{word}\t{said}".replace("\n", " ")[:2000]
            os.write(writer, line.encode("utf-8", "replace") + b"\n")
            if word not in ("refused", "harmless"):
                break  # what was damaged in this process ends with it
    finally:
        os._exit(0)


def _confine(folder: Path) -> None:
    os.chdir(folder)
    os.setsid()
    tempfile.tempdir = str(folder)
    used = _memory_bytes()
    limit = used + MAX_MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 2**20, 64 * 2**20))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    warnings.simplefilter("ignore")
    gc.freeze()


def _memory_bytes() -> int:
    """Return what RLIMIT_DATA counts of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    return 0


def _try(
    index: int, make: Maker, folder: Path, watch: _Watch, writer: int
) -> tuple[str, str]:
    from convert.errors import Refusal

    judge = make(index, folder)
    os.write(writer, b"\n")  # from here on what happens is the file's doing
    before = set(os.listdir(folder))
    watch.seen.clear()
    watch.is_on = True
    try:
        word, said = judge(), ""
    except Refusal as refusal:
        word, said = "refused", str(refusal)
    except MemoryError:
        word, said = "memory", ""
    except BaseException as error:  # whatever it is, it would be a traceback
        word, said = "traceback", _signature(error)
    watch.is_on = False
    if watch.seen:
        return watch.seen[0].partition(":")[0], f"{watch.seen[0]} ({word}: {said})"
    if (
        written := set(os.listdir(folder))
        - before
        - {"pipeline", "transformer", "rows.csv"}
    ):
        return "file", f"file: {sorted(written)}"
    return word, said


def _signature(error: BaseException) -> str:
    """Return where it was raised, and what: two of the same are one defect."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "/convert/" in f.filename]
    places = [f"{Path(f.filename).name}:{f.name}" for f in (*ours[-1:], *frames[-1:])]
    return f"{type(error).__name__} in {' → '.join(places)}: {str(error)[:150]}"


def _listen(process: int, reader: int, indices: Sequence[int]) -> Iterator[Trial]:
    n_told, rest, is_made = 0, b"", False
    since, cpu_s = time.monotonic(), 0.0
    while n_told < len(indices):
        ready, _, _ = select.select([reader], [], [], 0.5)
        piece = os.read(reader, 65536) if ready else b""
        if ready and not piece:
            break
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if not line:
                is_made, since, cpu_s = True, time.monotonic(), _cpu_s(process)
                continue
            is_made = False
            index, word, said = line.decode("utf-8", "replace").split("\t", 2)
            yield Trial(int(index), word, said)
            n_told += 1
            since, cpu_s = time.monotonic(), _cpu_s(process)
            if word not in ("refused", "harmless"):
                return
        wall_s = time.monotonic() - since
        if _cpu_s(process) - cpu_s > LIMIT_CPU_S or wall_s > LIMIT_WALL_S:
            yield Trial(
                indices[n_told], "hang" if is_made else UNMADE, f"{wall_s:.0f} s"
            )
            return
    else:
        return
    if not is_made:
        yield Trial(indices[n_told], UNMADE)
        return
    _, status = os.waitpid(process, 0)
    name = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else ""
    yield Trial(indices[n_told], "died", name or f"status {status}")


def _cpu_s(process: int) -> float:
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
