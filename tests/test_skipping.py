"""Lists and columns with bad rows, beside what /predict says of each row alone."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.contracts.contract import Question
from server.contracts.predict.faults import explain_values
from server.contracts.predict.skipping import GoodRows, Skipped, read_good
from server.contracts.schema import Schema
from server.problems import Fault
from tests.models import (
    make_classifier,
    make_model,
    make_row,
    make_signature,
    make_two_targets,
)
from tests.servers import asking
from tests.test_rows import ALL, right_rows, scalars, wrong_rows

SKIP = "?on_error=skip"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("models")
    ignoring = make_signature(name="ignoring", ignored=("id",))
    for name, content in (
        ("student", make_model()),
        ("ignoring", make_model(ignoring)),
        ("pass", make_classifier(("no", "yes"), name="pass")),
        ("two", make_two_targets("two")),
    ):
        Path(folder, f"{name}.onnx").write_bytes(content)
    with asking(
        *sorted(folder.iterdir()), "--default", "student", "--max-rows", "200"
    ) as client:
        yield client


ROWS: list[Any] = [
    make_row(),
    make_row(gender="x", reading_score=104),
    {},
    make_row(reading_score=None),
    7,
    make_row() | {"readin score": 1, "math score": 2},
    [make_row()],
    None,
    {"gender": "male"},
    {"gender": None, "lunch/meal": "\ufdd0"},
]


def expected(client: httpx.Client, rows: list[Any]) -> dict[str, Any]:
    """Return what is to be answered, by asking for each row in a list of its own."""
    answers = [client.post("/predict", json=[row]) for row in rows]
    return {
        "predictions": [
            answer.json()["predictions"][0] if answer.status_code == 200 else None
            for answer in answers
        ],
        "errors": [
            {
                "row": place,
                "pointer": fault["pointer"].replace("#/0", f"#/{place}"),
                "detail": fault["detail"],
            }
            for place, answer in enumerate(answers)
            for fault in answer.json().get("errors", ())
        ],
    }


@pytest.mark.parametrize(
    "rows", [ROWS, [], [make_row()], [{}], ROWS[:2], ROWS[1:3], [*reversed(ROWS)]]
)
def test_a_good_row_has_its_prediction_and_a_bad_one_its_faults(
    client: httpx.Client, rows: list[Any]
) -> None:
    answer = client.post(f"/predict{SKIP}", json=rows)

    assert (answer.status_code, answer.json()) == (200, expected(client, rows))
    assert answer.headers["content-type"] == "application/json"


def test_columns_have_good_rows_too(client: httpx.Client) -> None:
    columns = {
        "gender": ["male", "x", None, "female"],
        "reading score": [80, 80, -1, None],
        "lunch/meal": None,
    }

    answer = client.post(f"/predict{SKIP}", json={"columns": columns})

    good = [{"gender": "male", "reading score": 80}, {"gender": "female"}]
    first, last = client.post("/predict", json=good).json()["predictions"]
    not_one_of = "'x' is not one of: 'female', 'male'."
    below = "-1 is below the minimum, 0 points."
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "predictions": [first, None, None, last],
            "errors": [
                {"row": 1, "pointer": "#/columns/gender/1", "detail": not_one_of},
                {
                    "row": 2,
                    "pointer": "#/columns/gender/2",
                    "detail": "null is not accepted here.",
                },
                {"row": 2, "pointer": "#/columns/reading%20score/2", "detail": below},
            ],
        },
    )


@pytest.mark.parametrize(
    "document",
    [
        make_row(gender="x"),
        "rows",
        {"columns": 3},
        {"columns": {"gender": ["x"], "zzz": [1]}},
        {"columns": {"gender": ["x", "male"], "reading score": [1]}},
        {"columns": {"gender": "male"}},
        {"columns": {"gender": None}},
        {"columns": {"reading score": [-1]}},
        [{}] * 201,
        [make_row()] * 201,
        {"columns": {"gender": ["x"] * 201}},
    ],
)
def test_what_is_the_fault_of_no_row_among_others_is_refused_as_ever(
    client: httpx.Client, document: Any
) -> None:
    answer = client.post(f"/predict{SKIP}", json=document)

    refused = client.post("/predict", json=document)
    assert refused.status_code in (413, 422)
    assert (answer.status_code, answer.content) == (
        refused.status_code,
        refused.content,
    )


@pytest.mark.parametrize(
    "body", [b"", b"[", b'[{"gender": "male"}, {"gender": NaN}]', b"\xff"]
)
def test_a_body_that_cannot_be_read_has_no_good_row(
    client: httpx.Client, body: bytes
) -> None:
    fields = {"content-type": "application/json"}
    answer = client.post(f"/predict{SKIP}", content=body, headers=fields)

    refused = client.post("/predict", content=body, headers=fields)
    assert refused.status_code == 400
    assert (answer.status_code, answer.content) == (400, refused.content)


def test_one_object_is_answered_as_ever(client: httpx.Client) -> None:
    answer = client.post(f"/predict{SKIP}&include=warnings", json=make_row())

    asked = client.post("/predict?include=warnings", json=make_row())
    assert (answer.status_code, answer.content) == (200, asked.content)


def test_bad_rows_are_not_skipped_unless_it_is_said(client: httpx.Client) -> None:
    plain, fail = (
        client.post(f"/predict{query}", json=ROWS) for query in ("", "?on_error=fail")
    )

    assert plain.status_code == 422
    assert (fail.status_code, fail.content) == (422, plain.content)


@pytest.mark.parametrize("said", ["Skip", "skip,skip", "ignore"])
def test_another_word_is_refused(client: httpx.Client, said: str) -> None:
    answer = client.post("/predict", params={"on_error": said}, json=ROWS)

    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        f"on_error is {said!r}; send fail or skip.",
    )


@pytest.mark.parametrize("rows", [ROWS, [{}], [make_row()] * 70 + [{}], []])
def test_what_is_included_is_null_for_a_bad_row(
    client: httpx.Client, rows: list[Any]
) -> None:
    answer = client.post(
        f"/predict{SKIP}&include=contributions,warnings", json=rows
    ).json()

    places = [place for place, value in enumerate(answer["predictions"]) if value]
    alone = client.post(
        "/predict?include=contributions,warnings",
        json=[rows[place] for place in places],
    ).json()
    assert [*answer] == [*alone, "errors"]
    assert answer.get("baseline") == alone.get("baseline")
    for name in ("predictions", "contributions", "warnings"):
        assert [answer[name][place] for place in places] == alone[name]
        assert len(answer[name]) == len(rows)
        assert answer[name].count(None) == len(rows) - len(places)


def test_the_first_hundred_faults_are_listed_and_every_bad_row_is_null(
    client: httpx.Client,
) -> None:
    rows = (
        [{"gender": "x", "reading score": -1, "a": 1}] * 40 + [make_row()] + [{}] * 80
    )

    answer = client.post(f"/predict{SKIP}", json=rows).json()

    whole = expected(client, rows)
    assert answer["predictions"] == whole["predictions"]
    assert answer["errors"] == whole["errors"][:100]


@pytest.mark.parametrize("model", ["two", "pass"])
@pytest.mark.parametrize("include", ["", "&include=warnings"])
def test_a_row_without_a_finite_prediction_is_skipped(
    client: httpx.Client, model: str, include: str
) -> None:
    path = f"/models/{model}/predict"
    rows = [{"reading score": score} for score in (80, 0, 101, 50)]

    answer = client.post(f"{path}{SKIP}{include}", json=rows)

    first, last = client.post(path, json=[rows[0], rows[3]]).json()["predictions"]
    assert answer.status_code == 200
    assert answer.json()["predictions"] == [first, None, None, last]
    assert answer.json()["errors"] == [
        {"row": 1, "pointer": "#/1", "detail": "Row 2 has no finite prediction."},
        {
            "row": 2,
            "pointer": "#/2/reading%20score",
            "detail": "101 is above the maximum, 100 points.",
        },
    ]


def test_an_ignored_column_is_dropped_of_good_rows_and_bad_ones(
    client: httpx.Client,
) -> None:
    rows = [{**make_row(), "id": 1}, {"id": 2}]
    path = f"/models/ignoring/predict{SKIP}"
    columns = {"gender": ["female", "x"], "id": 7}

    for document in (rows, {"columns": columns}):
        answer = client.post(path, json=document).json()
        assert [value is None for value in answer["predictions"]] == [False, True]
        assert [error["row"] for error in answer["errors"]] == [1]


def test_a_large_body_is_answered_too(client: httpx.Client) -> None:
    rows = [make_row(), make_row(reading_score=-1) | {"lunch/meal": "long " * 40}] * 60

    answer = client.post(f"/predict{SKIP}", json=rows)

    assert len(answer.request.content) > 8192
    assert answer.json()["predictions"] == [80.0, None] * 60
    assert len(answer.json()["errors"]) == 60


@given(st.lists(right_rows | wrong_rows | scalars, max_size=4))
def test_a_row_is_good_if_nothing_is_wrong_with_it_alone(rows: list[Any]) -> None:
    fast, plain = (Schema(make_signature(features=ALL), (), 10) for _ in range(2))
    plain.reader._is_fast = False
    body = json.dumps(rows).encode()

    questions = [read_good(body, schema, ()) for schema in (fast, plain)]

    good = [
        place
        for place, row in enumerate(rows)
        if not explain_values([row], fast.signature)
    ]
    faults = [
        (place, fault.detail)
        for place, row in enumerate(rows)
        if (problem := explain_values([row], fast.signature))
        for fault in problem.faults
    ]
    for question in questions:
        assert question.wish.places == good
        assert [(place, each.detail) for place, each in question.wish.faults] == faults
        assert len(question.batch.rows) == len(good)


def test_no_more_faults_are_kept_than_are_listed() -> None:
    schema = Schema(make_signature(), (), 200)

    question = read_good(json.dumps([{"a": 1}] * 90).encode(), schema, ())

    assert question.wish.faults[-1][0] == 49
    assert len(question.wish.faults) == 100


def test_the_good_rows_are_a_batch_and_the_others_a_wish() -> None:
    schema = Schema(make_signature(), (), 10)

    assert read_good(b'[{"gender": "male"}, {}]', schema, ()) == Question(
        GoodRows([("male", None, None)], "rows"),
        (),
        Skipped(2, [0], [(1, Fault("#/1/gender", "This feature is missing."))]),
    )
