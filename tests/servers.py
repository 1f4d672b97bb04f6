"""Starts the real server in a process of its own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent


class Served(NamedTuple):
    """A running server, where it listens, and the line that says so."""

    process: "subprocess.Popen[str]"
    url: str
    line: str


@contextmanager
def running_server(*arguments: str | Path, **environment: str) -> Iterator[Served]:
    """Run `python -m server` on a free port until the block ends."""
    command = [sys.executable, "-m", "server", *map(str, arguments), "--port", "0"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    with process, process.stderr:
        line = process.stderr.readline()
        found = re.search(r"http://\S+", line)
        try:
            if found is None:
                raise RuntimeError(f"{line}{process.stderr.read()}")
            yield Served(process, found.group(), line)
        finally:
            process.terminate()
            process.wait(timeout=20)
