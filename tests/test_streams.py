"""Streams of rows against the csv module, and against what /predict says of each row."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.batching import Batcher
from server.contracts.predict.contract import PredictContract
from server.contracts.schema import Schema
from server.contracts.streams.order import Order, read_order
from server.contracts.streams.stream import Stream
from server.contracts.text import value_of
from server.endpoint import Endpoint
from server.includes import available_includes
from server.model import Model
from server.problems import (
    InvalidBatch,
    InvalidQuery,
    LineTooLong,
    MalformedBody,
    NotAcceptable,
    Overloaded,
    Problem,
    UnsupportedMediaType,
)
from server.signature import Value
from tests.models import (
    make_classifier,
    make_model,
    make_signature,
    make_two_targets,
)

CSV, NDJSON = b"text/csv", b"application/x-ndjson"
TABLE_TO_TABLE = Order(CSV, CSV)
STUDENTS = Path("models/student_performance.onnx")


def make_endpoint(content: bytes) -> Endpoint:
    model = Model.from_content(content)
    schema = Schema(model.signature, available_includes(model), 10_000)
    contract = PredictContract(schema, is_default=True)
    return Endpoint(Batcher(model, 2000), schema, contract, 4_194_304)


@pytest.fixture(scope="module")
def endpoint() -> Endpoint:
    return make_endpoint(make_model())


def stream_of(endpoint: Endpoint, order: Order, max_line_bytes: int = 2**20) -> Stream:
    return Stream(order, endpoint.schema, max_line_bytes, endpoint.predict_here)


def passed(
    endpoint: Endpoint, parts: Sequence[bytes], order: Order = TABLE_TO_TABLE
) -> bytes:
    """Return what is answered to parts that come so slowly that each is looked at."""
    stream = stream_of(endpoint, order)
    answers = []
    for part in parts:
        stream.lines.add(part)
        if stream.lines.has_line and not stream.is_over:
            answers.append(stream.answer())
    stream.lines.is_ended = True
    while not stream.is_over:
        answers.append(stream.answer())
    return b"".join(answers)


def predicted(endpoint: Endpoint, row: dict[str, Any]) -> Any:
    """Return what /predict answers to one row: a prediction, or what is wrong."""
    contract = endpoint.contract
    try:
        question = contract.read(json.dumps(row).encode())
        prediction = endpoint.predict_here((), question.batch)
    except Problem as problem:
        return [(fault.pointer, fault.detail) for fault in problem.faults]
    return json.loads(contract.write(question, prediction).body)["prediction"]


def rows_of(endpoint: Endpoint, text: str, **options: Any) -> list[dict[str, Any]]:
    """Return the rows of a table as Python's module reads them, typed."""
    known = {each.name: each for each in endpoint.schema.signature.features}
    rows: list[dict[str, Any]] = []
    for row in csv.DictReader(io.StringIO(text, newline=""), **options):
        values: dict[str, Value | None] = {
            name: value_of(known[name], cell) for name, cell in row.items()
        }
        rows.append({n: value for n, value in values.items() if value is not None})
    return rows


def json_lines(answer: bytes) -> list[Any]:
    return [json.loads(line) for line in answer.splitlines()]


def said(line: dict[str, Any]) -> Any:
    """Return the prediction of a line, or what it says is wrong."""
    if "prediction" in line:
        return line["prediction"]
    return [(it["pointer"], it["detail"]) for it in line["error"]["errors"]]


TABLE = (
    'reading score;gender;"lunch/meal"\r\n'
    "80;female;standard\r\n"
    '72.5;"male";"a ""b"";\r\nc"\r\n'
    ";male;\r\n"
    "\r\n"
    "1e1;male;größer\u2028 und 学生\r\n"
    '"";"female";free/reduced'
)

FAULTY = (
    b"\xef\xbb\xbfreading score,gender,lunch/meal\n"
    b"80,female,standard\n"
    b"101,female,standard\n"
    b"nan,male,x\n"
    b"80,,standard\n"
    b"80,female\n"
    b"80,female,standard,\n"
    b'"8"0,female,standard\n'
    b'80,female,"a\nb"\n'
    b"80,female,\xff\xfe\n"
    b"true,m\xc3\xa4nnlich,\xef\xb7\x90\n"
    b"\n"
    b'80,female,"not closed\n'
    b"81,female,standard\n"
)


