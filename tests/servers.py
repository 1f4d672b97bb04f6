"""Starts the real server in a process of its own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

from tests.podman import server_command

ROOT = Path(__file__).parent.parent


class Served(NamedTuple):
    """A running server, where it listens, and the line that says so."""

    process: "subprocess.Popen[str]"
    url: str
    line: str


@contextmanager
def running_server(*arguments: str | Path, **environment: str) -> Iterator[Served]:
    """Run `python -m server` on a free port until the block ends.

    With IMAGE_UNDER_TEST in the environment, which `tests/test_image.py` sets, the
    server is the one in that image.
    """
    environment = {"PINION_READY_SECONDS": "0"} | environment  # nobody balances here
    words = [*map(str, arguments), "--port", "0"]
    image = os.environ.get("IMAGE_UNDER_TEST")
    command = [sys.executable, "-m", "server", *words]
    if image is not None:
        command = server_command(image, words, environment)
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
                process.terminate()
                raise RuntimeError(f"{line}{process.stderr.read()}")
            yield Served(process, found.group(), line)
        finally:
            process.terminate()
            process.wait(timeout=20)


@contextmanager
def asking(*arguments: str | Path, **environment: str) -> Iterator[httpx.Client]:
    """Give a client of a server that runs until the block ends."""
    with (
        running_server(*arguments, **environment) as served,
        httpx.Client(base_url=served.url) as client,
    ):
        yield client
