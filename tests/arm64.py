"""A Python of Debian for arm64, and the emulator that runs it on this machine.

Both are unpacked from Debian's packages, once, below build/; nothing is installed.
"""

import fcntl
import os
import platform
import shutil
import subprocess
from pathlib import Path

from tests.servers import ROOT

BUILD = ROOT / "build/arm64"
SUITE = "trixie"
"""Its emulator is qemu 10: that of Debian 12, 7.2, crashes in onnxruntime."""

PYTHON = "3.13"
PACKAGES = (
    "base-files,libc6,libgcc-s1,libstdc++6,python3.13-minimal,libpython3.13-stdlib"
)
TIME_LIMIT_S = 1800


class NotMade(Exception):
    """mmdebstrap did not make a root; the message is its own."""


def why_no_arm64() -> str:
    """Return what this machine lacks to emulate another, or nothing."""
    if platform.machine() != "x86_64" or platform.system() != "Linux":
        return "the emulator is taken from Debian for x86_64"
    if shutil.which("mmdebstrap") is None:
        return "not installed: mmdebstrap"
    return "" if os.geteuid() == 0 else "unpacking another system needs root"


def emulated_python() -> list[str]:
    """Return the command that runs a Python for arm64.

    Raises
    ------
    NotMade
    """
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        root = _unpacked("root", "--architectures=arm64", f"--include={PACKAGES}")
        emulator = _unpacked(
            "emulator",
            "--include=qemu-user",
            # it is static, and there is one for each of thirty machines
            '--extract-hook=mv "$1/usr/bin/qemu-aarch64" "$1/"',
            '--extract-hook=rm -rf "$1/usr"',
        )
    program = root / f"usr/bin/python{PYTHON}"
    return [str(emulator / "qemu-aarch64"), "-L", str(root), str(program)]


def _unpacked(name: str, *options: str) -> Path:
    folder = BUILD / f"{name}-{SUITE}"
    if not folder.exists():
        unfinished = folder.with_name(f"{folder.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        command = ["mmdebstrap", "--quiet", "--variant=extract", *options]
        done = subprocess.run(
            [*command, SUITE, str(unfinished)],
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT_S,
        )
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["it gave no reason"]
            raise NotMade(f"mmdebstrap cannot unpack {name} of {SUITE}: {lines[0]}")
        unfinished.rename(folder)
    return folder