def test_a_table_is_answered_as_its_rows_are(endpoint: Endpoint) -> None:
    rows = rows_of(endpoint, TABLE, delimiter=";")

    answer = passed(endpoint, [TABLE.encode()])

    expected = [predicted(endpoint, row) for row in rows]
    head, *found = answer.decode().splitlines()
    assert (head, [*map(float, found)]) == ("math score", expected)


@pytest.mark.parametrize("order", [Order(CSV, CSV, skips=True), Order(CSV, NDJSON)])
def test_it_makes_no_difference_where_a_table_is_cut(
    endpoint: Endpoint, order: Order
) -> None:
    table = b"\xef\xbb\xbf" + TABLE.encode()

    whole = passed(endpoint, [table], order)

    for cut in range(len(table)):
        assert passed(endpoint, [table[:cut], table[cut:]], order) == whole
    single = [table[place : place + 1] for place in range(len(table))]
    assert passed(endpoint, single, order) == whole


@pytest.mark.parametrize("answer", [CSV, NDJSON])
def test_it_makes_no_difference_where_a_faulty_table_is_cut(
    endpoint: Endpoint, answer: bytes
) -> None:
    order = Order(CSV, answer, echo=("all",), skips=True)

    whole = passed(endpoint, [FAULTY], order)

    for cut in range(len(FAULTY)):
        assert passed(endpoint, [FAULTY[:cut], FAULTY[cut:]], order) == whole


def test_each_fault_is_told_with_its_line_and_the_rest_goes_on(
    endpoint: Endpoint,
) -> None:
    answer = passed(endpoint, [FAULTY], Order(CSV, CSV, skips=True))

    names, *found = csv.reader(io.StringIO(answer.decode()))
    assert names == ["math score", "error"]
    assert found == [
        ["80.0", ""],
        [
            "",
            "Line 3: 1 value is invalid. #/reading%20score: 101 is above the maximum, "
            "100 points.",
        ],
        [
            "",
            "Line 4: 1 value is invalid. #/reading%20score: 'nan' is not a number.",
        ],
        [
            "",
            "Line 5: 1 value is invalid. #/gender: This feature is missing.",
        ],
        ["", "Line 6: it has 2 cells, the header 3."],
        ["", "Line 7: it has 4 cells, the header 3."],
        ["", "Line 8: it cannot be read as CSV: ',' expected after '\"'."],
        ["77.0", ""],
        ["", "Line 11: it is not UTF-8."],
        [
            "",
            "Line 12: 3 values are invalid. #/gender: 'männlich' is not one of: "
            "'female', 'male'. #/lunch~1meal: U+FDD0 stands for a missing value inside; "
            "send null. #/reading%20score: true is not a number.",
        ],
        ["", "Line 14: it cannot be read as CSV: unexpected end of data."],
    ]


WRONG_LINES = [
    b'{"gender":"female","reading score":80}',
    b'{"gender":"female","reading score":101}',
    b"  \r",
    b'{"reading score":"80"}',
    b'{"gender":"male","reading scor":80}',
    b'[{"gender":"male"}]',
    b'{"columns":{"gender":["male"]}}',
    b"{",
    b'{"gender":"male"} {"gender":"male"}',
    b'{"gender":"m\xe4le"}',
    b"null",
    b'{"gender":"male","lunch/meal":"\\ufdd0"}\r',
    b'{"gender":"male","lunch/meal":null}',
]


def test_a_line_of_json_is_answered_as_a_body_is(endpoint: Endpoint) -> None:
    order = Order(NDJSON, NDJSON, skips=True)

    answer = passed(endpoint, [b"\n".join(WRONG_LINES)], order)

    found = [
        said(line) if "prediction" in line else line for line in json_lines(answer)
    ]
    assert (found[0], found[-1]) == (77.5, 68.5)
    for line, wrong in enumerate(found[1:-1], 2):
        line += line > 2  # the third has nothing in it
        assert wrong["error"]["detail"].startswith(f"Line {line}: ")
    details = [
        [(it["pointer"], it["detail"]) for it in each["error"].get("errors", [])]
        for each in found[1:-1]
    ]
    assert details == [
        [("#/reading%20score", "101 is above the maximum, 100 points.")],
        predicted(endpoint, {"reading score": "80"}),
        predicted(endpoint, {"gender": "male", "reading scor": 80}),
        [("#", '[{"gender":"male"}] is not an object.')],
        [
            ("#/gender", "This feature is missing."),
            (
                "#/columns",
                "The model has no such feature; it reads 'gender', 'lunch/meal', "
                "'reading score'.",
            ),
        ],
        [],
        [],
        [],
        [("#", "null is not an object.")],
        predicted(endpoint, {"gender": "male", "lunch/meal": "\ufdd0"}),
    ]


