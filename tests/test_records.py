"""Whole records, beside the rows of which they hold more than the model reads."""

import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from server.batch import Batch
from server.contracts.invocations.frames import document_of
from server.contracts.invocations.lines import read_csv
from server.contracts.predict.rows import RowReader
from server.problems import InvalidBatch, Problem, TooManyRows
from server.signature import Feature
from tests.models import SCORE, make_model, make_row, make_signature
from tests.servers import asking
from tests.test_rows import ALL, documents, scalars

ID, NOTE, TARGET = IGNORED = ("id", "note", "math score")
RECORD = make_row() | {ID: 7, NOTE: {"by": ["me", None]}, TARGET: "unknown"}
ANYTHING = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def make_reader(ignored: tuple[str, ...], *features: Feature, **more: Any) -> RowReader:
    return RowReader(make_signature(features=features, ignored=ignored), **more)


def read(document: Any, *, ignored: tuple[str, ...] = IGNORED) -> Batch:
    reader = RowReader(make_signature(ignored=ignored), 3)
    return reader.read(msgspec.json.encode(document))


@pytest.mark.parametrize(
    ("document", "form"),
    [
        (RECORD, "row"),
        ([RECORD], "rows"),
        ({"columns": {name: [value] for name, value in RECORD.items()}}, "columns"),
    ],
)
@pytest.mark.parametrize(
    "ignored", [IGNORED, (*IGNORED, 'a "b"\n'), (*IGNORED, "columns")]
)
def test_a_record_is_read_as_its_row(
    document: Any, form: str, ignored: tuple[str, ...]
) -> None:
    batch = read(document, ignored=ignored)

    assert (batch.rows, batch.form) == ([("female", "standard", 80)], form)


def test_rows_and_records_may_be_in_one_list() -> None:
    batch = read([make_row(), RECORD, {"gender": "male", NOTE: None}])

    row = ("female", "standard", 80.0)
    assert batch == Batch([row, row, ("male", None, None)], "rows")


def test_an_ignored_column_is_no_column_of_values() -> None:
    columns = {"gender": ["male", "female"], ID: 7, NOTE: [1, 2, 3, 4, 5]}

    assert read({"columns": columns}) == Batch(
        [("male", None, None), ("female", None, None)], "columns"
    )


def test_a_name_with_escapes_and_one_of_ours_are_ignored_too() -> None:
    names = ('a "b"\n', "columns")
    record = {**make_row(), names[0]: 1, "columns": {"gender": [1]}}

    for document in (record, [record]):
        assert read(document, ignored=names).rows == [("female", "standard", 80)]


@pytest.mark.parametrize("ignored", [IGNORED, (*IGNORED, "columns")])
def test_another_name_is_a_fault_and_the_nearest_feature_is_said(
    ignored: tuple[str, ...],
) -> None:
    with pytest.raises(InvalidBatch) as refusal:
        read([RECORD, RECORD | {"readin score": 1, "ids": 2}], ignored=ignored)

    assert dict(refusal.value.faults) == {
        "#/1/readin%20score": "The model has no such feature; "
        "did you mean 'reading score'?",
        "#/1/ids": "The model has no such feature; "
        "it reads 'gender', 'lunch/meal', 'reading score'.",
    }


def test_the_target_is_a_fault_where_the_table_did_not_have_it() -> None:
    with pytest.raises(InvalidBatch) as refusal:
        read(RECORD, ignored=(ID, NOTE))

    assert dict(refusal.value.faults) == {
        "#/math%20score": "This is what the model predicts; leave it out."
    }


def test_a_bad_value_that_a_later_one_overrides_is_refused_in_a_record_too() -> None:
    reader = RowReader(make_signature(ignored=IGNORED), 3)

    with pytest.raises(InvalidBatch, match="Object contains unknown field `id`"):
        reader.read(b'{"id": 1, "gender": "zzz", "gender": "female"}')


@pytest.mark.parametrize("space", [b"", b" ", b"\t\r\n "])
def test_more_records_than_the_limit_are_refused(space: bytes) -> None:
    reader = RowReader(make_signature(ignored=IGNORED), 2)

    assert len(reader.read(space + msgspec.json.encode([RECORD] * 2)).rows) == 2
    with pytest.raises(TooManyRows, match="3 rows; at most 2 are accepted"):
        reader.read(space + msgspec.json.encode([RECORD] * 3))


def _with(document: Any, more: dict[str, Any]) -> Any:
    """Return a document with more in each of its objects."""
    if isinstance(document, list):
        return [_with(each, more) for each in document]
    if not isinstance(document, dict):
        return document
    if list(document) == ["columns"]:
        return {"columns": _with(document["columns"], more)}
    return more | document


@given(documents, st.dictionaries(st.sampled_from(IGNORED), ANYTHING))
@example([{}], {ID: [{}] * 9})
def test_what_is_ignored_changes_no_row_and_no_fault(
    document: Any, more: dict[str, Any]
) -> None:
    reader = make_reader(IGNORED, *ALL, max_rows=3)
    without = make_reader((), *ALL, max_rows=3)
    body = json.dumps(_with(document, more)).encode()

    outcome = _outcome(reader, body)

    assert outcome == _outcome(without, json.dumps(document).encode())
    assert _outcome_of_check(reader, json.loads(body)) == _outcome_of_check(
        without, document
    )


