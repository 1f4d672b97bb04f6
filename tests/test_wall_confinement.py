import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from convert.wall.confinement import Offered

pytestmark = pytest.mark.slow  # real processes, and what this kernel offers

ROOT = Path(__file__).parent.parent
NOBODY = 65534


@pytest.mark.parametrize(
    ("offered", "said"),
    [
        (
            Offered(namespace=True, landlock=7, seccomp=True),
            "no network (namespace, seccomp), nothing writable but its own folder and "
            "nothing readable but what it needs (Landlock 7)",
        ),
        (
            Offered(namespace=False, landlock=3, seccomp=True),
            "no network (seccomp), nothing writable but its own folder and nothing "
            "readable but what it needs (Landlock 3)",
        ),
        (
            Offered(namespace=False, landlock=4, seccomp=False),
            "nothing writable but its own folder and nothing readable but what it needs "
            "(Landlock 4), the network but TCP is open to it for want of namespaces and "
            "seccomp, other processes are open to it for want of seccomp",
        ),
        (
            Offered(namespace=False, landlock=0, seccomp=False),
            "files are open to it for want of Landlock, the network is open to it for "
            "want of namespaces and seccomp, other processes are open to it for want of "
            "seccomp",
        ),
    ],
)
def test_what_a_system_does_not_offer_is_said(offered: Offered, said: str) -> None:
    assert ", ".join(offered.said()) == said


AS_NOBODY = """
import os, socket, sys
from pathlib import Path
from convert.wall.confinement import enter
os.setgroups([]), os.setgid(65534), os.setuid(65534)
print(enter(Path(sys.argv[1]), 60, 2**33))
for attempt in (lambda: Path("/tmp/x").write_text(""), socket.socket, os.setsid):
    try:
        attempt()
    except OSError as error:
        print(error.strerror)
print(os.getuid(), Path(sys.argv[1], "x").write_text("1"))
"""


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="no test here is run by root"
)
def test_whoever_is_not_root_is_shut_in_as_well() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, NOBODY, NOBODY)
        ran = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, folder],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )

    walls, *said = ran.stdout.splitlines()
    assert "no network" in walls
    assert said == [
        "Permission denied",
        "Operation not permitted",
        "Operation not permitted",
        f"{NOBODY} 1",
    ]