def test_it_makes_no_difference_where_lines_of_json_are_cut(endpoint: Endpoint) -> None:
    content = b"\xef\xbb\xbf" + b"\n".join(WRONG_LINES)
    order = Order(NDJSON, CSV, echo=("gender",), skips=True)

    whole = passed(endpoint, [content], order)

    for cut in range(len(content)):
        assert passed(endpoint, [content[:cut], content[cut:]], order) == whole


MODELS = {
    "regression": make_model(),
    "labels": make_classifier(("failed", "passed")),
    "numbers": make_classifier((0, 1)),
    "truths": make_classifier((False, True)),
    "two targets": make_two_targets(),
    "students": STUDENTS.read_bytes(),
}
ENDPOINTS = {name: make_endpoint(content) for name, content in MODELS.items()}

CELLS = st.sampled_from(
    [
        *(
            "",
            "80",
            "0",
            "-1",
            "100.0",
            "1e400",
            "nan",
            "inf",
            "1_0",
            " 5 ",
            "true",
            "x",
        ),
        *("female", "male", "standard", "group A", "a\r\nb", 'a"b', "ü", "none"),
        *("9007199254740993", "4.9e-324", "False", "\ufdd0", "some college"),
    ]
)


@given(data=st.data())
@pytest.mark.parametrize("name", MODELS)
def test_rows_of_any_model_are_answered_as_predict_does(
    name: str, data: st.DataObject
) -> None:
    endpoint = ENDPOINTS[name]
    features = [each.name for each in endpoint.schema.signature.features]
    names = data.draw(st.permutations(features))
    row = st.tuples(*(CELLS for _ in names)).filter(lambda row: row != ("",))
    rows = data.draw(st.lists(row, max_size=8))
    text = io.StringIO()
    csv.writer(text).writerows([names, *rows])
    typed = rows_of(endpoint, text.getvalue())

    order = Order(CSV, NDJSON, skips=True)
    of_table = json_lines(passed(endpoint, [text.getvalue().encode()], order))
    order = Order(NDJSON, NDJSON, skips=True)
    lines = b"\n".join(json.dumps(row).encode() for row in typed)
    of_lines = json_lines(passed(endpoint, [lines], order))

    expected = [predicted(endpoint, row) for row in typed]
    assert [*map(alone, of_table)] == expected
    assert [*map(alone, of_lines)] == expected


def alone(line: dict[str, Any]) -> Any:
    """Return what a line says, as if it were all; without its faults where it has none."""
    if "prediction" in line:
        return line["prediction"]
    if line["error"]["type"] == "/problems/no-prediction":
        return [("#", "Row 1 has no finite prediction.")]
    return said(line)


def numbered(n_rows: int) -> Iterator[bytes]:
    yield b"gender,reading score,lunch/meal\n"
    for number in range(n_rows):
        yield b"male,%d,%b\n" % (number % 101, b'"a\nb"' if number % 7 == 0 else b"x")


def test_ten_thousand_rows_are_answered_in_their_order(endpoint: Endpoint) -> None:
    table = b"".join(numbered(10_000))

    answer = passed(endpoint, [table])

    assert answer == b"math score\n" + b"".join(
        b"%.1f\n" % (number % 101 - 2) for number in range(10_000)
    )


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_header_shows_the_separator(endpoint: Endpoint, separator: str) -> None:
    rows = [["reading score", "gender"], ["80", "female"]]
    table = "\n".join(separator.join(row) for row in rows).encode()
    order = Order(CSV, CSV, echo=("gender",))

    answer = passed(endpoint, [table], order)

    assert answer.decode() == f"gender{separator}math score\nfemale{separator}77.5\n"


