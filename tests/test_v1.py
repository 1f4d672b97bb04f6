"""Rows as TensorFlow Serving writes them, beside what /predict says of the same."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.models import make_classifier, make_model
from tests.servers import asking

ROWS: list[dict[str, Any]] = [
    {"gender": "male", "lunch/meal": "standard", "reading score": 80.5},
    {"gender": "female", "lunch/meal": None, "reading score": None},
]
LISTS = [list(row.values()) for row in ROWS]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("models")
    (folder / "student.onnx").write_bytes(make_model())
    (folder / "pass.onnx").write_bytes(make_classifier(("no", "yes"), name="pass"))
    with asking(*sorted(folder.glob("*.onnx")), "--default", "student") as client:
        yield client


@pytest.mark.parametrize("separator", [":", "%3A"])
@pytest.mark.parametrize(
    "body",
    [
        {"instances": ROWS},
        {"instances": LISTS, "parameters": {"a": 1}},
        {"inputs": [ROWS[0], LISTS[1]]},
    ],
)
def test_instances_are_objects_or_lists(
    client: httpx.Client, body: object, separator: str
) -> None:
    answer = client.post(f"/v1/models/student{separator}predict", json=body)

    assert answer.json() == client.post("/predict", json=ROWS).json()


def test_of_one_feature_an_instance_is_its_value(client: httpx.Client) -> None:
    answer = client.post("/v1/models/pass:predict", json={"instances": [80, [10.5]]})

    assert answer.json() == {"predictions": ["yes", "no"]}


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"{}", 'Expected an object with "instances", a list of rows.'),
        (b'"rows"', 'Expected an object with "instances", a list of rows.'),
        (b'{"instances": {}}', 'Expected "instances" to be a list.'),
        (
            b'{"instances": [["male", null]]}',
            "Rows have another length than the model's features. #/0: It has 2 values; "
            "the model reads 3: gender, lunch/meal, reading score.",
        ),
        (b'{"instances": [7]}', "1 value is invalid. #/0: 7 is not an object."),
        (
            b'{"instances": [{"gender": "other"}]}',
            "1 value is invalid. #/0/gender: 'other' is not one of: 'female', 'male'.",
        ),
        (b"", "The body is empty; send one row as a JSON object, or a list of them."),
    ],
)
def test_what_is_wrong_is_said_in_one_text(
    client: httpx.Client, content: bytes, error: str
) -> None:
    answer = client.post("/v1/models/student:predict", content=content)

    assert (answer.status_code, answer.json()) == (400, {"error": error})
