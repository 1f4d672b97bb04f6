"""The environment with what the tests of `deploy/` run: linters, a stand-in for AWS."""

import os
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from tests.containers import alone
from tests.servers import ROOT

FOLDER = ROOT / ".venv-deploy"
MAX_SHOWN = 4000


@cache
def tool(name: str) -> Path:
    """Return the program, after `make deploy-tools` where it has not run yet."""
    with alone("deploy-tools"):
        run("make", "deploy-tools", f"PYTHON={sys.executable}")
    return FOLDER / "bin" / name


def run(
    *command: str | Path,
    check: bool = True,
    environment: Mapping[str, str] = MappingProxyType({}),
    given: str | None = None,
) -> "subprocess.CompletedProcess[str]":
    """Run a program in the checkout, `given` as its input; fail with what it said."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        env={**os.environ, **environment},
        input=given,
        capture_output=True,
        text=True,
        timeout=900,
    )
    said = (done.stdout + done.stderr)[-MAX_SHOWN:]
    assert not (check and done.returncode), said
    return done


def checkov(*words: str | Path) -> str:
    """Return what checkov says of templates; for its script see `aws_cli`."""
    tool("python")
    python = FOLDER / "checkov" / "bin" / "python"
    options = ("--skip-download", "--compact")
    return run(python, "-m", "checkov.main", *options, *words).stdout


def aws_cli(
    *words: str | Path, environment: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Run AWS's command line; its own script starts in no path with a space."""
    return run(tool("python"), "-m", "awscli", *words, environment=environment)
