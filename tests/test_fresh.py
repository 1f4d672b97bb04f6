"""The two commands of the README, on machines where nobody prepared anything.

python -m pytest -rP tests/test_fresh.py prints what they took. FRESH_WHOLE=yes in the
environment runs all tests on both machines; without it the one whose Python lies between
others that run them all leaves out most of the converter's, which take half of the time.
"""

import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.containers import why_no_image
from tests.fresh import FreshMachine, fresh_machine

pytestmark = [
    pytest.mark.external,
    pytest.mark.slow,
    pytest.mark.skipif(bool(why_no_image()), reason=why_no_image()),
]


DEADLINE_S = 1500

MOST_OF_THE_CONVERTER = (
    *(
        "commands",
        "compare",
        "explore",
        "estimators",
        "fitted",
        "lowering",
        "operators",
    ),
    *("others", "saved", "training"),
)


INTERRUPTED = """\
make serve 2>&1 | while read -r line; do
    case "$line" in Collecting*) kill -INT 0 ;; esac
done
"""
"""Ends all of them at the first package."""


@pytest.fixture(scope="module", params=["trixie", "forky"])
def machine(request: pytest.FixtureRequest) -> Iterator[FreshMachine]:
    """Debian 13 with Python 3.13, and its successor with 3.14."""
    with fresh_machine(request.param) as machine:
        yield machine


@pytest.fixture
def options(request: pytest.FixtureRequest, machine: FreshMachine) -> str:
    """Return words for pytest: which tests a machine runs."""
    is_between = request.node.callspec.params["machine"] == "trixie"
    if not is_between or os.environ.get("FRESH_WHOLE"):
        return ""
    return f"-k 'not ({' or '.join(MOST_OF_THE_CONVERTER)})'"


@contextmanager
def serving(machine: FreshMachine, command: str) -> Iterator[tuple[str, str]]:
    """Give the address that the command announces, and all that it said.

    It runs on until its deadline, or until the machine ends.
    """
    script = f"PINION_PORT=0 timeout {DEADLINE_S} {command} 2>&1"
    with subprocess.Popen(
        machine.command(script), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if found := re.search(r"^serving .* on (http:\S+)", line):
                yield found[1], said
                process.kill()
                return
    raise AssertionError(said)


def size_mb(machine: FreshMachine, folder: str) -> int:
    used = machine.run(f"du --summarize --block-size=1MB {folder}")
    return int(used.stdout.split()[0])


def announced(said: str) -> list[int]:
    """Return the MB to download and of disk that the first line tells."""
    found = re.search(r"(\d+) MB to download, (\d+) MB of disk", said.splitlines()[0])
    assert found is not None, said
    return [int(number) for number in found.groups()]


def downloaded_mb(said: str) -> float:
    sizes = re.findall(r"Downloading .* \(([\d.]+) ([kM])B\)", said)
    return sum(float(size) / {"k": 1000, "M": 1}[unit] for size, unit in sizes)


def report(machine: FreshMachine, command: str, folder: str, started_at: float) -> None:
    """Print what a command took; pytest shows it with -rP."""
    seconds = time.monotonic() - started_at
    python = machine.run(f"{folder}/bin/python --version").stdout.strip()
    megabytes = size_mb(machine, folder)
    print(f"{python}: {command} after {seconds:.0f} s, {megabytes} MB")  # noqa: T201


def test_make_serve_answers_also_after_an_interruption_and_without_a_home(
    machine: FreshMachine,
) -> None:
    interrupted = machine.run(INTERRUPTED)
    started_at = time.monotonic()
    with serving(machine, "env --unset=HOME make serve") as (url, said):
        answer = httpx.post(f"{url}/predict", json={"reading_score": 72})
        report(machine, "make serve", ".venv-serve", started_at)
    with serving(machine, "make serve") as (_, said_again):
        pass

    assert interrupted.returncode != 0
    assert announced(said) == [
        pytest.approx(downloaded_mb(said), rel=0.1),
        pytest.approx(size_mb(machine, ".venv-serve"), rel=0.15),
    ]
    assert answer.json()["prediction"] > 0
    assert said_again.startswith("exec .venv-serve/bin/python -m server\nserving ")


def test_make_test_says_what_is_missing_and_passes_once_it_is_there(
    machine: FreshMachine, options: str
) -> None:
    before = machine.run("make test")
    remedy = re.findall("'(apt-get install .*?)'", before.stderr)
    machine.run(f"apt-get update && {remedy[0]} --yes", user="0", timeout_s=300)
    started_at = time.monotonic()
    testing = f'PYTEST_ADDOPTS="{options}" make test 2>&1'
    tested = machine.run(testing, timeout_s=DEADLINE_S)
    report(machine, "make test", ".venv", started_at)
    used_mb = size_mb(machine, ".venv")
    again = machine.run("make --dry-run test")
    checked = machine.run("make check 2>&1", timeout_s=DEADLINE_S)

    assert before.returncode == 2
    assert before.stdout == ""
    assert remedy == ["apt-get install libgomp1"]
    assert tested.returncode == 0, tested.stdout[-20_000:]
    assert announced(tested.stdout) == [
        pytest.approx(downloaded_mb(tested.stdout), rel=0.1),
        pytest.approx(used_mb, rel=0.15),
    ]
    assert re.search(r"^\d+ passed", tested.stdout.splitlines()[-1].strip("= "))
    assert "pip install" not in again.stdout
    assert checked.returncode == 0, checked.stdout
