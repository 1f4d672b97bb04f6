"""Finds a Python that a scikit-learn has a build for: this one, or another at hand.

A release has builds for the Pythons of its day only, and this converter needs
3.11: a file of scikit-learn 1.2 under Python 3.13 is converted by a Python 3.11.
"""

import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from convert.errors import Unreadable

logger = logging.getLogger(__name__)

FIRST_BUILDS = {
    (3, 11): (1, 1, 3),
    (3, 12): (1, 3, 1),
    (3, 13): (1, 5, 2),
    (3, 14): (1, 7, 2),
}
"""Python → the first scikit-learn that has a build for it, from 3.11 on."""

ASKING_LIMIT_S = 20
INSTALLING_LIMIT_S = 300

# a Python of Debian without python3-venv makes no environment, a shim of pyenv may
# stand for nothing
QUESTION = "import ensurepip, sys, venv; print(sys.executable, *sys.version_info[:2])"


class Interpreter(NamedTuple):
    """A Python: its executable, and e.g. (3, 11)."""

    executable: Path
    release: tuple[int, int]

    @property
    def is_this(self) -> bool:
        return self.release == sys.version_info[:2]


def find_interpreter(sklearn_version: str) -> Interpreter:
    """Return this Python, or another of this machine, for a scikit-learn.

    Raises
    ------
    Unreadable
        There is none; it says which to install, or that no Python will do.
    """
    check_has_build(sklearn_version)
    suitable = suitable_releases(sklearn_version)
    here = Interpreter(Path(sys.executable), sys.version_info[:2])
    if here.release in suitable:
        return here
    for release in suitable:
        if found := at_hand(release) or _installed_by_uv(release):
            return Interpreter(found, release)
    newest = suitable[0]
    raise Unreadable(
        f"the file needs scikit-learn {sklearn_version}, which has no build for "
        f"{_said(here.release)}, and there is no {_said(newest)} on the PATH, of pyenv or "
        f"of uv: install one (uv python install {_version(newest)}, or pyenv install "
        f"{_version(newest)}) and run this again"
    )


def check_has_build(sklearn_version: str) -> None:
    """Refuse a scikit-learn that no Python of this converter has a build for.

    Raises
    ------
    Unreadable
        If none has a build for it.
    """
    if not suitable_releases(sklearn_version):
        raise Unreadable(
            f"the file needs scikit-learn {sklearn_version}, which has no build for "
            f"{_said(min(FIRST_BUILDS))} and later, which this converter needs: fit the "
            f"pipeline again with scikit-learn {_version(min(FIRST_BUILDS.values()))} or "
            "later and save that"
        )


def suitable_releases(sklearn_version: str) -> list[tuple[int, int]]:
    """Return the Pythons that a scikit-learn has builds for, this one or newest first."""
    version = tuple(map(int, re.findall(r"\d+", sklearn_version)[:3]))
    here = sys.version_info[:2]
    known = FIRST_BUILDS
    if here > max(known):  # nobody knows yet; not before its elder
        known = {**known, here: known[max(known)]}
    suitable = [release for release, first in known.items() if version >= first]
    return sorted(
        suitable, key=lambda release: (release == here, release), reverse=True
    )


def at_hand(release: tuple[int, int]) -> Path | None:
    """Return this Python where it can make environments: of the PATH, pyenv or uv."""
    found = (path for path in _named(release) if _answers(path, release))
    return next(found, None)


def _named(release: tuple[int, int]) -> Iterator[Path]:
    version = _version(release)
    if on_path := shutil.which(f"python{version}"):
        yield Path(on_path)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(pyenv.glob(f"versions/{version}.*/bin/python"))
    if shutil.which("uv"):
        yield from _path(["uv", "python", "find", version], ASKING_LIMIT_S)
    if shutil.which("py"):  # of Windows
        program = "import sys; print(sys.executable)"
        yield from _path(["py", f"-{version}", "-c", program], ASKING_LIMIT_S)


def _installed_by_uv(release: tuple[int, int]) -> Path | None:
    if not shutil.which("uv"):
        return None
    logger.info("installing %s with uv …", _said(release))
    _said_by(["uv", "python", "install", _version(release)], INSTALLING_LIMIT_S)
    return at_hand(release)


def _answers(executable: Path, release: tuple[int, int]) -> bool:
    """Whether it is this Python, and can make environments."""
    said = _said_by([str(executable), "-I", "-c", QUESTION], ASKING_LIMIT_S)
    return said.split()[-2:] == [str(part) for part in release]


def _path(command: list[str], limit_s: float) -> list[Path]:
    said = _said_by(command, limit_s).strip()
    return [Path(said)] if said else []


def _said_by(command: list[str], limit_s: float) -> str:
    """Return what a program prints; nothing where it fails."""
    try:
        run = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, timeout=limit_s, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return run.stdout


def _version(release: tuple[int, ...]) -> str:
    return ".".join(map(str, release))


def _said(release: tuple[int, int]) -> str:
    return f"Python {_version(release)}"
