"""Runs the converter beside the scikit-learn that wrote a file.

A pickle is safe to read only with the exact version that wrote it: under another
one some files do not load, some cannot predict, and some predict differently
without a word. Each version gets one virtual environment, made on demand below
the user's cache folder, in which the same command runs again.
"""

import contextlib
import hashlib
import importlib.metadata
import logging
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from convert.errors import Unreadable
from convert.inputs import PARQUET
from convert.saved.interpreters import Interpreter, find_interpreter
from convert.saved.scan import Scan, check_version

try:
    import fcntl
except ImportError:  # not on Windows: no lock there
    fcntl = None  # type: ignore[assignment]

logger = logging.getLogger(__name__)

MAKING_LIMIT_S = 1800

ERAS = {
    (1, 2): ("numpy<2", "scipy<1.11", "pandas<2.1"),
    (1, 3): ("numpy<2", "scipy<1.12", "pandas<2.2"),
    (1, 4): ("numpy<2", "scipy<1.14", "pandas<2.3"),
    (1, 5): ("numpy<2.2", "scipy<1.15", "pandas<2.3"),
    (1, 6): ("numpy<2.3", "scipy<1.16", "pandas<3"),
    (1, 7): ("numpy<2.4", "scipy<1.17", "pandas<3"),
}
"""The newest scikit-learn of an era → what was released while it was current.

Later versions take what is newest. numpy 2 broke compiled code: wheels before
scikit-learn 1.4.2 cannot be loaded beside it.
"""

CONVERTER = ("msgspec", "onnx", "onnxmltools", "onnxruntime", "skl2onnx")
"""What `convert export` imports itself; at the versions that are installed here."""

PICKLERS = ("cloudpickle", "dill")
"""They read a file and change nothing in it: in every environment, whatever version."""

CONFLICT = "conflicting dependencies"
NO_BUILD = "Could not find a version that satisfies the requirement"
"""What pip says of packages that do not go together, and of one that is not there."""

BY_ERA = {"joblib", "numpy", "pandas", "scipy", "sklearn"}


def needed_environment(scans: Iterable[Scan]) -> str | None:
    """Return the scikit-learn version that the files need, or None for this one.

    A patch release counts too: of 85 pipelines pickled with 1.3.0, 10 do not load
    in 1.3.2 (histogram gradient boosting), and of 84 of 1.2.0, 14 fail in 1.2.2.

    Raises
    ------
    Unreadable
        The files were written by several versions: one process has one.
    """
    versions = sorted({v for scan in scans for v in scan.sklearn_versions})
    for version in versions:
        check_version(version)
    if len(versions) > 1:
        raise Unreadable(
            f"the files were written by scikit-learn {' and '.join(versions[:4])}, and "
            "one pipeline runs in one of them: save all parts again with one version"
        )
    here = importlib.metadata.version("scikit-learn")
    return versions[0] if versions and versions[0] != here else None


def find_python(
    sklearn_version: str,
    scans: Sequence[Scan],
    arguments: Sequence[str] = (),
    cache: Path | None = None,
) -> Path:
    """Return the Python of an environment with another scikit-learn; make it first.

    Parameters
    ----------
    arguments
        Of the command that is to run there, which may name a Parquet table.

    Raises
    ------
    Refusal
        The environment cannot be made.
    """
    interpreter = find_interpreter(sklearn_version)
    packages = requirements(
        sklearn_version, scans, arguments, exactly=interpreter.is_this
    )
    wanted = Environment(sklearn_version, interpreter, packages)
    return wanted.python(cache or cache_folder())


def cache_folder() -> Path:
    """Return $PINION_CACHE, or `pinion` in the user's own cache folder."""
    if folder := os.environ.get("PINION_CACHE"):
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "pinion")


def requirements(
    sklearn_version: str,
    scans: Iterable[Scan],
    arguments: Iterable[str] = (),
    *,
    exactly: bool = True,
) -> tuple[str, ...]:
    """Return what the environment needs, as pip takes it.

    Parameters
    ----------
    exactly
        At the versions of this environment; else at these or, where another Python
        has no build of one, at the newest before it.
    """
    scans = list(scans)
    modules = {module for scan in scans for module, _ in scan.imports}
    roots = {module.split(".")[0] for module in modules} - BY_ERA
    roots.update(reader for scan in scans for reader in scan.readers)
    if any(argument.lower().endswith(PARQUET) for argument in arguments):
        roots.add("pyarrow")
    installed = importlib.metadata.packages_distributions()
    used = {name for root in roots for name in installed.get(root, ())}
    relation = "==" if exactly else "<="
    return (
        f"scikit-learn=={sklearn_version}",
        *era(sklearn_version, modules),
        *(
            f"{name}{relation}{importlib.metadata.version(name)}"
            for name in sorted(used | {*CONVERTER, *PICKLERS})
        ),
    )


def era(sklearn_version: str, modules: Collection[str] = ()) -> tuple[str, ...]:
    """Return numpy, scipy and pandas of a release's day; `modules` tell which numpy."""
    release = tuple(int(part) for part in sklearn_version.split(".")[:2])
    eras = [packages for newest, packages in ERAS.items() if release <= newest]
    numpy, scipy, pandas = eras[0] if eras else ("numpy", "scipy", "pandas")
    if any(module.startswith("numpy._core") for module in modules):
        numpy = "numpy>=2"
    elif any(module.startswith("numpy.core") for module in modules):
        numpy = "numpy<2"
    return numpy, scipy, pandas


