import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from convert.__main__ import COMMANDS, main

MODEL = "models/student_performance.onnx"
FULL = Path("/dev/full")


def run(
    words: list[str], output: int, variables: dict[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Run the command as a shell does."""
    return subprocess.run(
        [sys.executable, "-m", "convert", *words],
        env={key: os.environ[key] for key in os.environ if key != "PYTHONUNBUFFERED"}
        | variables,
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
    )


def without_progress(said: str) -> str:
    """Return all but the lines on what takes more than a second."""
    lines = said.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("loading what "))


@pytest.mark.parametrize(
    ("words", "variables"),
    [
        (["inspect", MODEL], {}),
        (["inspect", MODEL, "--json"], {"PYTHONUNBUFFERED": "1"}),
        (["--help"], {}),
    ],
)
def test_an_output_that_nobody_reads_ends_the_command_without_a_word(
    words: list[str], variables: dict[str, str]
) -> None:
    reader, writer = os.pipe()
    os.close(reader)

    ended = run(words, writer, variables)

    os.close(writer)
    assert (ended.returncode, without_progress(ended.stderr)) == (141, "")


@pytest.mark.skipif(not FULL.exists(), reason="this system has no full device")
@pytest.mark.parametrize("variables", [{}, {"PYTHONUNBUFFERED": "1"}])
def test_an_output_that_cannot_be_written_is_one_sentence(
    variables: dict[str, str],
) -> None:
    with FULL.open("w") as full:
        ended = run(["inspect", MODEL], full.fileno(), variables)

    assert (ended.returncode, without_progress(ended.stderr)) == (
        2,
        "refused: the output: No space left on device\n",
    )


def test_help_lists_every_command_without_loading_any() -> None:
    script = (
        "import sys; from convert.__main__ import main\n"
        "try: main(['--help'])\n"
        "finally: print(sorted({'numpy', 'onnx'} & set(sys.modules)))"
    )

    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )

    listed = re.findall(r"^    (\w+) +\w", ended.stdout, re.MULTILINE)
    assert listed == list(COMMANDS)
    assert ended.stdout.endswith("[]\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_every_command_has_an_example(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([name, "--help"])

    assert stopped.value.code == 0
    assert f"\n  python -m convert {name} " in capsys.readouterr().out
