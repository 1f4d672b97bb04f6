"""Spark, for real: a job over Parquet, beside the answers of the running server."""

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.engines import MODEL, Answer, ask_alone, make_rows, python_of
from tests.servers import ROOT, running_server
from tests.tools import run

pytestmark = pytest.mark.engines

N_ROWS = 20_000
LOCAL = ("--master=local[2]", "--conf=spark.ui.enabled=false")


def submission(*words: str | Path) -> tuple[list[str | Path], dict[str, str]]:
    """Return the command of the guide for a Spark in this machine, and its variables."""
    python = python_of("spark")
    archive = ROOT / "build" / "pinion.zip"
    run(python, "-m", "zipfile", "-c", archive, "server", "deploy")
    program = ROOT / "deploy" / "spark" / "predict.py"
    submit = (python.parent / "spark-submit", *LOCAL, f"--py-files={archive}")
    here = {"SPARK_LOCAL_IP": "127.0.0.1", "PYTHONPATH": ""}
    return [*submit, program, *words], here | {"PYSPARK_PYTHON": str(python)}


def submit(*words: str | Path, check: bool = True) -> str:
    """Run the job, and return what it said."""
    command, environment = submission(*words)
    done = run(*command, check=check, environment=environment)
    return f"exit code {done.returncode}\n{done.stdout}"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Rows of every kind, in groups of which Spark's workers take several each."""
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.Table.from_pylist(make_rows(N_ROWS)), path, 3_000)
    return path


def test_every_row_has_the_answer_of_the_server(table: Path, tmp_path: Path) -> None:
    output = tmp_path / "predicted"
    submit(MODEL, table, output)
    found = pq.read_table(output).sort_by("id").to_pylist()
    rows = make_rows(N_ROWS)
    with running_server() as served:
        expected = list(ask_alone(served.url, rows))

    assert [Answer(row["prediction"], row["error"]) for row in found] == expected
    assert [list(row) for row in found[:1]] == [[*rows[0], "prediction", "error"]]
    assert [row["id"] for row in found] == list(range(N_ROWS))
    assert sum(answer.error is not None for answer in expected) == N_ROWS // 20


def test_a_table_that_has_such_a_column_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "predicted.parquet"
    pq.write_table(pa.table({"reading_score": [72.0], "error": [None]}), table)

    said = submit(MODEL, table, tmp_path / "again", check=False)

    assert said.startswith("exit code 2\n")
    assert "error: the table has a column error already: rename it" in said


def test_a_misspelt_feature_is_refused_before_the_job(tmp_path: Path) -> None:
    table = tmp_path / "misspelt.parquet"
    pq.write_table(pa.table({"Reading_Score": [72.0], "writing_score": [74.0]}), table)

    said = submit(MODEL, table, tmp_path / "predicted", check=False)

    assert said.startswith("exit code 2\n")
    assert (
        "error: the table does not fit: The model has no feature 'Reading_Score'; did you mean 'reading_score'?"
        in said
    )


def test_a_bad_row_of_any_type_stops_no_job(tmp_path: Path) -> None:
    table, output = tmp_path / "typed.parquet", tmp_path / "predicted"
    scores = pa.array([Decimal("72.0"), Decimal("104.5")]).dictionary_encode()
    lunches = pa.array([b"standard", b"\xff"])
    pq.write_table(pa.table({"reading_score": scores, "lunch": lunches}), table)

    submit(MODEL, table, output)
    found = pq.read_table(output).to_pylist()
    with running_server() as served:
        row = {"reading_score": 72.0, "lunch": "standard"}
        (expected,) = ask_alone(served.url, [row])

    assert [Answer(each["prediction"], each["error"]) for each in found] == [
        expected,
        Answer(None, "#/lunch: This binary cannot be sent as JSON."),
    ]
