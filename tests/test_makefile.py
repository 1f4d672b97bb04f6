import os
import re
import subprocess
import sys
from pathlib import Path

from tests.servers import ROOT


def make(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    inherited = {name: os.environ[name] for name in {"PATH", "HOME"} & {*os.environ}}
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT,
        env=inherited | environment,
        capture_output=True,
        text=True,
    )


def write_program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_help_has_a_sentence_for_every_target() -> None:
    text = (ROOT / "Makefile").read_text()
    declared = re.search(r"^\.PHONY: (.*)", text, re.MULTILINE)

    listed = re.findall(r"^make ([a-z-]+) +\w", make().stdout, re.MULTILINE)

    assert declared is not None
    assert sorted(listed) == sorted(set(declared[1].split()) - {"python", "openmp"})
    assert len(listed) <= 9


def test_without_a_usable_python_the_remedy_is_named() -> None:
    result = make("serve", PYTHON="/missing/python")

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.splitlines()[0] == (
        "Found no Python 3.11 to 3.14 with its venv module: install one "
        "('apt-get install python3-venv' on Debian and Ubuntu, "
        "'dnf install python3.13' on Amazon Linux) or name one with PYTHON=…"
    )


def test_newest_python_that_really_runs_is_taken(tmp_path: Path) -> None:
    write_program(tmp_path / "python3.14", "exit 127")
    write_program(tmp_path / "python3.13", f'exec "{sys.executable}" "$@"')

    result = make(
        "--dry-run", "--always-make", "serve", PATH=f"{tmp_path}:{os.environ['PATH']}"
    )

    assert '"python3.13" -m venv --clear .venv-serve\n' in result.stdout
