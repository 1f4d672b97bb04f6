"""A row in a query, beside what /predict says of the same row in a body."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.models import make_model
from tests.servers import asking


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    path = tmp_path_factory.mktemp("models") / "a.onnx"
    path.write_bytes(make_model())
    with asking(path) as client:
        yield client


@pytest.mark.parametrize("path", ["/predict", "/models/student/predict"])
@pytest.mark.parametrize(
    ("query", "row"),
    [
        ("gender=male", {"gender": "male"}),
        (
            "gender=male&lunch/meal=free%2Freduced&reading+score=80.5",
            {"gender": "male", "lunch/meal": "free/reduced", "reading score": 80.5},
        ),
        (
            "gender=female&lunch/meal=&reading%20score=",
            {"gender": "female", "lunch/meal": None, "reading score": None},
        ),
        ("gender=male&lunch/meal=%C3%9C", {"gender": "male", "lunch/meal": "Ü"}),
    ],
)
def test_a_query_is_answered_as_the_row_is(
    client: httpx.Client, query: str, row: dict[str, Any], path: str
) -> None:
    answer = client.get(f"{path}?{query}")

    asked = client.post(path, json=row)
    assert answer.content == asked.content
    assert answer.headers["model-version"] == asked.headers["model-version"]


@pytest.mark.parametrize("includes", ["warnings", "warnings,contributions"])
def test_a_query_asks_for_more_beside_it(client: httpx.Client, includes: str) -> None:
    answer = client.get(f"/predict?gender=male&include={includes}")

    asked = client.post(f"/predict?include={includes}", json={"gender": "male"})
    assert answer.content == asked.content


@pytest.mark.parametrize(
    ("query", "status", "detail"),
    [
        ("", 422, "1 value is invalid."),
        ("gender=male&x=1", 422, "1 value is invalid."),
        ("gender=male&reading+score=eighty", 422, "1 value is invalid."),
        ("gender=male&gender=female", 400, "The query has 'gender' twice."),
        (
            "gender=male&include=x",
            400,
            "'x' is not one of: contributions, warnings.",
        ),
    ],
)
def test_a_query_that_is_wrong_is_told_as_a_body_is(
    client: httpx.Client, query: str, status: int, detail: str
) -> None:
    answer = client.get(f"/predict?{query}")

    assert (answer.status_code, answer.json()["detail"]) == (status, detail)
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_head_alone_may_be_asked_for(client: httpx.Client) -> None:
    answer = client.head("/predict?gender=male")

    assert (answer.status_code, answer.content) == (200, b"")