@pytest.mark.parametrize(
    ("table", "expected", "detail"),
    [
        (b"", MalformedBody, "The body is empty; send a header, and a line a row."),
        (b"\n\n", MalformedBody, "The body is empty; send a header, and a line a row."),
        (b"gender,gender\n", MalformedBody, "The header has two columns 'gender'."),
        (b"gender,\xff\n", MalformedBody, "The header is not UTF-8."),
        (
            b'"gender"x\nmale\nmale\n',
            MalformedBody,
            "The header cannot be read as CSV: ',' expected after '\"'.",
        ),
        (b"gender,reading scor\n", InvalidBatch, "1 value is invalid."),
        (b"reading score\n", InvalidBatch, "1 value is invalid."),
        (b"gender,math score\n", InvalidBatch, "1 value is invalid."),
    ],
)
def test_a_bad_header_is_refused(
    endpoint: Endpoint, table: bytes, expected: type[Problem], detail: str
) -> None:
    with pytest.raises(expected) as caught:
        passed(endpoint, [table])

    assert caught.value.detail == detail


def test_a_column_that_is_not_known_is_named_with_the_nearest(
    endpoint: Endpoint,
) -> None:
    with pytest.raises(InvalidBatch) as caught:
        passed(endpoint, [b"gender,reading scor,id\nmale,1,2\n"])

    assert [(it.pointer, it.detail) for it in caught.value.faults] == [
        (
            "#/columns/reading%20scor",
            "The model has no such feature; did you mean 'reading score'?",
        ),
        (
            "#/columns/id",
            "The model has no such feature; it reads 'gender', 'lunch/meal', 'reading "
            "score'.",
        ),
    ]


def test_other_columns_may_come_and_be_given_back(endpoint: Endpoint) -> None:
    table = b"id,math score,gender,error\n1,5,male,\n2,,other,x\n"
    order = Order(CSV, CSV, echo=("all",), skips=True, ignores_extra=True)

    answer = passed(endpoint, [table], order)

    assert answer.decode() == (
        "id,math score,gender,error,predicted_math score,predicted_error\n"
        "1,5,male,,68.5,\n"
        "2,,other,x,,\"Line 3: 1 value is invalid. #/gender: 'other' is not one of: "
        "'female', 'male'.\"\n"
    )


def test_other_names_of_objects_may_come_and_be_given_back(endpoint: Endpoint) -> None:
    lines = b'{"id":[1],"gender":"male"}\n{"prediction":2,"gender":"x"}\n7\n'
    order = Order(
        NDJSON, NDJSON, echo=("id", "gender,prediction"), skips=True, ignores_extra=True
    )

    good, bad, worse = json_lines(passed(endpoint, [lines], order))

    assert good == {
        "id": [1],
        "gender": "male",
        "prediction": None,
        "predicted_prediction": 68.5,
    }
    assert {n: value for n, value in bad.items() if n != "error"} == {
        "id": None,
        "gender": "x",
        "prediction": 2,
    }
    assert worse["error"]["errors"] == [
        {"pointer": "#", "detail": "7 is not an object."}
    ]


def test_a_table_of_objects_has_text_where_it_can(endpoint: Endpoint) -> None:
    lines = b'{"id":[1,true],"gender":"male"}\n{"gender":"male","reading score":71}\n'
    order = Order(
        NDJSON, CSV, echo=("id", "gender", "reading score"), ignores_extra=True
    )

    answer = passed(endpoint, [lines], order)

    assert answer.decode() == (
        'id,gender,reading score,math score\n"[1,true]",male,,68.5\n,male,71,69.5\n'
    )


def test_a_column_that_is_not_there_cannot_be_given_back(endpoint: Endpoint) -> None:
    with pytest.raises(InvalidQuery) as caught:
        passed(endpoint, [b"gender\nmale\n"], Order(CSV, CSV, echo=("id",)))

    assert caught.value.detail == "There is no column 'id' to echo; there are: gender."


def test_what_is_included_stands_beside_the_prediction(endpoint: Endpoint) -> None:
    order = Order(CSV, NDJSON, includes=("contributions", "warnings"))

    (line,) = json_lines(passed(endpoint, [b"gender\nmale\n"], order))

    row = b'{"gender":"male"}'
    question = endpoint.contract.read(row, b"include=contributions,warnings")
    prediction = endpoint.predict_here(question.includes, question.batch)
    assert line == json.loads(endpoint.contract.write(question, prediction).body)


