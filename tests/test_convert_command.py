import os
import subprocess
import sys
from pathlib import Path

import pytest

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
    assert (ended.returncode, ended.stderr) == (141, "")


@pytest.mark.skipif(not FULL.exists(), reason="this system has no full device")
@pytest.mark.parametrize("variables", [{}, {"PYTHONUNBUFFERED": "1"}])
def test_an_output_that_cannot_be_written_is_one_sentence(
    variables: dict[str, str],
) -> None:
    with FULL.open("w") as full:
        ended = run(["inspect", MODEL], full.fileno(), variables)

    assert (ended.returncode, ended.stderr) == (
        2,
        "refused: the output: No space left on device\n",
    )
