"""Starts a real PostgreSQL of Debian's packages in a folder of its own."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.tools import run

PROGRAMS = Path("/usr/lib/postgresql")
OWNER = "postgres"
START_S = 60


class Database(NamedTuple):
    """A running database, by the folder of its socket."""

    folder: Path

    def psql(
        self,
        *words: str | Path,
        given: str | None = None,
        check: bool = True,
        user: str = OWNER,
    ) -> "subprocess.CompletedProcess[str]":
        connect = (f"--host={self.folder}", f"--username={user}", "--no-psqlrc")
        quiet = ("--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1")
        return run("psql", *connect, *quiet, *words, given=given, check=check)


@contextmanager
def running_database() -> Iterator[Database]:
    """Run a database until the block ends; nobody but this machine's root reaches it."""
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    data = folder / "data"
    options = f"-k {folder} -c listen_addresses='' -c fsync=off"
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, OWNER)
        _owned(_program("initdb"), f"--pgdata={data}", "--auth=trust", f"-U{OWNER}")
        control = (_program("pg_ctl"), f"--pgdata={data}", f"--timeout={START_S}")
        log = f"--log={folder / 'log'}"
        _owned(*control, "--wait", log, f"--options={options}", "start")
        try:
            yield Database(folder)
        finally:
            _owned(*control, "--wait", "--mode=immediate", "stop")
    finally:
        shutil.rmtree(folder)


def _program(name: str) -> Path:
    found = sorted(PROGRAMS.glob(f"*/bin/{name}"))
    assert found, "install postgresql and postgresql-plpython3 (apt-get install)"
    return found[-1]


def _owned(*command: str | Path) -> None:
    """Run a program as the database's user, which root cannot be."""
    owner = ("runuser", "-u", OWNER, "--") if os.geteuid() == 0 else ()
    done = subprocess.run(
        [*owner, *map(str, command)],
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=2 * START_S,
    )
    assert done.returncode == 0, done.stderr
