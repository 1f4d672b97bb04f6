"""What SageMaker, MLflow and Azure ML post, beside what /predict says of the same rows."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest

from tests.models import make_model, make_signature, make_two_targets
from tests.servers import asking

ROWS: list[dict[str, Any]] = [
    {"gender": "male", "lunch/meal": 'stan"dard,\n', "reading score": 80.5},
    {"gender": "female", "lunch/meal": None, "reading score": None},
    {"gender": "male", "lunch/meal": "free/reduced", "reading score": 100},
]
NAMES = list(ROWS[0])
LISTS = [list(row.values()) for row in ROWS]
COLUMNS = {name: [row[name] for row in ROWS] for name in NAMES}
CSV = {"content-type": "text/csv"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("models")
    (folder / "student.onnx").write_bytes(make_model(make_signature()))
    (folder / "two.onnx").write_bytes(make_two_targets(name="two"))
    with asking(*sorted(folder.glob("*.onnx")), "--default", "student") as client:
        yield client


@pytest.fixture(scope="module")
def predictions(client: httpx.Client) -> list[float]:
    found: list[float] = client.post("/predict", json=ROWS).json()["predictions"]
    return found


def lines(rows: Sequence[Sequence[Any]], **options: Any) -> bytes:
    text = io.StringIO()
    csv.writer(text, **options).writerows(rows)
    return text.getvalue().encode()


def swapped(row: Sequence[Any]) -> list[Any]:
    return [row[2], row[0], row[1]]


@pytest.mark.parametrize("path", ["/invocations", "/score"])
@pytest.mark.parametrize(
    "body",
    [
        {"instances": ROWS},
        {"instances": LISTS, "params": {}},
        {"instances": [{"features": row} for row in LISTS]},
        {"dataframe_records": ROWS},
        {"dataframe_split": {"columns": NAMES, "index": [0, 1, 2], "data": LISTS}},
        {
            "dataframe_split": {
                "columns": swapped(NAMES),
                "data": [*map(swapped, LISTS)],
            }
        },
        {"dataframe_split": {"data": LISTS}},
        {"inputs": COLUMNS},
        {"inputs": LISTS},
        {"data": LISTS},
        {"data": {"columns": NAMES, "data": LISTS}},
        {"input_data": {"columns": NAMES, "index": [0, 1, 2], "data": LISTS}},
        {"columns": COLUMNS},
        ROWS,
        LISTS,
    ],
)
def test_each_frame_is_the_same_rows(
    client: httpx.Client, predictions: list[float], path: str, body: object
) -> None:
    assert client.post(path, json=body).json() == {"predictions": predictions}


@pytest.mark.parametrize("body", [ROWS[0], {"inputs": ROWS[0]}])
def test_one_row_is_one_prediction(
    client: httpx.Client, predictions: list[float], body: object
) -> None:
    answer = client.post("/invocations", json=body)

    assert answer.json() == {"predictions": predictions[:1]}


@pytest.mark.parametrize("media_type", ["text/csv", "text/csv; label_size=0"])
@pytest.mark.parametrize(
    "body",
    [
        lines(LISTS),
        lines([NAMES, *LISTS]),
        lines([swapped(NAMES), *map(swapped, LISTS)], lineterminator="\n"),
        b"\xef\xbb\xbf" + lines([NAMES, *LISTS]),
        lines(LISTS) + b"\r\n",
    ],
)
def test_csv_has_a_header_or_the_order_of_the_signature(
    client: httpx.Client, predictions: list[float], body: bytes, media_type: str
) -> None:
    headers = {"content-type": media_type, "accept": "text/csv"}
    answer = client.post("/invocations", content=body, headers=headers)

    assert answer.headers["content-type"] == "text/csv"
    assert [*map(float, answer.text.splitlines())] == predictions


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("header=present", "#/columns/male: The model has no such feature; it reads"),
        (
            "header=absent",
            "#/columns/gender/0: 'gender' is not one of: 'female', 'male'",
        ),
    ],
)
def test_a_header_is_where_it_is_said_to_be(
    client: httpx.Client, words: str, error: str
) -> None:
    body = lines([LISTS[2]]) if "present" in words else lines([NAMES, LISTS[2]])
    headers = {"content-type": f"text/csv; {words}"}
    answer = client.post("/invocations", content=body, headers=headers)

    assert error in answer.json()["message"]


@pytest.mark.parametrize(
    "media_type", ["application/jsonlines", "application/x-ndjson"]
)
def test_lines_of_json_are_answered_with_lines(
    client: httpx.Client, predictions: list[float], media_type: str
) -> None:
    mixed = [ROWS[0], LISTS[1], {"features": LISTS[2]}]
    body = "".join(json.dumps(each) + "\n" for each in mixed)
    headers = {"content-type": media_type, "accept": media_type}
    answer = client.post("/invocations", content=body, headers=headers)

    assert answer.headers["content-type"] == media_type
    assert [*map(json.loads, answer.text.splitlines())] == predictions


def test_several_targets_are_cells_and_objects(client: httpx.Client) -> None:
    rows = [{"reading score": 4.0}, {"reading score": 0.5}]
    as_json = client.post("/models/two/invocations", json=rows)
    as_csv = client.post(
        "/models/two/invocations", json=rows, headers={"accept": "text/csv"}
    )

    values = client.post("/models/two/predict", json=rows).json()["predictions"]
    assert as_json.json() == {"predictions": values}
    assert as_csv.text == "4.0,0.25\n0.5,2.0\n"


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "application/json"),
        ("application/*;q=0.5", "application/json"),
        ("image/png, text/csv;q=0.1", "text/csv"),
        ("", "application/json"),
    ],
)
def test_the_answer_is_of_the_kind_that_is_wanted(
    client: httpx.Client, accept: str, media_type: str
) -> None:
    answer = client.post("/invocations", json=ROWS, headers={"accept": accept})

    assert answer.headers["content-type"] == media_type


@pytest.mark.parametrize(
    ("media_type", "line"),
    [("text/csv", "male,standard,80\n"), ("application/jsonlines", "{}\n")],
)
def test_more_lines_than_rows_are_refused_unread(
    client: httpx.Client, media_type: str, line: str
) -> None:
    headers = {"content-type": media_type}
    answer = client.post("/invocations", content=line * 30_000, headers=headers)

    assert answer.status_code == 413
    assert "at most 10000" in answer.json()["message"]


@pytest.mark.parametrize(
    ("headers", "content", "status", "message"),
    [
        (
            {"content-type": "image/png"},
            b"x",
            415,
            "The content type is image/png; send",
        ),
        (
            {"accept": "image/png"},
            b"{}",
            406,
            "The answer is wanted as image/png; it can",
        ),
        ({}, b"7", 400, "The body is neither an object nor a list. Send {"),
        (
            {},
            b'{"instances": [], "inputs": []}',
            400,
            "The body has both instances and ",
        ),
        (
            {},
            b'{"dataframe_split": []}',
            400,
            "dataframe_split has no columns and data",
        ),
        (
            {},
            b'{"dataframe_split": {"columns": {}, "data": []}}',
            400,
            "dataframe_split has no columns and data",
        ),
        (
            {},
            b'{"dataframe_split": {"columns": ["gender", "gender"], "data": []}}',
            400,
            "dataframe_split has two columns of one name.",
        ),
        (
            {},
            b'{"dataframe_split": {"columns": ["gender"], "data": [[1, 2]]}}',
            400,
            "dataframe_split.data[0] is no list of 1 values, one a column.",
        ),
        (
            {},
            b'{"gender": 1, "x": 2}',
            400,
            "2 values are invalid. #/0/gender: 1 is not",
        ),
        (CSV, b"", 400, "The body is empty; send a line a row."),
        (CSV, b"\xff", 400, "The body cannot be read as CSV: 'utf-8' codec"),
        (
            CSV,
            b'"a"b,c',
            400,
            "The body cannot be read as CSV: ',' expected after '\"'.",
        ),
        (CSV, b"gender,gender\n", 400, "The header has two columns of one name."),
        (
            CSV,
            b"gender\nmale\nmale,1\n",
            400,
            "Line 3 has 2 values; expected 1: gender.",
        ),
        (
            {"content-type": "application/jsonlines"},
            b"{}\n{",
            400,
            "The lines cannot be read as JSON: ",
        ),
    ],
)
def test_what_is_wrong_is_said_as_mlflow_does(
    client: httpx.Client,
    headers: dict[str, str],
    content: bytes,
    status: int,
    message: str,
) -> None:
    answer = client.post("/invocations", content=content, headers=headers)

    assert answer.status_code == status
    assert answer.json()["error_code"] == "BAD_REQUEST"
    assert answer.json()["message"].startswith(message)
