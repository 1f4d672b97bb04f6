from pathlib import Path
from typing import Any

import joblib
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from convert.__main__ import main
from convert.fitted import own
from convert.proof.discrepancy import Proof
from convert.proof.replay import open_model
from server.signature import Discrepancy
from tests.encoders import TOWNS, Mean, make_flats
from tests.models import make_unsealed_model
from tests.pairs import NUMBERS, make_homes
from tests.said import but_progress
from tests.test_commands_conversion import run, save

pytestmark = pytest.mark.usefixtures("without_wall")


def exported(folder: Path, *words: str) -> tuple[Path, Path, Path]:
    """Return a model file, its pipeline and the sample that it was exported with."""
    pipeline = save(folder, Ridge())
    assert run(folder, pipeline, *words) == 0
    return folder / "out" / "home.onnx", pipeline, folder / "rows.csv"


def verify(*words: str | Path) -> int:
    return main(["verify", *map(str, words)])


@pytest.mark.parametrize("words", [[], ["--target", "price"]])
def test_a_file_is_compared_with_its_pipeline_over_the_sample_of_its_export(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, pipeline, sample = exported(tmp_path, *words)
    said = capsys.readouterr().out.splitlines()[-1]

    status = verify(file, "--pipeline", pipeline, "--sample", sample)

    _, signature = open_model(file)
    assert (status, capsys.readouterr().out.splitlines()) == (
        0,
        [
            f"{file}: {len(signature.golden_rows)} golden rows (made up, with what "
            "scikit-learn predicted for them) are reproduced within "
            f"{signature.golden_tolerance:.1g}",
            said.replace(
                "nothing would have been written", "the file would have been refused"
            ),
        ],
    )


def test_a_preprocessor_and_a_model_apart_are_compared_as_the_pipeline_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, path, sample = exported(tmp_path)
    pipeline = joblib.load(path)
    joblib.dump(pipeline[0], tmp_path / "preprocessor.joblib")
    joblib.dump(pipeline[1], tmp_path / "model.joblib")
    capsys.readouterr()
    whole = verify(file, "--pipeline", path, "--sample", sample)
    said = capsys.readouterr().out

    apart = verify(
        *(file, "--sample", sample),
        *("--preprocessor", tmp_path / "preprocessor.joblib"),
        *("--model", tmp_path / "model.joblib"),
    )

    assert (whole, apart) == (0, 0)
    assert capsys.readouterr().out == said


def test_the_sample_is_read_as_export_reads_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, pipeline, sample = exported(tmp_path)
    text = sample.read_text("utf-8").replace(",price,", ",preis_in_€,")
    lines = text.replace(",,", ",n/a,").splitlines()
    sample.write_text("\n".join(lines), "cp1252")

    options = ["--encoding", "cp1252", "--missing", "n/a", "--drop", "preis_in_€"]
    status = verify(file, "--pipeline", pipeline, "--sample", sample, *options)

    assert status == 0
    assert "differ by at most" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--pipeline", "p.joblib"], "a pipeline and --sample go together"),
        (["--model", "p.joblib"], "a pipeline and --sample go together"),
        (["--sample", "rows.csv"], "a pipeline and --sample go together"),
        (
            ["--model", "p.joblib", "--sample", "rows.csv"],
            "give one pipeline, or --preprocessor and --model together",
        ),
        (
            ["--pipeline", "other.joblib", "--sample", "rows.csv"],
            "it was made from another one",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(
    options: list[str],
    reason: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file, path, _ = exported(tmp_path)
    pipeline = joblib.load(path)
    homes = make_homes()
    other = make_pipeline(pipeline[0].named_transformers_["n"], Ridge())
    joblib.dump(other.fit(homes[NUMBERS], homes["price"]), tmp_path / "other.joblib")
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()

    status = verify(file, *options)

    printed = capsys.readouterr()
    assert (status, printed.out, but_progress(printed.err).count("\n")) == (2, "", 1)
    assert reason in printed.err


def test_another_pipeline_of_the_same_columns_is_found_to_differ(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, path, sample = exported(tmp_path)
    pipeline = joblib.load(path)
    pipeline[1].intercept_ += 0.001
    joblib.dump(pipeline, path)

    status = verify(file, "--pipeline", path, "--sample", sample)

    said = capsys.readouterr().err.splitlines()[-1]
    assert status == 2
    assert said.startswith("refused: for the row {'area / m²': ")
    assert said.endswith(
        f"which is further apart than 1e-08: {file} was made from another pipeline; "
        "export it again"
    )


def test_a_file_without_a_digest_is_verified_with_a_warning(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    file = tmp_path / "student.onnx"
    file.write_bytes(make_unsealed_model())

    status = verify(file)

    assert (status, capsys.readouterr().out) == (
        0,
        f"{file}: 1 golden row (made up, with what scikit-learn predicted for it) is "
        "reproduced within 1e-09\n",
    )
    warnings = [each.message for each in caplog.records if each.levelname == "WARNING"]
    assert warnings == [
        f"{file} was written without a digest, so damage to it may go unnoticed; export "
        "it again with python -m convert"
    ]


FLATS = make_flats()
FIRST = ["--target", "price", "--trust", "everything"]


def save_flats(folder: Path, encoder: Any, columns: list[str], sample: Any) -> None:
    made = ColumnTransformer([("e", encoder, columns)], remainder="passthrough")
    X = FLATS[[*columns, "area"]]
    joblib.dump(
        make_pipeline(made, Ridge()).fit(X, FLATS["price"]), folder / "p.joblib"
    )
    sample[[*columns, "area"]].to_csv(folder / "rows.csv", index=False)


def verify_flats(folder: Path, rows: Any) -> int:
    rows.to_csv(folder / "others.csv", index=False)
    return verify(
        *(folder / "out" / "home.onnx", "--trust", "everything"),
        *("--pipeline", folder / "p.joblib", "--sample", folder / "others.csv"),
    )


def test_rows_that_the_file_refuses_do_not_make_it_another_pipeline_s(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    save_flats(tmp_path, Mean(), ["town"], FLATS.head(60))
    assert run(tmp_path, tmp_path / "p.joblib", *FIRST) == 0
    capsys.readouterr()

    status = verify_flats(
        tmp_path, FLATS.head(9).assign(town=["Atlantis", *TOWNS, *TOWNS[:2]])
    )

    assert (status, "On 8 rows of the table" in capsys.readouterr().out) == (0, True)
    assert "1 rows of the sample are not compared" in caplog.text


def old_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Export as it was done when whatever the sample lacks was taken for unknown."""
    sure = Discrepancy(largest=0, tolerance=1e-9, n_rows=60, n_edge_rows=0)
    with monkeypatch.context() as old:
        old.setattr(own, "is_own", lambda transformer: True)
        old.setattr(Proof, "measure", lambda self: sure)
        assert run(folder, folder / "p.joblib", *FIRST) == 0


def test_a_file_that_takes_a_known_value_for_unknown_is_told_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    save_flats(tmp_path, Mean(), ["town"], FLATS[FLATS["town"] != "Oslo"].head(60))
    old_file(tmp_path, monkeypatch)
    capsys.readouterr()

    status = verify_flats(tmp_path, FLATS.head(60))

    said = capsys.readouterr().err.splitlines()[-1]
    file = tmp_path / "out" / "home.onnx"
    assert (status, said.split(": ", 1)[0]) == (2, "refused")
    assert said.endswith(
        f": {file} takes 'Oslo' of 'town' for unknown, and the pipeline knows it; "
        "export it again"
    )


def test_what_somebody_s_encoder_was_not_asked_for_may_be_why_a_file_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_flats(tmp_path, Mean(), ["town"], FLATS.head(60))
    assert run(tmp_path, tmp_path / "p.joblib", *FIRST) == 0
    pipeline = joblib.load(tmp_path / "p.joblib")
    pipeline[1].intercept_ += 1
    joblib.dump(pipeline, tmp_path / "p.joblib")
    capsys.readouterr()

    status = verify_flats(tmp_path, FLATS.head(60))

    assert status == 2
    assert capsys.readouterr().err.endswith(
        "was made from another pipeline, or Mean, which reads 'town' and is not "
        "scikit-learn's, has an answer here that nobody asked it for; export it again\n"
    )
