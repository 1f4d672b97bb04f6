import argparse
from pathlib import Path

import pytest

from convert.explore import command
from convert.refusal import Refusal
from tests.students import make_students


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    parsed = parser.parse_args(["explore", *arguments])
    status: int = parsed.run(parsed)
    return status


def test_report_is_written_beside_nothing_else(tmp_path: Path) -> None:
    table, report = tmp_path / "students.csv", tmp_path / "report.html"
    make_students(60).to_csv(table, index=False)

    status = run(str(table), "--target", "math_score", "-o", str(report))

    assert status == 0
    assert report.read_text(encoding="utf-8").startswith("<!doctype html>\n<html")
    assert report.stat().st_mode & 0o777 == 0o644
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "report.html",
        "students.csv",
    ]


def test_the_word_none_is_no_missing_value(tmp_path: Path) -> None:
    table, report = tmp_path / "students.csv", tmp_path / "report.html"
    make_students(60).to_csv(table, index=False)

    run(str(table), "--target", "math_score", "-o", str(report))

    assert "“none” (" in report.read_text(encoding="utf-8")


def test_refusal_leaves_the_old_report_as_it_was(tmp_path: Path) -> None:
    table, report = tmp_path / "students.csv", tmp_path / "report.html"
    make_students(60).to_csv(table, index=False)
    report.write_text("old")

    with pytest.raises(Refusal, match="no column 'maths'"):
        run(str(table), "--target", "maths", "-o", str(report))

    assert report.read_text() == "old"


def test_table_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"nowhere\.csv cannot be read: No such file"):
        run(str(tmp_path / "nowhere.csv"), "--target", "a", "-o", str(tmp_path / "r"))


def test_report_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "students.csv"
    make_students(60).to_csv(table, index=False)
    report = tmp_path / "nowhere" / "report.html"

    with pytest.raises(Refusal, match="cannot be written: No such file"):
        run(str(table), "--target", "math_score", "-o", str(report))


def test_long_work_says_what_it_does(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(command, "QUIET_S", 0.0)
    table = tmp_path / "students.csv"
    make_students(60).to_csv(table, index=False)

    run(str(table), "--target", "math_score", "-o", str(tmp_path / "report.html"))

    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.splitlines()[:2] == [
        "reading students.csv …",
        "reading columns …",
    ]
    assert "drawing pair 7 of 7 …" in written.err
