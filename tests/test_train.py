import hashlib
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest

from convert.__main__ import main
from convert.card import doubt, proof, write_card
from server.model import Model
from server.signature import Signature
from tests.students import make_students

MODEL = Path("models/student_performance.onnx")

needs_students = pytest.mark.skipif(
    "STUDENTS_CSV" not in os.environ, reason="STUDENTS_CSV names no table"
)


def train(folder: Path, table: pd.DataFrame | Path, *options: str) -> int:
    """Run the command as a user does, in `folder`, for the target math_score."""
    if isinstance(table, pd.DataFrame):
        table.to_csv(folder / "table.csv", index=False)
        table = folder / "table.csv"
    output = folder / "maths.onnx"
    return main(
        [
            "train",
            str(table),
            "--target",
            "math_score",
            "--output",
            str(output),
            *options,
        ]
    )


def signature_of(path: Path) -> Signature:
    model = Model.load(path)
    model.close()
    return model.signature


def test_a_table_becomes_a_model_and_its_card(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    students = make_students(200)

    code = train(tmp_path, students)

    signature = signature_of(tmp_path / "maths.onnx")
    n_bytes = (tmp_path / "maths.onnx").stat().st_size
    assert code == 0
    card = (tmp_path / "maths.md").read_text("utf-8")
    assert card.startswith(f"# {signature.title}\n")
    assert "](maths.svg)" in card
    assert "| 95% interval |" in card
    assert "## Who it errs on" in card
    assert (tmp_path / "maths.svg").read_text("utf-8").startswith("<svg ")
    assert f"wrote {tmp_path}/maths.onnx, {n_bytes:,} bytes" in capsys.readouterr().out
    assert (signature.name, signature.estimator) == ("maths", "LinearRegression")
    provenance = signature.provenance
    assert (provenance.n_train_rows, provenance.n_test_rows) == (160, 40)
    assert provenance.dataset == "table.csv"
    assert provenance.command == (
        "python -m convert train table.csv --target math_score --output maths.onnx"
    )
    assert 0.7 < provenance.scores["r2_score"] < 1


def test_a_model_that_is_worse_than_the_mean_is_doubted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    students = make_students(60)
    students["math_score"] = np.random.default_rng(5).permutation(60)

    assert train(tmp_path, students) == 0

    said = capsys.readouterr().out.splitlines()
    assert said[1].startswith("R² -0.")
    assert said[2] == doubt(signature_of(tmp_path / "maths.onnx").provenance)
    assert said[2].startswith("R² is below 0: ")


@pytest.mark.parametrize("name", ["linear", "forest", "xgboost", "catboost"])
def test_two_runs_give_the_same_bytes(tmp_path: Path, name: str) -> None:
    make_students(120).to_csv(tmp_path / "table.csv", index=False)
    command = [sys.executable, "-m", "convert", "train", str(tmp_path / "table.csv")]
    command += ["--regressor", name]
    hashes = set()

    for seed in ("1", "2"):
        output = tmp_path / seed / "maths.onnx"
        subprocess.run(
            [*command, "--target", "math_score", "--output", str(output)],
            env=os.environ | {"PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        )
        hashes.add(hashlib.sha256(output.read_bytes()).hexdigest())

    assert len(hashes) == 1


def test_missing_values_booleans_and_codes_are_served(tmp_path: Path) -> None:
    students = make_students(200)
    rng = np.random.default_rng(0)
    students["passed"] = (students["math_score"] > 60).map(
        {True: "True", False: "False"}
    )
    students["code"] = rng.integers(1, 5, 200)
    gaps = rng.random((200, 3)) < 0.1
    columns = ["passed", "lunch", "reading_score"]
    students[columns] = students[columns].astype(object).mask(gaps)
    (tmp_path / "maths.toml").write_text('[features.code]\nkind = "category"\n')

    assert train(tmp_path, students) == 0

    kinds = {f.name: f.kind for f in signature_of(tmp_path / "maths.onnx").features}
    assert (kinds["passed"], kinds["code"], kinds["reading_score"]) == (
        "boolean",
        "category",
        "number",
    )


def test_options_are_kept_in_the_command(tmp_path: Path) -> None:
    students = make_students(100).replace({"lunch": {"standard": "n/a"}})
    (tmp_path / "other.toml").write_text('title = "Other"')
    description = str(tmp_path / "other.toml")
    options = [
        "--drop",
        "gender",
        "--missing",
        "n/a",
        "--seed",
        "7",
        "--test-size",
        "0.5",
    ]

    assert train(tmp_path, students, "--description", description, *options) == 0

    signature = signature_of(tmp_path / "maths.onnx")
    assert signature.title == "Other"
    assert "gender" not in [feature.name for feature in signature.features]
    assert signature.provenance.command == (
        "python -m convert train table.csv --target math_score --output maths.onnx "
        "--description other.toml --drop gender --missing n/a --seed 7 --test-size 0.5"
    )


@pytest.mark.parametrize(
    ("students", "options", "message"),
    [
        (make_students(3), [], "table.csv has too few rows (3)"),
        (make_students(9)[["math_score"]], [], "has no column beside 'math_score'"),
        (make_students(90), ["--test-size", "2"], "--test-size is 2.0: it is a share"),
        (make_students(90), ["--seed", "-1"], "--seed is -1: it is a whole number"),
        (make_students(90), ["--drop", "lunhc"], "did you mean 'lunch'?"),
        (make_students(90), ["--description", "none.toml"], "none.toml: No such file"),
        (
            make_students(90).assign(age=np.where(np.arange(90) == 40, 12.5, np.nan)),
            [],
            "'age' has no value among the 72 rows",
        ),
        (
            make_students(90).assign(name=[f"n{i}" for i in range(90)]),
            [],
            "among the held-out rows, so that nothing can be learned about them",
        ),
        (make_students(90), ["--regressor", "best"], "is what compare chose: run"),
    ],
)
def test_a_refusal_is_one_sentence_and_writes_nothing(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    students: pd.DataFrame,
    options: list[str],
    message: str,
) -> None:
    code = train(tmp_path, students, *options)

    printed = capsys.readouterr()
    assert (code, printed.out) == (2, "")
    assert printed.err.count("\n") == 1
    assert message in printed.err
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_the_output_must_be_called_onnx(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(
        ["train", "table.csv", "--target", "y", "--output", str(tmp_path / "m")]
    )

    assert code == 2
    assert capsys.readouterr().err == (
        f"refused: the output is called {tmp_path}/m: give it a name ending in .onnx\n"
    )


def test_an_interrupt_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("convert.train.export", interrupt)

    code = train(tmp_path, make_students(90))

    assert code == 130
    assert capsys.readouterr().err.endswith("interrupted: nothing was written\n")
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_help_shows_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["train", "--help"])

    assert stopped.value.code == 0
    assert "python -m convert train students.csv --target" in capsys.readouterr().out


def test_the_shipped_card_belongs_to_the_shipped_model() -> None:
    signature = signature_of(MODEL)
    _, _, reading = write_card(signature, MODEL.stat().st_size).partition(
        "## What it r"
    )

    card = MODEL.with_suffix(".md").read_text("utf-8")

    assert card.startswith(f"# {signature.title}\n\n{signature.description}\n")
    assert card.endswith(reading)
    assert proof(signature.provenance) in card
    for score in signature.provenance.scores.values():
        assert f" {score:.4f} " in card
    assert f"]({MODEL.stem}.svg)" in card
    assert MODEL.with_suffix(".svg").exists()


@needs_students
def test_the_shipped_model_is_what_the_table_gives(tmp_path: Path) -> None:
    description = MODEL.with_suffix(".toml").resolve()
    table = Path(os.environ["STUDENTS_CSV"])

    assert train(tmp_path, table, "--description", str(description)) == 0

    made, shipped = signature_of(tmp_path / "maths.onnx"), signature_of(MODEL)
    assert made.features == shipped.features
    assert made.provenance.dataset_sha256 == shipped.provenance.dataset_sha256
    assert made.provenance.scores == pytest.approx(shipped.provenance.scores)
    assert round(made.provenance.scores["r2_score"], 4) == 0.8804
    assert [row.row for row in made.golden_rows] == [
        row.row for row in shipped.golden_rows
    ]
    predictions = [
        [row.predictions[0] for row in signature.golden_rows]
        for signature in (made, shipped)
    ]
    assert predictions[0] == pytest.approx(predictions[1], abs=1e-9)


@needs_students
def test_the_shipped_model_is_proved_on_the_whole_table() -> None:
    discrepancy = signature_of(MODEL).provenance.discrepancy

    assert discrepancy is not None
    assert (discrepancy.n_rows, discrepancy.tolerance) == (1000, 1e-9)
    assert discrepancy.largest < 1e-10
    assert msgspec.json.encode(discrepancy)
