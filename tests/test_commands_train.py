import hashlib
import math
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import KFold, cross_val_predict, train_test_split

from convert.__main__ import main
from convert.report.sentences import doubt, proof, say_interval
from convert.training.card import write_card
from convert.training.regressors import make_candidate
from server.model import Model
from server.signature import Interval, Signature
from tests.said import but_progress
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


def expected_interval(
    table: pd.DataFrame, categories: list[str], name: str, seed: int = 42
) -> Interval:
    """Compute the interval of math_score once more, by scikit-learn and numpy."""
    X, y = table.drop(columns="math_score"), table["math_score"].astype(float)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.2, random_state=seed
    )
    numbers = [str(name) for name in X if name not in categories]
    pipeline = make_candidate(name, numbers, categories, seed)
    folds = KFold(5, shuffle=True, random_state=seed)
    predictions = cross_val_predict(pipeline, X_train, y_train, cv=folds)
    residuals = sorted(np.abs(y_train - predictions))
    half_width = residuals[math.ceil(0.9 * (len(residuals) + 1)) - 1]
    errors = np.abs(y_test - pipeline.fit(X_train, y_train).predict(X_test))
    return Interval(
        half_width=half_width,
        coverage=0.9,
        n_rows=len(residuals),
        measured_coverage=float((errors <= half_width).mean()),
        n_measured_rows=len(errors),
    )


def assert_intervals_equal(found: Interval | None, expected: Interval) -> None:
    assert found is not None
    assert found.half_width == pytest.approx(expected.half_width, rel=1e-9)
    assert msgspec.structs.replace(found, half_width=expected.half_width) == expected


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


