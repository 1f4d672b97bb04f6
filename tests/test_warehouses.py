"""What Snowflake and BigQuery call, beside what /predict says of the same rows."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.models import make_model
from tests.servers import asking

ROWS: list[dict[str, Any]] = [
    {"gender": "male", "lunch/meal": "standard", "reading score": 80.5},
    {"gender": "female", "lunch/meal": None, "reading score": None},
]
LISTS = [list(row.values()) for row in ROWS]
WRITTEN = [["male", "standard", "80.5"], LISTS[1]]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    path = tmp_path_factory.mktemp("models") / "a.onnx"
    path.write_bytes(make_model())
    with asking(path) as client:
        yield client


@pytest.fixture(scope="module")
def predictions(client: httpx.Client) -> list[float]:
    found: list[float] = client.post("/predict", json=ROWS).json()["predictions"]
    return found


@pytest.mark.parametrize("prefix", ["", "/models/student"])
@pytest.mark.parametrize("rows", [LISTS, [[row] for row in ROWS], WRITTEN])
def test_snowflake_gets_a_value_for_each_number(
    client: httpx.Client, predictions: list[float], rows: list[list[Any]], prefix: str
) -> None:
    body = {"data": [[9 - place, *row] for place, row in enumerate(rows)]}
    packed = gzip.compress(json.dumps(body).encode())
    answer = client.post(
        f"{prefix}/snowflake", content=packed, headers={"content-encoding": "gzip"}
    )

    assert answer.json() == {"data": [[9, predictions[0]], [8, predictions[1]]]}


@pytest.mark.parametrize("rows", [LISTS, [[row] for row in ROWS], WRITTEN])
def test_bigquery_gets_a_reply_for_each_call(
    client: httpx.Client, predictions: list[float], rows: list[list[Any]]
) -> None:
    body = {"requestId": "1", "caller": "x", "sessionUser": "y", "calls": rows}
    answer = client.post("/bigquery", json=body)

    assert answer.json() == {"replies": predictions}


@pytest.mark.parametrize(
    ("path", "body", "document"),
    [
        (
            "/snowflake",
            {"data": [[]]},
            {"error": "Each row begins with its number."},
        ),
        (
            "/snowflake",
            {"rows": []},
            {"error": 'Expected an object with "data", a list of lists.'},
        ),
        (
            "/bigquery",
            {"calls": [7]},
            {"errorMessage": 'Expected an object with "calls", a list of lists.'},
        ),
        (
            "/bigquery",
            {"calls": [["male", None, "eighty"]]},
            {
                "errorMessage": "1 value is invalid. #/0/reading%20score: 'eighty' is not a "
                "number."
            },
        ),
        (
            "/bigquery",
            {"calls": [["male", None]]},
            {
                "errorMessage": "Rows have another length than the model's features. #/0: "
                "It has 2 values; the model reads 3: gender, lunch/meal, reading score."
            },
        ),
    ],
)
def test_what_is_wrong_is_said_where_the_warehouse_looks(
    client: httpx.Client, path: str, body: object, document: object
) -> None:
    answer = client.post(path, json=body)

    assert (answer.status_code, answer.json()) == (400, document)


def test_bigquery_is_told_no_more_than_it_keeps(client: httpx.Client) -> None:
    answer = client.post("/bigquery", json={"calls": [["ö" * 90, None, None]] * 50})

    message = answer.json()["errorMessage"]
    assert message.startswith("50 values are invalid. #/0/gender: 'ööö")
    assert 998 <= len(message.encode()) <= 1000
