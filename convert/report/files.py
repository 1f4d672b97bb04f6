"""Writes files whole, and all of them or none.

Each is written beside under a hidden name that no server takes for a model, and renamed
when it is on the disk. Who writes in a folder holds a lock on it, and one on each hidden
file. The system lets go of both when the process ends, however it ends: what is there
without a lock nobody writes any more, and the next run removes it.
"""

import errno
import os
import re
import secrets
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from convert.errors import Invalid

HIDDEN = re.compile(r"\.pinion-[0-9a-f]{16}")
"""A file that is being written, or was when its run was killed."""

WAIT_S, TICK_S = 60.0, 0.05
"""For another run that writes in the same folder, and between two looks."""

LOOKING = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)

NOT_OFFERED = {errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}
"""What file systems say that lock no folder, or bring none to the disk by itself."""


def check_output(output: Path, ending: str) -> None:
    """Refuse what could not be written, before the work.

    Raises
    ------
    Invalid
        The name would hide what is in the file, or the system writes nothing there.
    """
    if output.suffix != ending:
        raise Invalid(
            f"the output is called {output}: give it a name ending in {ending}"
        )
    folder = output.parent
    while not folder.exists():
        folder = folder.parent
    if not (folder.is_dir() and os.access(folder, os.R_OK | os.W_OK | os.X_OK)):
        raise Invalid(f"nothing can be written in {folder}: name another folder")


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write all files or, if one cannot be written, none.

    Raises
    ------
    Invalid
        One cannot be written, or another run does not stop writing there.
    """
    with alone_in(path.parent for path in contents):
        replace(contents.items())


@contextmanager
def alone_in(folders: Iterable[Path]) -> Iterator[None]:
    """Keep other runs from writing there, and remove what killed ones have left.

    Raises
    ------
    Invalid
        One cannot be made or read, or another run does not stop writing there.
    """
    with ExitStack() as held:
        for folder in sorted({each.resolve() for each in folders}):
            with _refusing(folder):
                _make(folder)
                held.enter_context(_locked(folder))
                _sweep(folder)
        yield


def replace(steps: Iterable[tuple[Path, bytes]]) -> None:
    """Replace files one after the other, or none; a path may come twice.

    What was replaced stands on the disk before the next is, so that a file that depends
    on another is never there before it. The caller is alone in their folders.

    Raises
    ------
    Invalid
        One cannot be written.
    """
    with ExitStack() as hidden:
        written = []
        for path, content in steps:
            with _refusing(path):
                written.append((path, hidden.enter_context(_written(path, content))))
        replaced: list[tuple[Path, Path | None]] = []
        try:
            for path, new in written:
                with _refusing(path):
                    replaced.append((path, hidden.enter_context(_kept(path))))
                    _rename(new, path)
        except BaseException:
            _put_back(replaced)
            raise


def _put_back(replaced: list[tuple[Path, Path | None]]) -> None:
    """Put back what was there, the last first; where one stays, so do those before."""
    for path, old in reversed(replaced):
        with _refusing(path):
            if old is None:
                path.unlink(missing_ok=True)
                _sync(path.parent)
            else:
                _rename(old, path)


def _rename(new: Path, path: Path) -> None:
    """Give a file its name, on the disk."""
    new.replace(path)
    _sync(path.parent)


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Invalid(f"{path} cannot be written: {error.strerror}") from error


@contextmanager
def _written(path: Path, content: bytes) -> Iterator[Path]:
    """Write a hidden file beside `path`, and remove it if it has not been renamed.

    Raises
    ------
    Invalid
        A folder has that name.
    """
    if path.is_dir():
        raise Invalid(f"{path} is a folder: give the file another name")
    new = _hidden(path)
    with _removing(new), open(new, "xb") as file:
        _lock(file.fileno())
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        if sys.platform == "win32":
            file.close()  # what is open is not renamed there
        yield new


@contextmanager
def _kept(path: Path) -> Iterator[Path | None]:
    """Keep what is there under a hidden name too."""
    if not path.exists():
        yield None
        return
    old = _hidden(path)
    with _removing(old), ExitStack() as copied:
        try:
            os.link(path, old)
        except OSError:  # links are not everywhere, nor to files of other users
            old = copied.enter_context(_written(path, path.read_bytes()))
        yield old


def _hidden(path: Path) -> Path:
    return path.with_name(f".pinion-{secrets.token_hex(8)}")


@contextmanager
def _removing(path: Path) -> Iterator[None]:
    try:
        yield
    finally:
        with suppress(OSError):  # the next run does it
            path.unlink(missing_ok=True)


def _make(folder: Path) -> None:
    """Make a folder, and those above it, on the disk."""
    if not folder.is_dir():
        _make(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync(folder.parent)


def _sync(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    if sys.platform == "win32":  # which opens no folder
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with _if_offered():
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _if_offered() -> Iterator[None]:
    """Go on where the file system has no such thing.

    Raises
    ------
    OSError
        It has, and it failed.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in NOT_OFFERED:
            raise


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    if sys.platform == "win32":
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _wait(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _wait(descriptor: int, folder: Path) -> None:
    ends = time.monotonic() + WAIT_S
    while not _lock(descriptor):
        if time.monotonic() >= ends:
            raise Invalid(
                f"another run has been writing in {folder} for {WAIT_S:g} s: end it, or "
                "name another folder"
            )
        time.sleep(TICK_S)


def _lock(descriptor: int) -> bool:
    """Return whether nobody else has it locked, as far as the file system tells."""
    if sys.platform != "win32":
        import fcntl

        try:
            with _if_offered():
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _sweep(folder: Path) -> None:
    """Remove what killed runs have left, where the file system tells that they are gone.

    A shared lock is enough, and a network file system gives no other to a reader.
    """
    if sys.platform == "win32":
        return
    import fcntl

    for name in filter(HIDDEN.fullmatch, os.listdir(folder)):
        with suppress(OSError):  # somebody else's: it is theirs to remove
            descriptor = os.open(folder / name, LOOKING)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
                (folder / name).unlink()
            finally:
                os.close(descriptor)