@pytest.mark.parametrize("name", ["linear", "tree"])
def test_the_interval_is_calibrated_out_of_fold_and_measured_on_held_out_rows(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    students = make_students(150)

    assert train(tmp_path, students, "--regressor", name) == 0

    (target,) = signature_of(tmp_path / "maths.onnx").targets
    categories = [str(one) for one in students if students[one].dtype.kind not in "if"]
    expected = expected_interval(students, categories, name)
    assert_intervals_equal(target.interval, expected)
    fitted, _ = train_test_split(students, test_size=0.2, random_state=42)
    scores = fitted["math_score"]
    assert target.observed == (scores.min(), scores.max())
    assert say_interval(target) in capsys.readouterr().out.splitlines()


def test_a_category_that_one_fitted_row_has_leaves_the_interval_whole(
    tmp_path: Path,
) -> None:
    students = make_students(150)
    fitted, _ = train_test_split(students, test_size=0.2, random_state=42)
    students.loc[fitted.index[3], "lunch"] = "none at all"

    assert train(tmp_path, students) == 0

    (target,) = signature_of(tmp_path / "maths.onnx").targets
    assert target.interval is not None
    assert target.interval.n_rows == 120
    assert 4 < target.interval.half_width < 20


def test_too_few_rows_give_a_model_without_an_interval(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "convert")

    assert train(tmp_path, make_students(12)) == 0

    (target,) = signature_of(tmp_path / "maths.onnx").targets
    assert target.interval is None
    assert "no interval: 9 rows to fit are too few" in caplog.messages


def test_a_fold_that_cannot_be_fitted_gives_a_model_without_an_interval(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "convert")
    students = make_students(60)
    fitted, _ = train_test_split(students, test_size=0.2, random_state=42)
    students["math_score"] = 0
    students.loc[fitted.index[5], "math_score"] = 7  # CatBoost refuses equal targets

    assert train(tmp_path, students, "--regressor", "catboost") == 0

    (target,) = signature_of(tmp_path / "maths.onnx").targets
    assert target.interval is None
    (said,) = [one for one in caplog.messages if one.startswith("no interval: ")]
    assert said.startswith("no interval: without a fold it cannot be fitted (")
    assert said.endswith("All train targets are equal)")


@pytest.mark.parametrize(("factor", "shift"), [(1e9, 0.0), (-1.0, 20.0), (1e-9, -1.0)])
def test_the_interval_and_the_range_have_the_unit_of_the_target(
    tmp_path: Path, factor: float, shift: float
) -> None:
    students = make_students(100)
    moved = students.assign(math_score=students["math_score"] * factor + shift)
    found = []

    for name, table in (("plain", students), ("moved", moved)):
        folder = tmp_path / name
        folder.mkdir()
        assert train(folder, table) == 0
        found.append(signature_of(folder / "maths.onnx").targets[0])

    plain, scaled = found
    assert plain.interval is not None
    half_width = abs(factor) * plain.interval.half_width
    assert_intervals_equal(
        scaled.interval,
        msgspec.structs.replace(plain.interval, half_width=half_width),
    )
    assert plain.observed is not None
    ends = sorted(factor * end + shift for end in plain.observed)
    assert scaled.observed == pytest.approx(tuple(ends))


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_command_in_the_card_makes_the_same_files_in_their_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("tables", "models", "again"):
        (tmp_path / name).mkdir()
    table, said = tmp_path / "tables" / "table.csv", tmp_path / "models" / "maths.toml"
    make_students(100).to_csv(table, index=False)
    said.write_text('title = "Maths"')
    monkeypatch.chdir(tmp_path)
    first = ["train", "tables/table.csv", "--target", "math_score"]
    assert main([*first, "--output", "models/maths.onnx"]) == 0

    command = signature_of(tmp_path / "models" / "maths.onnx").provenance.command
    monkeypatch.chdir(tmp_path / "again")
    shutil.copy(table, "table.csv")
    shutil.copy(said, "maths.toml")
    assert main(shlex.split(command)[3:]) == 0

    assert command == (
        "python -m convert train table.csv --target math_score --output maths.onnx "
        "--description maths.toml"
    )
    made = files_in(tmp_path / "models")
    assert files_in(tmp_path / "again") == made | {"table.csv": table.read_bytes()}
    assert sorted(made) == ["maths.md", "maths.onnx", "maths.svg", "maths.toml"]


RAW_NAMES = {
    "race_ethnicity": "race/ethnicity",
    "parental_level_of_education": "parental level of education",
    "test_preparation_course": "test preparation course",
    "math_score": "math score",
    "reading_score": "reading score",
    "writing_score": "writing score",
}
"""Ours → those of the published file."""


def test_renamed_columns_give_the_graph_of_columns_of_that_name(tmp_path: Path) -> None:
    students = make_students(100)
    renamings = [f"--rename={raw}={ours}" for ours, raw in RAW_NAMES.items()]
    assert train(tmp_path, students) == 0
    ours = signature_of(tmp_path / "maths.onnx")

    assert train(tmp_path, students.rename(columns=RAW_NAMES), *renamings) == 0

    raw = signature_of(tmp_path / "maths.onnx")
    provenance = msgspec.structs.replace(
        raw.provenance,
        command=ours.provenance.command,
        dataset_sha256=ours.provenance.dataset_sha256,
    )
    same_file = {"provenance": provenance, "sha256": ours.sha256}
    assert msgspec.structs.replace(raw, **same_file) == ours
    assert raw.provenance.dataset_sha256 != ours.provenance.dataset_sha256
    assert "--rename 'math score=math_score' --rename" in raw.provenance.command


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
        (
            make_students(90),
            ["--description", "none.toml"],
            "there is no file none.toml: ",
        ),
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
        (
            make_students(90).assign(math_score=5),
            [],
            "the target 'math_score' is 5 in each of the 72 rows of",
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
    assert but_progress(printed.err).count("\n") == 1
    assert message in printed.err
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_the_output_must_be_called_onnx(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(
        ["train", "table.csv", "--target", "y", "--output", str(tmp_path / "m")]
    )

    assert code == 2
    assert but_progress(capsys.readouterr().err) == (
        f"refused: the output is called {tmp_path}/m: give it a name ending in .onnx\n"
    )


def test_an_interrupt_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("convert.training.train.export", interrupt)

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
    target = signature.targets[0]
    named = msgspec.structs.replace(target, name="`math_score`")
    assert say_interval(named) in card
    assert (target.minimum, target.maximum, target.observed) == (0, 100, (8, 100))
    assert "is beyond what it can be (from 0 to 100 points) or beyond what was" in card
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
    students = pd.read_csv(table, keep_default_na=False)
    categories = [str(name) for name in students][:5]
    for signature in (made, shipped):
        assert_intervals_equal(
            signature.targets[0].interval,
            expected_interval(students, categories, "linear"),
        )


@needs_students
def test_the_shipped_model_is_proved_on_the_whole_table() -> None:
    discrepancy = signature_of(MODEL).provenance.discrepancy

    assert discrepancy is not None
    assert (discrepancy.n_rows, discrepancy.tolerance) == (1000, 1e-9)
    assert discrepancy.largest < 1e-10
    assert msgspec.json.encode(discrepancy)