def test_whatever_is_wrong_before_an_answer_is_refused_at_once(
    endpoint: Endpoint,
) -> None:
    with pytest.raises(InvalidBatch) as caught:
        passed(endpoint, [b"gender\nmale\nx\n" + b'male\ny\n"female"z\nmale\n'])

    problem = caught.value
    assert problem.detail == "3 lines or more are invalid; those are listed."
    assert [(it.pointer, it.detail) for it in problem.faults] == [
        ("#/gender", "Line 3: 'x' is not one of: 'female', 'male'."),
        ("#/gender", "Line 5: 'y' is not one of: 'female', 'male'."),
        ("#", "Line 6: it cannot be read as CSV: ',' expected after '\"'."),
    ]


def test_a_single_fault_before_an_answer_is_refused_with_its_line(
    endpoint: Endpoint,
) -> None:
    with pytest.raises(InvalidBatch) as caught:
        passed(endpoint, [b"gender\nmale\nx\nmale\n"])

    assert (caught.value.detail, caught.value.faults[0].pointer) == (
        "Line 3: 1 value is invalid.",
        "#/gender",
    )


@pytest.mark.parametrize(
    ("answer", "last"),
    [
        (
            CSV,
            b"\"error: Line 4: 1 value is invalid. #/gender: 'x' is not one of: "
            b"'female', 'male'.\"",
        ),
        (
            NDJSON,
            b'{"error":{"type":"/problems/invalid-batch","title":"Rows do not match the '
            b'model\'s signature","status":422,"detail":"Line 4: 1 value is invalid.",'
            b'"errors":[{"pointer":"#/gender","detail":"\'x\' is not one of: \'female\', '
            b"'male'.\"}]}}",
        ),
    ],
)
def test_a_fault_behind_answers_is_the_last_line(
    endpoint: Endpoint, answer: bytes, last: bytes
) -> None:
    parts = [b"gender\nmale\n", b"male\nx\nmale\n", b"male\n"]

    lines = passed(endpoint, parts, Order(CSV, answer)).splitlines()

    n_answers = 2 if answer == NDJSON else 3
    assert (len(lines), lines[-1]) == (n_answers + 1, last)


def test_a_model_that_has_no_time_ends_the_stream(endpoint: Endpoint) -> None:
    stream = stream_of(endpoint, Order(NDJSON, NDJSON))
    stream.lines.add(b'{"gender":"male"}\n')
    first = stream.answer()

    last = stream.end(Overloaded("What waits takes longer than 2000 ms."))

    assert first == b'{"prediction":68.5}\n'
    assert json.loads(last)["error"]["status"] == 503
    assert stream.is_over


LONG = b'male,"' + b"a" * 70_000


@pytest.mark.parametrize("end", [b'"\n', b'"'])
def test_a_line_that_is_too_long_is_dropped(endpoint: Endpoint, end: bytes) -> None:
    stream = stream_of(endpoint, Order(CSV, CSV, skips=True), max_line_bytes=66_000)
    table = b"gender,lunch/meal\nmale,x\n" + LONG + end + b"\nfemale,x\n"

    answers = []
    for start in range(0, len(table), 10_000):
        stream.lines.add(table[start : start + 10_000])
        while stream.lines.is_full:
            answers.append(stream.answer())
    stream.lines.is_ended = True
    while not stream.is_over:
        answers.append(stream.answer())

    rows = [*csv.reader(io.StringIO(b"".join(answers).decode()))]
    assert rows[:3] == [
        ["math score", "error"],
        ["68.0", ""],
        ["", "Line 3: more than 66000 bytes; that is the limit."],
    ]
    assert rows[-1] == ["67.0", ""]


def test_a_header_that_is_too_long_is_refused(endpoint: Endpoint) -> None:
    stream = stream_of(endpoint, Order(CSV, CSV), max_line_bytes=66_000)
    stream.lines.add(b"a" * 66_001)
    while stream.lines.is_full:
        assert stream.answer() == b""
    stream.lines.add(b"a" * 65_536)

    with pytest.raises(LineTooLong):
        [stream.answer() for _ in range(2)]


