import subprocess
import sys
from pathlib import Path

import pytest
from sklearn.linear_model import Ridge

from convert.__main__ import main
from convert.commands.export import check_made
from convert.errors import Refusal
from convert.report.beside import MARK
from server.model import Model
from tests.models import make_model
from tests.test_commands_conversion import save
from tests.test_saved_environments import ROOT

pytestmark = pytest.mark.slow  # real processes, and what this kernel offers

HEAVY = {"numpy", "onnx", "pandas", "scipy", "sklearn", "skops"}

PROGRAM = f"""
import sys
from convert.__main__ import main
try: status = main(sys.argv[1:])
finally: print(sorted({HEAVY} & set(sys.modules)))
sys.exit(status)
"""


def run(*words: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run the command and let it print which heavy modules it has imported."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def test_the_work_is_done_behind_the_wall_and_nothing_heavy_before_it(
    tmp_path: Path,
) -> None:
    saved, output = save(tmp_path, Ridge()), tmp_path / "out" / "home.onnx"
    sample = ("--sample", tmp_path / "rows.csv")

    made = run("export", saved, *sample, "--target", "price", "--output", output)
    compared = run("verify", output, "--pipeline", saved, *sample)

    for ran, beginning in ((made, f"wrote {output}, "), (compared, f"{output}: ")):
        assert ran.returncode == 0, ran.stderr
        assert "behind a wall: no " in ran.stderr or sys.platform != "linux"
        assert ran.stdout.startswith(beginning)
        assert ran.stdout.endswith("\n[]\n")
    assert MARK in output.with_suffix(".md").read_text("utf-8")
    Model.load(output).close()


@pytest.mark.parametrize("command", ["export", "verify"])
def test_the_help_needs_nothing_heavy(command: str) -> None:
    ran = run(command, "--help")

    assert ran.stdout.endswith("\n[]\n")
    assert "--time-limit SECONDS" in ran.stdout


@pytest.mark.parametrize("limit", ["0", "-1", "soon"])
def test_a_limit_is_a_number(limit: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["verify", "x.onnx", "--time-limit", limit])

    assert capsys.readouterr().err.endswith(
        f"argument --time-limit: {limit!r} is no whole number above 0\n"
    )


def test_what_the_converter_makes_is_taken() -> None:
    check_made(make_model(), f"# Home\n\n{MARK}\n".encode())


@pytest.mark.parametrize(
    ("content", "card", "reason"),
    [
        (b"\x08\x07", MARK.encode(), "as a model is refused: the file carries no sig"),
        (make_model()[:-9], MARK.encode(), "as a model is refused: not a whole model"),
        (make_model(), b"# Home\n", "as a model's card is none"),
        (make_model(), b"\xff", "as a model's card is none"),
        (make_model(), MARK.encode() + b"\x1b[2J", "as a model's card is none"),
    ],
)
def test_what_the_converter_does_not_make_is_refused(
    content: bytes, card: bytes, reason: str
) -> None:
    with pytest.raises(Refusal, match=f"what came from behind the wall {reason}"):
        check_made(content, card)
