"""A Debian with nothing but make and Python, and a checkout of this folder in it."""

import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from tests.containers import debian, pip_volumes, podman
from tests.podman import LIMITS
from tests.servers import ROOT

PACKAGES = (
    "--variant=minbase",
    "--include=make,python3,python3-venv",
    '--aptopt=Acquire::Check-Valid-Until "false"',  # a mirror may lag behind
)
HOME = "/home/ann"
CHECKOUT = f"{HOME}/my projects/pinion"
USER = "1000:1000"


class FreshMachine(NamedTuple):
    """A running container in which nothing of ours was installed yet."""

    name: str

    def run(
        self, script: str, *, user: str = USER, timeout_s: float = 60
    ) -> "subprocess.CompletedProcess[str]":
        """Run a script of bash in the checkout."""
        return subprocess.run(
            self.command(script, user),
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )

    def command(self, script: str, user: str = USER) -> list[str]:
        words = ("podman", "--runtime=runc", "exec", f"--user={user}")
        return [*words, f"--workdir={CHECKOUT}", self.name, "bash", "-c", script]


@contextmanager
def fresh_machine(suite: str) -> Iterator[FreshMachine]:
    """Start one with the Debian `suite`, until the block ends."""
    name = f"pinion-test-{uuid.uuid4().hex[:8]}"
    options = ["--network=host", f"--env=HOME={HOME}", *LIMITS, *pip_volumes()]
    image = debian("fresh", PACKAGES, suite)
    podman("run", "--detach", f"--name={name}", *options, image, "sleep", "infinity")
    try:
        podman("exec", name, "mkdir", "--parents", CHECKOUT)
        _copy_checkout(name)
        podman("exec", name, "chown", "--recursive", USER, HOME)
        podman("exec", name, "sh", "-c", f"echo ann:x:{USER}::{HOME}: >>/etc/passwd")
        yield FreshMachine(name)
    finally:
        podman("rm", "--force", "--time=0", name)


def _copy_checkout(name: str) -> None:
    listed = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "-z"]
    files = subprocess.run(
        [*listed, "--exclude-standard"], check=True, capture_output=True
    ).stdout
    pack = ["tar", f"--directory={ROOT}", "--create", "--null", "--files-from=-"]
    archive = subprocess.run(pack, input=files, check=True, capture_output=True).stdout
    unpack = ["podman", "--runtime=runc", "exec", "--interactive", name]
    unpack += ["tar", "--extract", "--no-same-owner", f"--directory={CHECKOUT}"]
    subprocess.run(unpack, input=archive, check=True, capture_output=True)
