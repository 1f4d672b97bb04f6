"""Starts a real cluster of Ray on this machine, with the server as its application."""

import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from tests.containers import free_port
from tests.engines import python_of
from tests.servers import ROOT

FOLDER = ROOT / "deploy" / "ray"
READY_S = 300
STOP_S = 60
PATIENCE = {
    "RAY_agent_register_timeout_ms": "180000",
    "RAY_raylet_start_wait_time_s": "250",
    "RAY_USAGE_STATS_ENABLED": "0",
}


class Cluster(NamedTuple):
    """A running cluster, where it listens, and how long it took."""

    process: "subprocess.Popen[bytes]"
    url: str
    ready_s: float

    def replicas(self) -> dict[int, psutil.Process]:
        """Return the processes that predict, by their number."""
        found = {}
        for process in self.processes():
            with suppress(psutil.Error):
                if "ray::ServeReplica:pinion:Pinion" in " ".join(process.cmdline()):
                    found[process.pid] = process
        return found

    def processes(self) -> list[psutil.Process]:
        found: list[psutil.Process] = psutil.Process(self.process.pid).children(True)
        return found

    def memory_mib(self) -> float:
        """Return what all of it takes; a page that n share counts as 1/n."""
        total = 0
        for process in [psutil.Process(self.process.pid), *self.processes()]:
            with suppress(psutil.Error):
                total += process.memory_full_info().pss
        return total / 2**20


@contextmanager
def running_cluster(folder: Path) -> Iterator[Cluster]:
    """Run two replicas until the block ends; what Ray writes goes into the folder."""
    port = free_port()
    settings = (FOLDER / "serve.yaml").read_text("utf-8")
    (folder / "serve.yaml").write_text(settings.replace("8000", str(port)), "utf-8")
    home = {"HOME": str(folder)}
    serve = python_of("ray").parent / "serve"
    started = time.monotonic()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [serve, "run", folder / "serve.yaml"],
            cwd=ROOT,
            env={**os.environ, **PATIENCE, **home},
            stdout=log,
            stderr=log,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _await_ready(process, url, folder / "log")
        yield Cluster(process, url, time.monotonic() - started)
    finally:
        _stop(process)


def _await_ready(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while True:
        with suppress(OSError), urllib.request.urlopen(f"{url}/readyz", timeout=5):
            return
        assert process.poll() is None, log.read_text("utf-8")
        assert time.monotonic() < deadline, log.read_text("utf-8")
        time.sleep(0.2)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Let Ray stop its processes, and end those that are left."""
    if process.poll() is not None:
        return
    processes = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=STOP_S)
    _, left = psutil.wait_procs(processes, timeout=10)
    for each in left:
        with suppress(psutil.Error):
            each.kill()
    process.kill()
    process.wait()
