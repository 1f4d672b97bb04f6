from pathlib import Path

import pytest

from convert.__main__ import main
from tests.said import but_progress
from tests.students import make_students


def explore(folder: Path, target: str, *more: str) -> int:
    make_students(60).to_csv(folder / "students.csv", index=False)
    report = folder / "report.html"
    words = [str(folder / "students.csv"), "--target", target, "-o", str(report)]
    return main(["explore", *words, *more])


def test_report_is_written_and_nothing_beside_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = explore(tmp_path, "math_score")

    report = tmp_path / "report.html"
    assert code == 0
    assert capsys.readouterr().out == f"wrote {report}: open it in a browser\n"
    assert report.read_text("utf-8").startswith('<!doctype html>\n<html lang="en">')
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "report.html",
        "students.csv",
    ]


def test_the_word_none_is_no_missing_value_unless_it_is_said(tmp_path: Path) -> None:
    explore(tmp_path, "math_score")
    category = (tmp_path / "report.html").read_text("utf-8")
    explore(tmp_path, "math_score", "--missing", "none")
    missing = (tmp_path / "report.html").read_text("utf-8")

    assert "“none” (" in category
    assert "“none” (" not in missing


def test_dropped_column_is_not_in_the_report(tmp_path: Path) -> None:
    explore(tmp_path, "math_score", "--drop", "race_ethnicity")

    assert "race ethnicity" not in (tmp_path / "report.html").read_text("utf-8")


def test_refusal_leaves_the_old_report_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "report.html").write_text("old")

    code = explore(tmp_path, "maths")

    assert code == 2
    assert (
        "refused: the table has no column 'maths': did you mean 'math_score'?"
        in capsys.readouterr().err
    )
    assert (tmp_path / "report.html").read_text() == "old"


def test_output_that_is_no_page_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = explore(tmp_path, "math_score", "-o", str(tmp_path / "report.pdf"))

    assert code == 2
    assert but_progress(capsys.readouterr().err) == (
        f"refused: the output is called {tmp_path}/report.pdf: give it a name ending in "
        ".html\n"
    )


def test_every_step_is_told(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    explore(tmp_path, "math_score")

    assert caplog.messages[:3] == [
        "loading what explore needs …",
        f"reading {tmp_path}/students.csv …",
        "reading columns …",
    ]
    assert "drawing pair 7 of 7 …" in caplog.messages