@dataclass(frozen=True)
class Environment:
    """A Python with an old scikit-learn and what is to be installed beside it."""

    sklearn_version: str
    interpreter: Interpreter
    packages: tuple[str, ...]

    def python(self, cache: Path) -> Path:
        """Return the environment's python; make it first if it is not there."""
        folder = cache / self.name
        with _locked(folder.with_name(folder.name + ".lock")):
            if not _python(folder).exists():
                self._make(folder)
        return _python(folder)

    @property
    def name(self) -> str:
        python = "py{}.{}".format(*self.interpreter.release)
        shaping = [
            package
            for package in self.packages
            if not package.startswith(PICKLERS)  # any version reads any file
        ]
        digest = hashlib.sha256(" ".join(shaping).encode()).hexdigest()[:8]
        return f"scikit-learn-{self.sklearn_version}-{python}-{digest}"

    def _make(self, folder: Path) -> None:
        """Make the environment beside its place, then move it there whole."""
        started = time.monotonic()
        logger.info(
            "making an environment with scikit-learn %s and Python %s (once; about a "
            "minute and 500 MB) …",
            self.sklearn_version,
            ".".join(map(str, self.interpreter.release)),
        )
        partial = folder.with_name(folder.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        try:
            self._install(partial)
            shutil.rmtree(folder, ignore_errors=True)
            partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        logger.info("made in %.0f s: %s", time.monotonic() - started, folder)

    def _install(self, folder: Path) -> None:
        executable = str(self.interpreter.executable)
        made = _run([executable, "-I", "-m", "venv", str(folder)])
        if made.returncode:
            raise Unreadable(
                f"{executable} cannot make an environment "
                f"({_last_line(made.stdout + made.stderr)}): install its venv "
                "(python3-venv on Debian and Ubuntu)"
            )
        # A source build of an old release fails after minutes of compiling; -I keeps
        # PYTHONPATH out, while pip still reads the user's own configuration.
        command = [str(_python(folder)), "-I", "-m", "pip", "install", "--quiet"]
        command += ["--disable-pip-version-check", "--only-binary", ":all:"]
        pip = _run([*command, *self.packages])
        if pip.returncode and CONFLICT in pip.stderr:
            loosened = loosen(self.packages)
            pip = _run([*command, *loosened])
            if not pip.returncode:
                _say_taken(folder, sorted({*loosened} - {*self.packages}))
        if pip.returncode:
            raise Unreadable(
                _explain(pip.stderr, self.sklearn_version, self.interpreter)
            )


def loosen(packages: Iterable[str]) -> list[str]:
    """Leave out the versions of what the file imports, which it does not say."""
    named = [(package, re.split("[=<]=", package)[0]) for package in packages]
    ours = {*CONVERTER, *PICKLERS, "scikit-learn"}
    return [package if name in ours else name for package, name in named]


def _say_taken(folder: Path, names: Sequence[str]) -> None:
    """Say which versions pip found, where those of this environment were given up."""
    program = (
        "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))"
    )
    for name in names:
        found = _run([str(_python(folder)), "-I", "-c", program, name]).stdout.strip()
        logger.info(
            "%s %s goes with it, and %s, which is installed here, does not",
            *(name, found, importlib.metadata.version(name)),
        )


def _run(command: list[str]) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(  # noqa: S603 - our own python
            command, capture_output=True, text=True, check=False, timeout=MAKING_LIMIT_S
        )
    except subprocess.TimeoutExpired:
        raise Unreadable(
            f"an environment was not made within {MAKING_LIMIT_S} s and given up: run "
            "this again with a faster network"
        ) from None


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1]


def _explain(pip_errors: str, sklearn_version: str, interpreter: Interpreter) -> str:
    """Return one sentence for what pip said."""
    wanted = f"scikit-learn {sklearn_version}"
    lines = [line for line in pip_errors.splitlines() if line.startswith("ERROR: ")]
    reason = lines[0].removeprefix("ERROR: ") if lines else "it gave no reason"
    if "(from versions: none)" in reason or "onnection" in reason:
        return (
            f"the file needs {wanted}, and pip reaches no package index to install it "
            "from: run once with a network, or point pip at a mirror"
        )
    if reason.startswith(f"{NO_BUILD} scikit-learn=="):
        python = ".".join(map(str, interpreter.release))
        return (
            f"the file needs {wanted}, which has no build for Python {python}: fit the "
            "pipeline again with a version that has one and save that"
        )
    return (
        f"the file needs {wanted}, and pip cannot install it with the rest "
        f"({reason.rstrip('.')}): install versions here that go together, or fit the "
        "pipeline again with those that are installed"
    )


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock that ends with this process, so that one run makes it.

    Raises
    ------
    Unreadable
        If the cache folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    except OSError as error:
        raise Unreadable(
            f"the cache folder {path.parent} cannot be written ({error.strerror}): "
            "name another with --cache or PINION_CACHE"
        ) from error
    with file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _python(folder: Path) -> Path:
    if sys.platform == "win32":
        return folder / "Scripts" / "python.exe"
    return folder / "bin" / "python"
