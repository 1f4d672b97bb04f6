"""Take out of the image's packages what the server never loads.

What is named here has to be there: an upgrade that moves a file stops the build
instead of letting the image grow.
"""

import shutil
import subprocess
import sys
from pathlib import Path

KEPT_OF_ONNXRUNTIME = (
    "LICENSE",
    "ThirdPartyNotices.txt",
    "capi/libonnxruntime.so.*",
    "capi/libonnxruntime_providers_shared.so",
)
"""The C library and its licences: the rest is the Python binding and its tools."""

REMOVED = (
    "bin",
    "anyio/pytest_plugin.py",
    "uvloop/_testbase.py",
    "**/*.pxd",
    "**/*.pyi",
    "**/*.pyx",
)
STRIPPED = ("httptools/parser/*.so", "msgspec/_core*.so", "uvloop/loop*.so")


def main(packages: Path) -> None:
    """Prune the folder `packages`, which pip filled."""
    keep_only(packages / "onnxruntime", KEPT_OF_ONNXRUNTIME)
    for pattern in REMOVED:
        for path in _found(packages, pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    drop_empty(packages)
    for pattern in STRIPPED:
        command = ["strip", "--strip-unneeded", *map(str, _found(packages, pattern))]
        subprocess.run(command, check=True)  # noqa: S603 - paths of our own packages


def keep_only(folder: Path, patterns: tuple[str, ...]) -> None:
    """Delete all of a folder but the files of some patterns, which must be there."""
    kept = {path for pattern in patterns for path in _found(folder, pattern)}
    for path in sorted(folder.rglob("*")):
        if not path.is_dir() and path not in kept:
            path.unlink()
    drop_empty(folder)


def drop_empty(folder: Path) -> None:
    """Delete the folders that hold nothing, the deepest first."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def _found(folder: Path, pattern: str) -> list[Path]:
    paths = sorted(folder.glob(pattern))
    if not paths:
        sys.exit(
            f"prune.py: there is no {pattern} in {folder}; name what took its place"
        )
    return paths


if __name__ == "__main__":
    main(Path(sys.argv[1]))
