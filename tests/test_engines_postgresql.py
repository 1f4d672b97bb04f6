"""PostgreSQL, for real: the function of the guide, beside the server that it asks."""

import csv
import io
import json
from collections.abc import Iterator

import pytest

from tests.engines import Answer, ask_alone, make_rows
from tests.postgresql import Database, running_database
from tests.servers import ROOT, Served, running_server

pytestmark = pytest.mark.engines

FOLDER = ROOT / "deploy" / "postgresql"
N_ROWS = 12_000
TEXTS = (
    *("gender", "race_ethnicity", "parental_level_of_education"),
    *("lunch", "test_preparation_course"),
)
COLUMNS = (*TEXTS, "reading_score", "writing_score", "id")


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with running_database() as database:
        yield database


@pytest.fixture(scope="module")
def served(database: Database) -> Iterator[Served]:
    """Return a server that the database asks."""
    with running_server() as served:
        install(database, served.url)
        yield served


def install(database: Database, url: str) -> None:
    settings = ("--set", f"url={url}", "--set", "model=student_performance")
    database.psql(*settings, "--file", FOLDER / "predict.sql")


def fill(database: Database, rows: list[dict[str, object]]) -> None:
    """Make the table of the guide anew."""
    texts = ", ".join(f"{name} text" for name in TEXTS)
    written = io.StringIO()
    csv.DictWriter(written, COLUMNS, lineterminator="\n").writerows(rows)
    database.psql(
        given="SET client_min_messages = warning;\nDROP TABLE IF EXISTS predicted, students;\n"
        f"CREATE TABLE students ({texts}, reading_score float, writing_score float, "
        f"id bigint);\nCOPY students FROM STDIN CSV;\n{written.getvalue()}\\.\n"
    )


def statement() -> str:
    guide = (FOLDER / "README.md").read_text("utf-8")
    return guide.partition("```sql\n")[2].partition("```")[0]


def test_every_row_has_the_answer_of_the_server(
    database: Database, served: Served
) -> None:
    rows = make_rows(N_ROWS)
    answers = list(ask_alone(served.url, rows))
    taken = [
        (row, answer)
        for row, answer in zip(rows, answers, strict=True)
        if answer.error is None
    ]
    fill(database, [row | _gaps(row) for row, _ in taken])
    database.psql(given=statement())
    shown = database.psql(
        given="SELECT json_agg(json_build_array(id, math_score) ORDER BY id) "
        "FROM predicted"
    ).stdout

    assert len(taken) == N_ROWS * 95 // 100
    assert json.loads(shown) == [
        [row["id"], answer.prediction] for row, answer in taken
    ]


def test_a_row_that_is_refused_fails_the_statement_in_the_servers_words(
    database: Database, served: Served
) -> None:
    rows = make_rows(20)[1:6]
    rows[2] |= {"lunch": "free", "writing_score": 104.0}
    fill(database, rows)

    done = database.psql(given=statement(), check=False)
    left = database.psql(given="SELECT to_regclass('predicted') IS NULL").stdout

    assert done.returncode == 3
    assert done.stderr.splitlines()[:3] == [
        "ERROR:  plpy.Error: 2 values are invalid.",
        "DETAIL:  #/2/lunch: 'free' is not one of: 'free/reduced', 'standard'.",
        "#/2/writing_score: 104 is above the maximum, 100 points.",
    ]
    assert left == "t\n"


def test_without_a_server_the_statement_says_so(database: Database) -> None:
    install(database, "http://127.0.0.1:9")
    fill(database, make_rows(20)[1:6])

    done = database.psql(given=statement(), check=False)

    assert done.returncode == 3
    assert "127.0.0.1:9/models/student_performance/predict does not answer" in (
        done.stderr
    )


def test_a_user_asks_the_server_that_was_chosen_and_no_other(
    database: Database, served: Served
) -> None:
    install(database, served.url)
    row = """'[{"reading_score": 72}]'"""
    database.psql(given="DROP ROLE IF EXISTS reader; CREATE ROLE reader")

    answered = database.psql(given=f"SET ROLE reader; SELECT predict({row})").stdout
    refused = database.psql(
        given=f"SET ROLE reader; SELECT predict_at('{served.url}', {row})", check=False
    )

    (expected,) = ask_alone(served.url, [{"reading_score": 72}])
    assert Answer(json.loads(answered), None) == expected
    assert "permission denied for function predict_at" in refused.stderr


def _gaps(row: dict[str, object]) -> dict[str, None]:
    """Return the missing values of a row, which are NULL in a database."""
    return {name: None for name, value in row.items() if value != value}
