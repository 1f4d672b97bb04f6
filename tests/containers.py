"""Builds the image from the Dockerfile and runs it, without a registry or an engine.

podman and runc need no service; the two images that the Dockerfile starts from are
put together from Debian's packages.
"""

import fcntl
import os
import random
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.podman import ENGINE, LIMITS, variables
from tests.servers import ROOT

BUILD = ROOT / "build/image"
TOOLS = ("podman", "runc", "mmdebstrap")

SUITE = "trixie"
BUILDER = ("--variant=minbase",)
BASE = (
    "--variant=extract",
    "--include=base-files,netbase,tzdata,media-types,libc6,libssl3t64,libgcc-s1,"
    "libgomp1,libstdc++6,python3.13-minimal,libpython3.13-stdlib",
    '--extract-hook=ln -s python3.13 "$1/usr/bin/python3"',
    '--extract-hook=rm -rf "$1/usr/share/doc" "$1/usr/share/man" "$1/usr/share/locale"',
    '--extract-hook=cd "$1/var/lib/dpkg" && mkdir status.d && '
    "for package in ../../cache/apt/archives/*.deb; do "
    'dpkg-deb --field "$package" >"status.d/$(dpkg-deb --field "$package" Package)"; '
    "done",
)
"""The packages of gcr.io/distroless/python3-debian13, unpacked and listed as there."""


class Container(NamedTuple):
    """A running container and where it listens."""

    name: str
    url: str

    def execute(
        self, *command: str, **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        return podman("exec", *variables(environment), self.name, *command, check=False)

    def stop(self, timeout_s: int) -> int:
        """Send SIGTERM, after the timeout SIGKILL, and return the exit code."""
        podman("stop", "--time", str(timeout_s), self.name)
        return int(podman("wait", self.name).stdout)

    def logs(self) -> str:
        result = podman("logs", self.name)
        return result.stdout + result.stderr


def why_no_image() -> str:
    """Return what this machine lacks to build an image, or nothing."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "building the image needs root"
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    return f"not installed: {', '.join(missing)}" if missing else ""


def podman(*arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
    return _run(*ENGINE.split(), *arguments, check=check)


@cache
def built_image(
    *options: str, architecture: str = "", revision: str = "", folder: Path = ROOT
) -> str:
    """Build the image with `make image`, once a process, and return its id.

    Parameters
    ----------
    architecture
        As engines call it, if it is not this machine's.
    revision
        What is said instead of the checkout's commit.
    folder
        The checkout, if it is not this one.
    """
    with alone("image"), tempfile.TemporaryDirectory() as temporary:
        written = f"{temporary}/id"
        given = [
            "--quiet",
            "--network=host",
            "--format=docker",
            "--pull=never",
            *LIMITS,
            *pip_volumes(),
            f"--build-arg=BUILDER={debian('builder', BUILDER, architecture=architecture)}",
            f"--build-arg=BASE={debian('base', BASE, architecture=architecture)}",
            f"--iidfile={written}",
            *([f"--platform=linux/{architecture}"] if architecture else []),
            *options,
        ]
        # a name each: what has none can be removed by a test of the machine's program
        kind = zlib.crc32(repr((options, architecture, revision)).encode())
        words = [
            f"ENGINE={ENGINE}",
            f"IMAGE=localhost/pinion-test/image:{kind:08x}",
            f"BUILD_OPTIONS={shlex.join(given)}",
        ]
        if revision:
            words.append(f"revision={revision}")
        _run("make", "--directory", str(folder), "image", *words)
        return Path(written).read_text("utf-8").strip().removeprefix("sha256:")


def copied_checkout(folder: Path) -> Path:
    """Copy what git has, and what it would have with `git add`, into a folder."""
    words = ("--cached", "--others", "--exclude-standard", "-z")
    listed = _run("git", "-C", str(ROOT), "ls-files", *words)
    for name in listed.stdout.rstrip("\0").split("\0"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


def debian(
    name: str, options: tuple[str, ...], suite: str = SUITE, architecture: str = ""
) -> str:
    """Put an image together from Debian's packages, once, and return its name."""
    changes = ["--change=ENV PATH=/usr/bin:/bin"]
    if architecture:
        name = f"{name}-{architecture}"
        options += (f"--architectures={architecture}", "--skip=check/qemu")
        changes.append(f"--arch={architecture}")
    # other options are another image: what was made of the old ones is not taken for it
    tag = f"{suite}-{zlib.crc32(repr(options).encode()):08x}"
    archive = BUILD / f"{name}-{tag}.tar"
    image = f"localhost/pinion-test/{name}:{tag}"
    with alone(archive.stem):
        imported = podman("image", "exists", image, check=False).returncode == 0
        if not archive.exists():
            unfinished = archive.with_suffix(".unfinished.tar")
            _run("mmdebstrap", "--quiet", *options, suite, str(unfinished))
            unfinished.rename(archive)
            imported = False
        if not imported:
            podman("import", *changes, str(archive), image)
    return image


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Let one process of several tests at a time do what makes a file."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def pip_volumes() -> list[str]:
    """Let pip in a container reach what pip here reaches, but for local folders."""
    settings = {
        name.removeprefix("PIP_").lower().replace("_", "-"): value
        for name, value in os.environ.items()
        if name.startswith("PIP_") and not value.startswith(("/", "file:"))
    }
    volumes = []
    certificates = os.environ.get("PIP_CERT", os.environ.get("SSL_CERT_FILE"))
    if certificates:
        settings["cert"] = "/run/certificates.crt"
        volumes = [f"--volume={certificates}:{settings['cert']}:ro"]
    lines = [f"{name} = {value}" for name, value in settings.items()]
    configuration = BUILD / "pip.conf"
    with alone("pip"):
        configuration.write_text("\n".join(["[global]", *lines, ""]))
    return [*volumes, f"--volume={configuration}:/etc/pip.conf:ro"]


@contextmanager
def running_container(
    *options: str, image: str = "", command: Sequence[str] = (), **environment: str
) -> Iterator[Container]:
    """Run the image, or another, as the README does, read-only, until the block ends."""
    port = free_port()
    name = f"pinion-test-{uuid.uuid4().hex[:8]}"
    podman(
        "run",
        "--detach",
        "--read-only",
        "--cap-drop=ALL",
        "--network=host",
        f"--name={name}",
        *LIMITS,
        *options,
        *variables(environment | {"PINION_PORT": str(port)}),
        image or built_image(),
        *command,
    )
    container = Container(name, f"http://127.0.0.1:{port}")
    try:
        await_port(port, container)
        yield container
    finally:
        podman("rm", "--force", "--time=0", name)


def _run(*command: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
    result = subprocess.run(command, capture_output=True, text=True)
    assert not (check and result.returncode), result.stdout + result.stderr
    return result


PORTS = range(20_000, 32_000)
"""Below those that the system gives to whoever asks for any: nobody gets one of them
between the choice and the start of what is to listen there."""


def free_port() -> int:
    while True:
        port = random.choice(PORTS)
        with suppress(OSError), socket.create_server(("0.0.0.0", port)):
            return port


def await_port(port: int, container: Container, timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < deadline, container.logs()
        time.sleep(0.05)
