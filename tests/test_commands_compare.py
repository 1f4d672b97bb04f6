import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest

from convert.__main__ import main
from convert.compare.comparison import Comparison, read_json, write_json
from convert.compare.published import R2, TOLERANCE, reproduce
from convert.compare.report import SECTIONS, write_page
from convert.tables.table import read_table
from convert.training.estimates import SCORES
from convert.training.regressors import CANDIDATES
from tests.said import but_progress
from tests.students import make_students
from tests.test_explore_report import read

needs_students = pytest.mark.skipif(
    "STUDENTS_CSV" not in os.environ, reason="STUDENTS_CSV names no table"
)


def compare(folder: Path, table: pd.DataFrame, *options: str) -> int:
    """Run the command for the target math_score, with one trial a candidate."""
    table.to_csv(folder / "table.csv", index=False)
    return main(
        [
            *("compare", str(folder / "table.csv"), "--target", "math_score"),
            *("--trials", "1", "--jobs", "2"),
            *options,
        ]
    )


@pytest.mark.slow
def test_nine_are_compared_and_the_choice_can_be_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, found = tmp_path / "compare.html", tmp_path / "compare.json"

    code = compare(
        tmp_path, make_students(150), "--json", str(found), "--output", str(page)
    )

    comparison = read_json(found)
    assert code == 0
    assert found.read_bytes() == write_json(comparison)
    assert page.read_text("utf-8") == write_page(comparison)
    assert [entry.name for entry in comparison.entries] == list(CANDIDATES)
    assert [entry.refusal for entry in comparison.entries] == [""] * 9
    for entry in comparison.entries:
        assert entry.conversion is not None
        assert entry.conversion.discrepancy <= entry.conversion.tolerance
        assert list(entry.cross_validated) == list(entry.test) == list(SCORES)
        assert len(entry.predictions) == len(comparison.actual) == 30
    assert comparison.choice.name in comparison.choice.within
    assert comparison.choice.sentence in capsys.readouterr().out
    check_training_of_the_choice(tmp_path, comparison)
    check_page(page.read_text("utf-8"), comparison)


def check_training_of_the_choice(folder: Path, comparison: Comparison) -> None:
    train = ["train", str(folder / "table.csv"), "--target", "math_score"]
    train += ["--output", str(folder / "best.onnx"), "--regressor", "best"]
    chosen = comparison.entry(comparison.choice.name)

    code = main([*train, "--comparison", str(folder / "compare.json")])

    assert code == 0
    score = f"{chosen.test['r2_score']:.4f}"
    assert score in (folder / "best.md").read_text("utf-8")
    assert main([*train, "--comparison", str(folder / "table.csv")]) == 2
    for other in (["--seed", "7"], ["--rename", "lunch=meal"]):
        assert main([*train, *other, "--comparison", str(folder / "compare.json")]) == 2


def check_page(written: str, comparison: Comparison) -> None:
    found = read(written)
    assert set(SECTIONS) <= set(found.values("id"))
    assert found.count("figure") == 7
    assert comparison.choice.sentence in found.text
    assert "http" not in written.replace("http://www.w3.org/", "").split("<style>")[0]


@pytest.mark.parametrize(
    ("students", "options", "message"),
    [
        (make_students(1), [], "too few rows (1) to fit some and to hold out 20%"),
        (make_students(11), [], "leaves 8 rows to fit and 5 folds need 10: add rows"),
        (
            make_students(90).assign(math_score=3),
            [],
            "'math_score' is 3 in each of the 72 rows",
        ),
        (
            make_students(90).assign(math_score=[math.nan, *range(89)]),
            [],
            "is missing on",
        ),
        (
            make_students(90).assign(name=[f"n{i}" for i in range(90)]),
            [],
            "are only among the held-out rows",
        ),
        (make_students(90), ["--jobs", "0"], "--jobs is 0: it is above 0"),
        (make_students(90), ["--budget", "nan"], "--budget is nan: it is above 0"),
        (make_students(90), ["--published"], "leave --published out for"),
    ],
)
def test_a_refusal_is_one_sentence_and_writes_nothing(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    students: pd.DataFrame,
    options: list[str],
    message: str,
) -> None:
    code = compare(tmp_path, students, "--json", str(tmp_path / "c.json"), *options)

    printed = capsys.readouterr()
    assert (code, printed.out) == (2, "")
    assert but_progress(printed.err).count("\n") == 1
    assert message in printed.err
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_page_and_json_need_two_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = compare(tmp_path, make_students(90), "--json", "x", "--output", "x")

    assert code == 2
    assert but_progress(capsys.readouterr().err) == (
        "refused: --output and --json are both x: name two files\n"
    )


@pytest.mark.slow
def test_an_interrupt_leaves_no_process_and_says_how_to_go_on(tmp_path: Path) -> None:
    make_students(150).to_csv(tmp_path / "table.csv", index=False)
    command = [sys.executable, "-m", "convert", "compare", str(tmp_path / "table.csv")]
    command += ["--target", "math_score", "--json", str(tmp_path / "c.json")]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    journal = tmp_path / "c.journal"
    while not (journal.exists() and '"state":1' in journal.read_text("utf-8")):
        assert running.poll() is None
        time.sleep(0.1)

    children = psutil.Process(running.pid).children(recursive=True)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)

    assert running.returncode == 130
    assert len(children) > 1
    assert psutil.wait_procs(children, timeout=10)[1] == []
    assert f"--resume goes on with the trials in {journal}\n" in said
    assert said.endswith("interrupted: nothing was written\n")
    assert "Traceback" not in said


@pytest.mark.slow
@needs_students
def test_the_published_figures_are_reproduced() -> None:
    table = read_table(Path(os.environ["STUDENTS_CSV"]))

    found = {one.name: one for one in reproduce(table, "math_score")}

    assert list(found) == list(R2)
    assert round(found["linear"].ours, 3) == 0.880
    assert round(found["ridge"].ours, 3) == 0.881
    apart = {name for name, one in found.items() if one.cause}
    assert apart <= {"tree"}
    for one in found.values():
        low, high = one.seeds or (one.ours, one.ours)
        assert low - TOLERANCE <= one.published <= high + TOLERANCE
    tree = found["tree"].seeds
    assert tree is not None
    assert tree[0] <= R2["tree"] <= tree[1]
