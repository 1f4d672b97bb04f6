import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT


def make(
    *arguments: str, folder: Path = ROOT, **environment: str
) -> "subprocess.CompletedProcess[str]":
    inherited = {name: os.environ[name] for name in {"PATH", "HOME"} & {*os.environ}}
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=folder,
        env=inherited | environment,
        capture_output=True,
        text=True,
    )


def write_program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


OWN = {"deploy-tools", "engines", "openmp", "python", "sbom", "test-engines"}
"""Targets that others ask for, and people seldom."""


def test_help_has_a_sentence_for_every_target() -> None:
    text = (ROOT / "Makefile").read_text()
    declared = re.search(r"^\.PHONY: (.*)", text, re.MULTILINE)

    listed = re.findall(r"^make ([a-z-]+) +\w", make().stdout, re.MULTILINE)

    assert declared is not None
    assert sorted(listed) == sorted(set(declared[1].split()) - OWN)
    assert len(listed) <= 11


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


def test_what_lightgbm_lacks_is_said_before_anything_is_made(tmp_path: Path) -> None:
    python = tmp_path / "python"
    script = f'case "$*" in *libgomp*) exit 1;; esac; exec "{sys.executable}" "$@"'
    write_program(python, script)

    result = make("test", PYTHON=str(python))

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.splitlines()[0] == (
        "LightGBM needs libgomp.so.1, which this system lacks: install it "
        "('apt-get install libgomp1' on Debian and Ubuntu, "
        "'dnf install libgomp' on Amazon Linux)"
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What `make serve` reads, in a path with a space, with the environment made."""
    folder = tmp_path / "my projects"
    folder.mkdir()
    for name in ("Makefile", "requirements-inference.txt"):
        shutil.copy(ROOT / name, folder)
    stamp = ".venv-serve/installed-{}.{}".format(*sys.version_info)
    (folder / stamp).parent.mkdir()
    (folder / stamp).touch()
    return folder


def test_a_second_time_nothing_is_installed(checkout: Path) -> None:
    result = make("--dry-run", "serve", folder=checkout, PYTHON=sys.executable)

    assert result.stdout == "exec .venv-serve/bin/python -m server\n"


@pytest.mark.parametrize("change", ["interrupted", "other requirements"])
def test_an_environment_that_is_not_what_it_has_to_be_is_made_anew(
    checkout: Path, change: str
) -> None:
    (stamp,) = (checkout / ".venv-serve").iterdir()
    if change == "interrupted":
        stamp.unlink()
    else:
        os.utime(stamp, (0, 0))

    result = make("--dry-run", "serve", folder=checkout, PYTHON=sys.executable)

    assert f'"{sys.executable}" -m venv --clear .venv-serve\n' in result.stdout


def test_a_python_in_a_path_with_a_space_is_taken(
    checkout: Path, tmp_path: Path
) -> None:
    (tmp_path / "my python").symlink_to(sys.executable)
    python = str(tmp_path / "my python")

    result = make("--dry-run", "-B", "serve", folder=checkout, PYTHON=python)

    assert f'"{python}" -m venv --clear .venv-serve\n' in result.stdout


@pytest.mark.parametrize("target", ["serve", "lambda"])
def test_what_is_made_first_is_said_with_its_size(checkout: Path, target: str) -> None:
    shutil.rmtree(checkout / ".venv-serve")

    lines = make("--dry-run", target, folder=checkout, PYTHON=sys.executable).stdout

    assert re.findall("Making .+", lines) == [
        'Making .venv-serve, once: 30 MB to download, 100 MB of disk, less than a minute."'
    ]
    assert ".venv-serve/bin/python -m " in lines.splitlines()[-1]


def test_the_three_targets_run_every_test_once() -> None:
    selected = [
        re.search(
            r' -m pytest (?:-n 2 --dist worksteal )?-m "(.*)"',
            make("--dry-run", target).stdout,
        )
        for target in ("test", "test-all", "test-engines")
    ]

    assert [found and found[1] for found in selected] == [
        "not (slow or external or image or engines)",
        "(slow or external or image) and not engines",
        "engines",
    ]


def test_coverage_runs_the_tests_of_make_test_and_two_shares_are_enough() -> None:
    lines = make("--dry-run", "coverage").stdout.splitlines()
    tests = next(line for line in lines if " -m pytest " in line)

    assert tests.endswith(
        "-m coverage run -m pytest -n 2 --dist worksteal "
        '-m "not (slow or external or image or engines)"'
    )
    assert [line.partition(" report ")[2] for line in lines[-2:]] == [
        "--include='server/*' --fail-under=98",
        "--include='convert/*' --fail-under=93",
    ]


def test_a_part_of_ci_that_fails_hides_no_other(tmp_path: Path) -> None:
    write_program(tmp_path / "make", '[ "$1" != coverage ]')
    write_program(tmp_path / "dpkg-query", "echo ' installed'")

    result = subprocess.run(
        ["bash", ROOT / ".ci/run"],
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )

    parts = [line.split(" after ")[0] for line in result.stdout.splitlines()]
    assert parts == [
        "make check: passed",
        "make coverage: FAILED",
        "make test-all: passed",
        "make test-engines: passed",
    ]
    assert result.returncode == 1


def test_a_public_ci_and_a_commit_run_what_ci_runs() -> None:
    workflow = (ROOT / ".github/workflows/ci.yml").read_text("utf-8")
    hooks = (ROOT / ".pre-commit-config.yaml").read_text("utf-8")

    commands = re.findall(
        r"^ +(?:run|entry): (?!\|)(.+)$", workflow + hooks, re.MULTILINE
    )
    assert commands == [".ci/run", "make check"]
    assert os.access(ROOT / ".ci/run", os.X_OK)
    assert "permissions:\n  contents: read\n\n" in workflow
    used = re.findall(r"uses: (.+)$", workflow, re.MULTILINE)
    assert used
    assert [u for u in used if not re.fullmatch(r"\S+@[0-9a-f]{40} # v[\d.]+", u)] == []
