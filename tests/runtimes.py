"""Releases of onnxruntime, each in a folder of its own for PYTHONPATH."""

import fcntl
import glob
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from convert.graph.builder import OLDEST_RUNTIME
from tests.servers import ROOT

BUILD = ROOT / "build/runtimes"
MANYLINUX = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014")
REQUIREMENTS = (ROOT / "requirements-inference.txt").read_text("utf-8")
TIME_LIMIT_S = 900


class Unreachable(Exception):
    """pip did not bring a release; the message is its own."""


def release(which: str, python: str) -> str:
    """Return the version of the oldest, the pinned or the newest onnxruntime."""
    return {
        "oldest": lambda: f"{OLDEST_RUNTIME}.0",
        "pinned": lambda: _pinned("onnxruntime"),
        "newest": lambda: _newest(python),
    }[which]()


def runtime_folder(
    version: str, python: str, machine: str = platform.machine()
) -> Path:
    """Return a folder with that onnxruntime and the pinned msgspec, no numpy.

    Raises
    ------
    Unreachable
    """
    folder = BUILD / f"onnxruntime-{version}-python{python}-{machine}"
    BUILD.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            unfinished = folder.with_name(f"{folder.name}.unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            msgspec = f"msgspec=={_pinned('msgspec')}"
            _pip(python, machine, unfinished, f"onnxruntime=={version}", msgspec)
            unfinished.rename(folder)
    return folder


def find_python(version: str) -> str | None:
    """Return a CPython of this version, from the path or from pyenv, that really runs."""
    root = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    found = sorted(glob.glob(f"{root}/versions/{version}.*/bin/python"))
    for python in (f"python{version}", *found):
        if _version_of(python) == version:
            return python
    return None


def replay(
    command: Sequence[str | Path], runtime: Path, folder: Path
) -> dict[str, Any]:
    """Run `tests.replay` over the files in `folder` and return what it says.

    Parameters
    ----------
    command
        A Python, and what it needs in front.
    """
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(runtime)}
    done = subprocess.run(
        [*command, "-s", "-B", "-m", "tests.replay", folder],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT_S,
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def _version_of(python: str) -> str:
    script = "import sys; print(*sys.version_info[:2], sep='.')"
    try:
        done = subprocess.run([python, "-c", script], capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout.strip()


def _pinned(name: str) -> str:
    found = re.search(rf"^{name}==(\S+)", REQUIREMENTS, re.MULTILINE)
    assert found is not None, name
    return found[1]


@cache
def _newest(python: str) -> str:
    nowhere = BUILD / "none"
    options = ("--dry-run", "--ignore-installed", "--report=-", "onnxruntime")
    report = json.loads(_pip(python, platform.machine(), nowhere, *options))
    version: str = report["install"][0]["metadata"]["version"]
    return version


def _pip(python: str, machine: str, target: Path, *arguments: str) -> str:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"),
            *("--only-binary=:all:", "--disable-pip-version-check"),
            f"--python-version={python}",
            *(f"--platform={name}_{machine}" for name in MANYLINUX),
            f"--target={target}",
            *arguments,
        ],
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT_S,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["pip gave no reason"]
        raise Unreachable(f"pip cannot install {' '.join(arguments)}: {lines[-1]}")
    return done.stdout
