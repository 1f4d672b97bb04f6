"""DuckDB, for real: a table of Parquet, beside the answers of the server that it asks."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from server.model_file.content import read_signature
from server.signature import write
from tests.engines import (
    MODEL,
    NOT_THE_SERVERS,
    Answer,
    answering,
    ask_alone,
    make_rows,
    python_of,
)
from tests.servers import ROOT, running_server
from tests.tools import run

pytestmark = pytest.mark.engines

N_ROWS = 20_000
GUIDE = ROOT / "deploy" / "duckdb" / "README.md"
SHOWN = "\nimport json\nprint(json.dumps(connection.sql({query!r}).fetchall()))"


def query(url: str, table: Path, text: str, check: bool = True) -> str:
    """Run the guide's program for a server and a table, and then a query of its own."""
    program = GUIDE.read_text("utf-8").partition("```python\n")[2].partition("```")[0]
    here = program.replace("http://localhost:8080", url).replace(
        "students.parquet", str(table)
    )
    shown = here + SHOWN.format(query=text)
    done = run(python_of("duckdb"), "-c", shown, check=check)
    return done.stdout.splitlines()[-1] if check else done.stderr


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.Table.from_pylist(make_rows(N_ROWS)), path)
    return path


def test_every_row_has_the_answer_of_the_server(table: Path) -> None:
    text = "SELECT prediction, error FROM predicted ORDER BY id"
    with running_server() as served:
        found = json.loads(query(served.url, table, text))
        expected = list(ask_alone(served.url, make_rows(N_ROWS)))

    assert [Answer(*row) for row in found] == expected
    assert sum(answer.error is not None for answer in expected) == N_ROWS // 20


def test_a_struct_without_a_feature_is_refused_before_any_row(table: Path) -> None:
    text = f"SELECT predict({{gender: gender}}) FROM '{table}'"
    with running_server() as served:
        said = query(served.url, table, text, check=False)

    assert "No function matches the given name and argument types" in said


def test_a_misspelt_field_is_refused_before_any_row(table: Path) -> None:
    with running_server() as served:
        text = "SELECT predict(struct_pack(*COLUMNS(* EXCLUDE (id)))) FROM renamed"
        renaming = (
            f"CREATE VIEW renamed AS SELECT * RENAME (lunch AS lunsh) FROM '{table}'"
        )
        said = query(served.url, table, f"{renaming}; {text}", check=False)

    assert "No function matches the given name and argument types" in said
    assert "lunsh VARCHAR" in said


@pytest.mark.parametrize(("status", "said"), NOT_THE_SERVERS)
def test_an_answer_that_is_not_the_servers_ends_the_query(
    table: Path, status: int, said: bytes
) -> None:
    model = write(read_signature(MODEL.read_bytes())).encode()
    with answering(status, said, model) as url:
        heard = query(url, table, "SELECT 1", check=False)

    told = f"{url} answers with status {status}, and not as the server does: "
    assert f"{told}{said.decode(errors='replace')!r}" in heard
    assert "JSONDecodeError" not in heard


def test_without_a_server_register_says_so(table: Path) -> None:
    heard = query("http://127.0.0.1:9", table, "SELECT 1", check=False)

    assert "Unanswered: http://127.0.0.1:9 does not answer: " in heard