def test_no_objects_have_no_answers(endpoint: Endpoint) -> None:
    assert passed(endpoint, [], Order(NDJSON, NDJSON)) == b""
    assert passed(endpoint, [b"gender\n"]) == b"math score\n"


@pytest.mark.parametrize(
    ("headers", "query", "order"),
    [
        ({}, b"", Order(CSV, CSV)),
        ({"content-type": "text/CSV; charset=utf-8"}, b"", Order(CSV, CSV)),
        ({"accept": "*/*", "content-type": "text/csv"}, b"", Order(CSV, CSV)),
        ({"accept": "text/html, text/*;q=0.1"}, b"", Order(CSV, CSV)),
        (
            {"accept": "text/html, application/jsonlines"},
            b"on_error=skip&extra=ignore",
            Order(CSV, b"application/jsonlines", skips=True, ignores_extra=True),
        ),
        (
            {"content-type": "application/x-ndjson"},
            b"echo=a,b&echo=c%2Cd&include=warnings",
            Order(NDJSON, NDJSON, includes=("warnings",), echo=("a,b", "c,d")),
        ),
        ({}, b"on_error=fail&extra=refuse", Order(CSV, CSV)),
    ],
)
def test_head_and_query_say_what_is_wanted(
    headers: dict[str, str], query: bytes, order: Order
) -> None:
    fields = [(name.encode(), value.encode()) for name, value in headers.items()]

    assert read_order(fields, query, ["warnings"]) == order


@pytest.mark.parametrize(
    ("headers", "query", "problem", "detail"),
    [
        (
            {},
            b"skip=1",
            InvalidQuery,
            "The query has 'skip'; of a stream it may have: include, echo, on_error, "
            "extra.",
        ),
        (
            {},
            b"on_error=go",
            InvalidQuery,
            "on_error is 'go'; expected fail or skip.",
        ),
        ({}, b"extra=", InvalidQuery, "extra is ''; expected refuse or ignore."),
        ({}, b"include=x", InvalidQuery, "'x' is not one of: warnings."),
        (
            {},
            b"include=warnings",
            InvalidQuery,
            "A table has no place for what include adds; ask for lines of JSON, with "
            "Accept: application/x-ndjson.",
        ),
        (
            {"accept": "application/json"},
            b"",
            NotAcceptable,
            "The answer is wanted as application/json; a stream has one of: text/csv, "
            "application/x-ndjson, application/ndjson, application/jsonlines, "
            "application/jsonl.",
        ),
        (
            {"content-encoding": "br"},
            b"",
            UnsupportedMediaType,
            "The body is compressed (br); send it plain, or with gzip or deflate.",
        ),
    ],
)
def test_what_cannot_be_had_is_refused_before_the_body(
    headers: dict[str, str], query: bytes, problem: type[Problem], detail: str
) -> None:
    fields = [(name.encode(), value.encode()) for name, value in headers.items()]

    with pytest.raises(problem) as caught:
        read_order(fields, query, ["warnings"])

    assert caught.value.detail == detail


def test_whole_records_pass_as_their_rows_do() -> None:
    """The column that is ignored may be shown beside the answer."""
    endpoint = make_endpoint(make_model(make_signature(ignored=("id",))))
    table = b"id,reading score,gender\n7,80,female\nx,72,male\n"
    objects = b"".join(
        json.dumps(row).encode() + b"\n"
        for row in (
            {"id": {"is": 7}, "reading score": 80, "gender": "female"},
            {"reading score": 72, "gender": "male"},
            {"reading score": 72, "ids": 7},
        )
    )

    cells = passed(endpoint, [table], Order(CSV, CSV, echo=("id",)))
    order = Order(NDJSON, NDJSON, echo=("id",), skips=True)
    lines = json_lines(passed(endpoint, [objects], order))

    expected = [
        predicted(endpoint, {"reading score": 80, "gender": "female"}),
        predicted(endpoint, {"reading score": 72, "gender": "male"}),
        predicted(endpoint, {"reading score": 72, "ids": 7}),
    ]
    rows = [line.split(",") for line in cells.decode().splitlines()[1:]]
    assert rows == [["7", str(expected[0])], ["x", str(expected[1])]]
    assert [*map(said, lines)] == expected
    assert [line["id"] for line in lines] == [{"is": 7}, None, None]