def _outcome(reader: RowReader, body: bytes) -> Any:
    try:
        return reader.read(body)
    except Problem as problem:
        return type(problem), problem.detail, list(problem.faults)


def _outcome_of_check(reader: RowReader, document: Any) -> Any:
    try:
        return reader.check(document)
    except Problem as problem:
        return type(problem), problem.detail, list(problem.faults)


@pytest.mark.parametrize(
    ("unit", "most"), [(b"{}", 30), (b"10", 12), (b'{"id":1}', 30), (b"[{}]", 40)]
)
def test_too_many_rows_cost_little_memory_before_they_are_counted(
    unit: bytes, most: int
) -> None:
    features = [
        Feature(name=f"f{number}", input=f"f{number}", kind="number")
        for number in range(100)
    ]
    reader = make_reader(IGNORED, *features, max_rows=3000)
    body = b'[{"id":1},' + b",".join([unit] * (2**20 // len(unit))) + b"]"

    tracemalloc.start()
    with pytest.raises((InvalidBatch, TooManyRows)):
        reader.read(body)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak_bytes < most * len(body)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    path = tmp_path_factory.mktemp("models") / "a.onnx"
    path.write_bytes(make_model(make_signature(ignored=IGNORED)))
    with asking(path) as client:
        yield client


NAMES, VALUES = [*RECORD], [*RECORD.values()]
LINE = b"female,standard,80,7,a note,unknown\n"
HEAD = b"gender,lunch/meal,reading score,id,note,math score\n"
COLUMNS = {name: [value] for name, value in RECORD.items()}
TENSORS = [
    {"name": name, "shape": [1], "datatype": datatype, "data": [value]}
    for name, datatype, value in (
        ("gender", "BYTES", "female"),
        ("lunch/meal", "BYTES", "standard"),
        ("reading score", "FP64", 80),
        ("id", "INT64", 7),
        ("note", "BYTES", "a note"),
    )
]


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("/predict", RECORD),
        ("/predict", [RECORD]),
        ("/predict", {"columns": COLUMNS}),
        ("/v1/models/student:predict", {"instances": [RECORD]}),
        ("/v2/models/student/infer", {"inputs": TENSORS}),
        ("/invocations", RECORD),
        ("/invocations", [RECORD]),
        ("/invocations", {"instances": [{"features": RECORD}]}),
        ("/invocations", {"dataframe_split": {"columns": NAMES, "data": [VALUES]}}),
        ("/invocations", {"dataframe_records": [RECORD]}),
        ("/invocations", {"inputs": make_row() | {NOTE: ["a", "b"]}}),
        ("/invocations", {"inputs": COLUMNS | {NOTE: "a"}}),
        ("/score", {"input_data": {"columns": NAMES, "data": [VALUES]}}),
        ("/score", {"data": [RECORD]}),
        ("/snowflake", {"data": [[0, RECORD]]}),
        ("/bigquery", {"calls": [[RECORD]]}),
    ],
)
def test_every_protocol_takes_a_record(
    client: httpx.Client, path: str, document: Any
) -> None:
    answer = client.post(path, json=document)

    assert (answer.status_code, b"80.0" in answer.content) == (200, True), answer.text
    assert client.post("/predict", json=make_row()).json() == {"prediction": 80.0}


@pytest.mark.parametrize("media_type", ["text/csv", "text/csv; header=present"])
def test_a_header_may_name_what_is_ignored(
    client: httpx.Client, media_type: str
) -> None:
    fields = {"content-type": media_type}
    answer = client.post("/invocations", content=HEAD + LINE, headers=fields)

    assert answer.json() == {"predictions": [80.0]}


def test_lines_of_json_and_a_query_may_be_records(client: httpx.Client) -> None:
    lines = client.post(
        "/invocations",
        content=msgspec.json.Encoder().encode_lines([RECORD] * 2),
        headers={"content-type": "application/jsonlines", "accept": "text/csv"},
    )
    query = client.get("/predict", params=make_row() | {"id": 7, "note": "", TARGET: 3})

    assert lines.text == "80.0\n80.0\n"
    assert query.json() == {"prediction": 80.0}


def test_the_document_of_the_model_names_what_is_ignored(client: httpx.Client) -> None:
    assert client.get("/models/student").json()["ignored"] == [*IGNORED]


@pytest.mark.parametrize("name", ["data", "instances"])
def test_a_record_may_have_a_column_that_is_named_as_a_body_is(name: str) -> None:
    signature = make_signature(features=(SCORE,), ignored=(name, "inputs"))
    record = {"reading score": 80, name: 1, "inputs": 2}

    assert document_of(record, signature) == [record]
    assert document_of({name: [record]}, signature) == [record]


def test_a_first_line_of_values_that_are_ignored_names_is_no_header() -> None:
    signature = make_signature(features=(SCORE,), ignored=("1",))

    assert read_csv(b"1\n2\n", signature, None, 9) == {
        "columns": {"reading score": [1, 2]}
    }
