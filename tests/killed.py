"""A program that writes a model again and again, killed before each call of the system.

    python -m tests.killed FOLDER

It copies FOLDER/before to FOLDER/1, FOLDER/2 …, and writes what is in FOLDER/new over
each, in a process that ends itself (SIGKILL) before its first, second … call of what
Python has for the system's calls, until one has come to its end.
"""

import itertools
import os
import shutil
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from convert.report.beside import write_model

SYSTEM = {"posix", "fcntl", "_io", "io"}

NAMES = MODEL, CARD, PICTURE = "m.onnx", "m.md", "m.svg"


def killed_at(n_calls: int, folder: Path, new: dict[str, bytes]) -> bool:
    """Write in a process that makes one call less; return whether it was killed."""
    process = os.fork()
    if not process:
        kill_at(n_calls)
        write(folder, new)
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(process, 0)[1])


def kill_at(n_calls: int) -> None:
    calls = itertools.count(1)

    def look(_: FrameType, event: str, called: Any) -> None:
        if event == "c_call" and is_of_system(called) and next(calls) == n_calls:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(look)


def is_of_system(called: Any) -> bool:
    """Whether this is a function of such a module, or a method of a file."""
    of = type(called.__self__).__module__
    return called.__name__ != "fspath" and bool({called.__module__, of} & SYSTEM)


def write(folder: Path, new: dict[str, bytes]) -> None:
    beside = {folder / name: new[name] for name in (CARD, PICTURE) if name in new}
    write_model(folder / MODEL, new[MODEL], beside)


def main(folder: Path) -> None:
    os.fsync = os.fstat  # type: ignore[assignment]  # a kill loses nothing of the disk
    new = {path.name: path.read_bytes() for path in (folder / "new").iterdir()}
    for n_calls in itertools.count(1):
        here = shutil.copytree(folder / "before", folder / str(n_calls))
        if not killed_at(n_calls, here, new):
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
