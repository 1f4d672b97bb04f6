"""The document of OpenAPI given to the tools that read it, beside the real server."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from server.model_file.content import read_signature
from tests.engines import MODEL, python_of
from tests.openapi import operations
from tests.servers import ROOT, Served, running_server

pytestmark = pytest.mark.engines

MIN_CASES = 4000

CLIENT = """\
import json, sys
from made import Client
from made.api.predictions import predict, predict_one
from made.models import PredictIncludeItem, StudentPerformanceRow

url, rows = sys.argv[1], json.loads(sys.argv[2])
client = Client(base_url=url)
made = [StudentPerformanceRow.from_dict(row) for row in rows]
one = predict.sync(client=client, body=made[0], include=[PredictIncludeItem.INTERVAL])
several = predict.sync(client=client, body=made)
asked = predict_one.sync(client=client, reading_score=rows[0]["reading_score"])
wrong = predict.sync(client=client, body=StudentPerformanceRow.from_dict({"lunch": None,
                                                            "reading_score": 104}))
print(json.dumps([one.to_dict(), several.to_dict(), asked.to_dict(), wrong.to_dict()]))
"""


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with running_server(MODEL) as served:
        yield served


@pytest.fixture
def path(served: Served, tmp_path: Path) -> Path:
    """Return where the document is, as a file."""
    path = tmp_path / "openapi.json"
    path.write_bytes(httpx.get(f"{served.url}/openapi.json").content)
    return path


def run(folder: Path, *command: str | Path) -> str:
    """Run a tool in a folder of its own, and return what it says."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_the_document_is_one_of_openapi(path: Path) -> None:
    validator = python_of("openapi").parent / "openapi-spec-validator"

    assert run(path.parent, validator, path) == f"{path}: OK\n"


def test_schemathesis_finds_no_fault_and_nothing_that_is_not_told(
    served: Served, path: Path
) -> None:
    for name in ("schemathesis.toml", "hooks.py"):
        shutil.copy(ROOT / "deploy" / "openapi" / name, path.parent)
    said = run(
        path.parent,
        python_of("openapi").parent / "schemathesis",
        *("--config-file", "schemathesis.toml", "run", f"{served.url}/openapi.json"),
        *("--checks", "all", "--max-examples", "50", "--seed", "1"),
        *("--continue-on-failure", "--no-color"),
    )

    n_operations = len([*operations(json.loads(path.read_text()))])
    assert f"Tested: {n_operations}" in said
    cases = re.search(r"(\d+) generated, (\d+) passed", said)
    assert cases is not None, said
    assert int(cases[1]) >= MIN_CASES


def test_a_client_that_is_generated_predicts(served: Served, path: Path) -> None:
    python = python_of("openapi")
    words = ("generate", "--path", path, "--meta", "none", "--output-path", "made")
    said = run(path.parent, python.parent / "openapi-python-client", *words)
    assert {*re.findall("Unsupported content type (.*)", said)} == {
        *("text/csv", "application/jsonlines", "application/jsonl"),
        "application/x-ndjson",
    }
    assert all("Unsupported content" in each for each in said.split("WARNING")[1:])

    golden = read_signature(MODEL.read_bytes()).golden_rows
    rows = json.dumps([each.row for each in golden])
    path.with_name("client.py").write_text(CLIENT)
    answers = json.loads(run(path.parent, python, "client.py", served.url, rows))

    one, several, asked, wrong = answers
    assert [one["prediction"]] == pytest.approx(golden[0].predictions)
    assert [*one] == ["prediction", "interval"]
    values = [value for each in golden for value in each.predictions]
    assert several == {"predictions": pytest.approx(values)}
    score = golden[0].row["reading_score"]
    plain = httpx.get(f"{served.url}/predict?reading_score={score}").json()
    assert asked == plain
    assert wrong["errors"] == [
        {
            "pointer": "#/reading_score",
            "detail": "104 is above the maximum, 100 points.",
        }
    ]
