"""A Python of Debian for arm64, and the emulator that runs it on this machine.

Both are unpacked from Debian's packages, once, below build/; nothing is installed.
`emulation` lets the kernel take the emulator by itself, in containers as well.
"""

import fcntl
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
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

HANDLERS = Path("/proc/sys/fs/binfmt_misc")
BEGINNING = b"\x7fELF\2\1\1" + bytes(9) + b"\2\0\xb7\0"
MASK = b"\xff" * 7 + b"\0" + b"\xff" * 8 + b"\xfe\xff\xff\xff"
"""How a program for arm64 begins: ELF of 64 bits, little-endian, executable or shared."""


class NotMade(Exception):
    """mmdebstrap did not make a root; the message is its own."""


def why_no_arm64() -> str:
    """Return what this machine lacks to emulate another, or nothing."""
    if platform.machine() != "x86_64" or platform.system() != "Linux":
        return "the emulator is taken from Debian for x86_64"
    if shutil.which("mmdebstrap") is None:
        return "not installed: mmdebstrap"
    return "" if os.geteuid() == 0 else "unpacking another system needs root"


def why_no_emulation() -> str:
    """Return what this machine lacks to run containers of another, or nothing."""
    if lacking := why_no_arm64():
        return lacking
    has = "binfmt_misc" in Path("/proc/filesystems").read_text()
    return "" if has else "the kernel has no binfmt_misc"


def emulated_python() -> list[str]:
    """Return the command that runs a Python for arm64.

    Raises
    ------
    NotMade
    """
    root = _unpacked("root", "--architectures=arm64", f"--include={PACKAGES}")
    program = root / f"usr/bin/python{PYTHON}"
    return [str(_emulator()), "-L", str(root), str(program)]


@contextmanager
def emulation() -> Iterator[None]:
    """Run programs for arm64 as if they were this machine's, until the block ends.

    Raises
    ------
    NotMade
    """
    emulator = _emulator()
    if not (HANDLERS / "register").exists():
        subprocess.run(["mount", "-t", "binfmt_misc", "none", HANDLERS], check=True)
    handler = HANDLERS / f"pinion-test-{os.getpid()}"
    # F: the emulator is opened here and now, as no container has it
    begins, mask = (
        "".join(f"\\x{byte:02x}" for byte in each) for each in (BEGINNING, MASK)
    )
    line = f":{handler.name}:M::{begins}:{mask}:{emulator}:F"
    (HANDLERS / "register").write_text(line)
    try:
        yield
    finally:
        handler.write_text("-1")


def _emulator() -> Path:
    folder = _unpacked(
        "emulator",
        "--include=qemu-user",
        # it is static, and there is one for each of thirty machines
        '--extract-hook=mv "$1/usr/bin/qemu-aarch64" "$1/"',
        '--extract-hook=rm -rf "$1/usr"',
    )
    return folder / "qemu-aarch64"


def _unpacked(name: str, *options: str) -> Path:
    folder = BUILD / f"{name}-{SUITE}"
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _unpack(name, folder, *options)
    return folder


def _unpack(name: str, folder: Path, *options: str) -> None:
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
