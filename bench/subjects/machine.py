"""Where and with what a figure was measured: no figure is worth much without it."""

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

CPUINFO = Path("/proc/cpuinfo")
SERVING = (
    "python",
    "onnxruntime",
    "numpy",
    "uvicorn",
    "uvloop",
    "httptools",
    "starlette",
    "msgspec",
)
REPOSITORY = Path(__file__).parents[2]


def describe_machine() -> dict[str, Any]:
    """Return what it is, and how busy it was in the last minutes."""
    return {
        "processor": _processor(),
        "n_cores": os.cpu_count(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "memory_mib": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20,
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def describe_run() -> dict[str, Any]:
    """Return what every result carries: when, how, which code, on which machine."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": ["python", "-m", "bench", *sys.argv[1:]],
        "commit": _commit(),
        "machine": describe_machine(),
    }


def describe_versions(python: str) -> dict[str, str]:
    """Return the versions that serve or load a model in the environment of `python`."""
    code = (
        "import importlib.metadata, json, platform; "
        "found = {each.name: each.version for each in importlib.metadata.distributions()};"
        "print(json.dumps({'python': platform.python_version(), **found}))"
    )
    found = json.loads(_output([python, "-c", code]))
    return {name: found[name] for name in SERVING if name in found}


def _processor() -> str:
    if CPUINFO.exists():
        for line in CPUINFO.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def _commit() -> str | None:
    """Return the commit that is checked out, with `+` if files differ from it."""
    try:
        commit = _git("rev-parse", "--short=12", "HEAD")
        return commit + ("+" if _git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(*arguments: str) -> str:
    return _output(["git", "-C", str(REPOSITORY), *arguments])


def _output(command: list[str]) -> str:
    run = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    return run.stdout.strip()
