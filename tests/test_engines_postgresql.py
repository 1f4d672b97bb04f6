"""PostgreSQL, for real: the function of the guide, beside the server that it asks."""

import csv
import io
import json
from collections.abc import Iterator

import pytest

from tests.engines import NOT_THE_SERVERS, Answer, answering, ask_alone, make_rows
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


def install(database: Database, url: str, *where: str) -> None:
    settings = ("--set", f"url={url}", "--set", "model=student_performance")
    database.psql(*settings, *where, "--file", FOLDER / "predict.sql")


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

    answered = database.psql(
        given="SET ROLE reader; SET pinion.url = 'http://127.0.0.1:9'; "
        f"SELECT predict({row})"
    ).stdout
    refused = database.psql(
        given="SET ROLE reader; "
        "ALTER FUNCTION predict(json) SET pinion.url = 'http://127.0.0.1:9'",
        check=False,
    )

    (expected,) = ask_alone(served.url, [{"reading_score": 72}])
    assert Answer(json.loads(answered), None) == expected
    assert "must be owner of function predict" in refused.stderr


def raising(function: str) -> str:
    """Return a function that gives mallory all rights, if it is called with enough."""
    return (
        f"CREATE OR REPLACE FUNCTION {function} LANGUAGE plpgsql AS "
        "$$ BEGIN ALTER ROLE mallory SUPERUSER; RETURN; "
        "EXCEPTION WHEN insufficient_privilege THEN RETURN; END $$;\n"
    )


def test_no_owner_of_the_database_gets_the_rights_of_who_made_the_function(
    database: Database, served: Served
) -> None:
    called = (
        *(
            "predict_at(text, json) RETURNS SETOF json",
            "format(text) RETURNS SETOF text",
        ),
        "format(text, text) RETURNS SETOF text",
        "current_setting(text) RETURNS SETOF text",
    )
    shop = "--dbname=shop"
    database.psql(given="CREATE ROLE mallory LOGIN;CREATE DATABASE shop OWNER mallory;")
    schemas = "CREATE SCHEMA IF NOT EXISTS postgres;\n"
    traps = [
        raising(f"{schema}.{each}")
        for schema in ("postgres", "public")
        for each in called
    ]
    names = "SET search_path = postgres, public;\n"

    database.psql(shop, given=f"{schemas}{''.join(traps)}", user="mallory")
    install(database, served.url, shop)
    database.psql(shop, given=f"{schemas}{''.join(traps)}", user="mallory")
    row = """predict('[{"reading_score": 72}]')"""
    answered = database.psql(shop, given=f"{names}SELECT {row}", user="mallory").stdout
    is_superuser = database.psql(
        given="SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'"
    ).stdout

    (expected,) = ask_alone(served.url, [{"reading_score": 72}])
    assert Answer(json.loads(answered), None) == expected
    assert is_superuser == "f\n"


def test_a_function_that_was_there_is_its_owners_no_more(
    database: Database, served: Served
) -> None:
    database.psql(given="CREATE ROLE eve LOGIN; CREATE DATABASE stall OWNER eve;")
    stall = "--dbname=stall"
    database.psql(
        stall,
        given="CREATE FUNCTION public.predict(rows json) RETURNS SETOF json "
        "LANGUAGE sql SECURITY DEFINER AS 'SELECT rows'",
        user="eve",
    )
    install(database, served.url, stall)
    refused = database.psql(
        stall,
        given="ALTER FUNCTION predict(json) SET pinion.url = 'http://127.0.0.1:9'",
        user="eve",
        check=False,
    )
    definer = database.psql(
        stall, given="SELECT prosecdef FROM pg_proc WHERE proname = 'predict'"
    ).stdout

    assert "must be owner of function predict" in refused.stderr
    assert definer == "f\n"


@pytest.mark.parametrize(("status", "said"), NOT_THE_SERVERS)
def test_an_answer_that_is_not_the_servers_is_told_by_its_status(
    database: Database, status: int, said: bytes
) -> None:
    with answering(status, said) as url:
        install(database, url)
        done = database.psql(given="SELECT predict('[{}]')", check=False)

    assert done.stderr.splitlines()[:2] == [
        f"ERROR:  plpy.Error: {url}/models/student_performance/predict answers with "
        f"status {status}, and not as the server does",
        f"DETAIL:  {said.decode(errors='replace')!r}",
    ]


def test_a_row_that_is_in_no_list_is_answered_too(
    database: Database, served: Served
) -> None:
    install(database, served.url)
    row = """'{"reading_score": 72}'"""
    answered = database.psql(given=f"SELECT predict({row})").stdout
    refused = database.psql(given="SELECT predict('72')", check=False).stderr

    (expected,) = ask_alone(served.url, [{"reading_score": 72}])
    assert Answer(json.loads(answered), None) == expected
    assert "72 is not an object or a list of objects" in refused


def _gaps(row: dict[str, object]) -> dict[str, None]:
    """Return the missing values of a row, which are NULL in a database."""
    return {name: None for name, value in row.items() if value != value}
