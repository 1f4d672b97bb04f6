import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.problems import InvalidBatch, MalformedBody, Problem, TooManyRows
from server.rows import Batch, RowReader
from server.signature import MISSING_TEXT, Feature
from tests.models import GENDER, SCORE, make_row, make_signature

BOOKS = Feature(name="books", input="books", kind="integer", required=True)
GRADE = Feature(
    name="grade", input="grade", kind="category", required=True, categories=(1, 2.5)
)
BOARDER = Feature(name="boarder", input="boarder", kind="boolean")
ALWAYS = Feature(
    name="always", input="always", kind="boolean", categories=(True,), required=True
)
FREE = Feature(name="free", input="free", kind="number", required=True)
ESSAY = Feature(name="essay", input="essay", kind="text", required=True)


def make_reader(*features: Feature, max_rows: int = 100) -> RowReader:
    changes = {"features": features} if features else {}
    return RowReader(make_signature(**changes), max_rows)


def read(document: Any, *features: Feature) -> Batch:
    return make_reader(*features).read(msgspec.json.encode(document))


def faults_of(document: Any, *features: Feature) -> dict[str, str]:
    with pytest.raises(InvalidBatch) as refusal:
        read(document, *features)
    return dict(refusal.value.faults)


def test_an_object_is_one_row_in_signature_order() -> None:
    batch = read({"reading score": 80, "lunch/meal": None, "gender": "male"})

    assert batch == Batch([("male", None, 80.0)], "row")


def test_a_list_is_rows_and_what_is_left_out_is_missing() -> None:
    batch = read([make_row(), {"gender": "male"}])

    assert batch == Batch([("female", "standard", 80.0), ("male", None, None)], "rows")


def test_an_empty_list_has_no_rows() -> None:
    assert read([]) == Batch([], "rows")


def test_columns_are_rows_the_other_way() -> None:
    columns = {"gender": ["male"], "lunch/meal": [None], "reading score": [5]}

    assert read({"columns": columns}) == Batch([("male", None, 5.0)], "columns")


def test_a_feature_may_be_named_columns() -> None:
    feature = Feature(name="columns", input="columns", kind="number", required=True)

    assert read({"columns": 3}, feature) == Batch([(3.0,)], "row")


def test_missing_values_become_the_marks_of_the_graph() -> None:
    reader = make_reader()

    gender, lunch, score = reader.columns([("male", None, None), ("male", "x", 1.0)])

    assert (tuple(gender), list(lunch)) == (("male", "male"), [MISSING_TEXT, "x"])
    assert math.isnan(score[0])
    assert score[1] == 1.0


def test_no_rows_are_empty_columns() -> None:
    assert make_reader().columns([]) == [[], [], []]


def test_every_fault_of_every_row_is_reported_with_its_pointer() -> None:
    rows = [
        {"gender": "x", "reading score": 104, "readin score": 1, "zzz": 1},
        make_row(),
        {"lunch/meal": 3, "reading score": -0.5},
        {"gender": None, "reading score": "80"},
        7,
    ]

    assert faults_of(rows) == {
        "#/0/gender": "'x' is not one of: 'female', 'male'.",
        "#/0/reading%20score": "104 is above the maximum, 100 points.",
        "#/0/readin%20score": "The model has no such feature; "
        "did you mean 'reading score'?",
        "#/0/zzz": "The model has no such feature.",
        "#/2/gender": "This feature is missing.",
        "#/2/lunch~1meal": "3 is not a string.",
        "#/2/reading%20score": "-0.5 is below the minimum, 0 points.",
        "#/3/gender": "null is not accepted here.",
        "#/3/reading%20score": "'80' is not a number.",
        "#/4": "7 is not an object.",
    }


def test_faults_of_one_object_point_into_it() -> None:
    assert faults_of(make_row(gender=True)) == {
        "#/gender": "true is not one of: 'female', 'male'."
    }


def test_faults_of_columns_point_to_the_column_and_the_row() -> None:
    columns = {
        "gender": ["male", "x"],
        "lunch/meal": ["a", None],
        "reading score": [1, 2],
    }

    assert faults_of({"columns": columns}) == {
        "#/columns/gender/1": "'x' is not one of: 'female', 'male'."
    }


@pytest.mark.parametrize(
    ("columns", "faults"),
    [
        (
            {"lunch/meal": [], "reading score": [104], "zzz": 1, "math score": [1]},
            {
                "#/columns/gender": "This column is missing.",
                "#/columns/reading%20score/0": "104 is above the maximum, 100 points.",
                "#/columns/zzz": "The model has no such feature.",
                "#/columns/math%20score": "This is what the model predicts; "
                "leave it out.",
                "#/columns": "The columns differ in length: 'lunch/meal' 0, "
                "'reading score' 1, 'math score' 1.",
            },
        ),
        (
            {"gender": ["male"], "lunch/meal": [None], "reading score": [1, 2]},
            {
                "#/columns": "The columns differ in length: "
                "'gender' 1, 'lunch/meal' 1, 'reading score' 2."
            },
        ),
        (
            {"gender": "male", "lunch/meal": [None], "reading score": [1]},
            {"#/columns/gender": "'male' is not a list of values."},
        ),
    ],
)
def test_columns_of_a_wrong_shape_are_refused(
    columns: dict[str, Any], faults: dict[str, str]
) -> None:
    assert faults_of({"columns": columns}) == faults


def test_a_column_that_may_be_missing_may_be_left_out() -> None:
    batch = read({"columns": {"gender": ["male", "female"], "lunch/meal": None}})

    assert batch == Batch([("male", None, None), ("female", None, None)], "columns")


def test_columns_that_are_no_object_are_refused() -> None:
    assert faults_of({"columns": 3}) == {"#/columns": "3 is not an object of lists."}


ODD = Feature(name='height "in"\n\\', input="h", kind="number", required=True)


@pytest.mark.parametrize(
    ("document", "batch"),
    [
        ({ODD.name: 3, "boarder": True}, Batch([(3, True)], "row")),
        ([{ODD.name: 3.5}], Batch([(3.5, None)], "rows")),
        ({"columns": {ODD.name: [3]}}, Batch([(3, None)], "columns")),
        ([], Batch([], "rows")),
    ],
)
def test_a_name_that_json_must_escape_is_read_all_the_same(
    document: Any, batch: Batch
) -> None:
    assert read(document, ODD, BOARDER) == batch


def test_faults_of_a_name_that_json_must_escape_are_reported() -> None:
    assert faults_of([{ODD.name: "x"}, {}], ODD) == {
        "#/0/height%20%22in%22%0A%5C": "'x' is not a number.",
        "#/1/height%20%22in%22%0A%5C": "This feature is missing.",
    }


def test_more_rows_than_the_limit_are_refused_under_such_a_name_too() -> None:
    reader = make_reader(ODD, max_rows=1)

    with pytest.raises(TooManyRows):
        reader.read(msgspec.json.encode([{ODD.name: 1}] * 2))


def test_the_target_among_the_features_is_named_as_such() -> None:
    assert faults_of(make_row() | {"math score": 4}) == {
        "#/math%20score": "This is what the model predicts; leave it out."
    }


def test_after_a_hundred_faults_nobody_looks_further() -> None:
    reader = make_reader(max_rows=150)
    with pytest.raises(InvalidBatch) as refusal:
        reader.read(b"[" + b",".join([b"{}"] * 150) + b"]")

    assert refusal.value.detail == (
        "More than 100 values are invalid; those are listed."
    )


def test_a_document_of_another_kind_is_refused() -> None:
    assert faults_of("rows") == {"#": "'rows' is not an object or a list of objects."}


@pytest.mark.parametrize(
    ("feature", "good", "bad"),
    [
        (BOOKS, [3, 3.0, -2, 2**53], {3.5: "3.5 is not a whole number."}),
        (GRADE, [1, 1.0, 2.5], {2: "2 is not one of: 1, 2.5.", True: "true is not a number."}),
        (BOARDER, [True, False, None], {1: "1 is not true or false."}),
        (ALWAYS, [True], {False: "false is not one of: true."}),
        (FREE, [1e308, -1e300], {10**400: f"{'1' + '0' * 56}…0 is too large for a number of 64 bits."}),
        (ESSAY, ["", "naïve 🎓", "a\0b"], {MISSING_TEXT: "U+FDD0 stands for a missing value inside; send null."}),
        (SCORE, [0, 100, 99.999, None], {True: "true is not a number."}),
    ],
)  # fmt: skip
def test_each_kind_accepts_its_values_and_explains_the_others(
    feature: Feature, good: list[Any], bad: dict[Any, str]
) -> None:
    for value in good:
        assert read({feature.name: value}, feature).rows == [(value,)]
    for value, detail in bad.items():
        assert faults_of({feature.name: value}, feature) == {
            f"#/{feature.name.replace(' ', '%20')}": detail
        }


def test_a_bad_value_that_a_later_one_overrides_is_refused_all_the_same() -> None:
    with pytest.raises(InvalidBatch, match="Invalid enum value 'zzz'"):
        make_reader().read(b'{"gender": "zzz", "gender": "female"}')


def test_bounds_are_shown_with_every_digit() -> None:
    feature = Feature(name="id", input="id", kind="number", maximum=1234564.0)

    assert faults_of({"id": 1234565}, feature) == {
        "#/id": "1234565 is above the maximum, 1234564."
    }


def test_a_long_value_is_shortened_in_its_message() -> None:
    (detail,) = faults_of(make_row(gender="x" * 1000)).values()

    assert len(detail) < 110


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "The body is empty; send one row as a JSON object, or a list of them."),
        (
            b'{"reading score": NaN}',
            "The body cannot be read as JSON in UTF-8: invalid character (byte 18); "
            "send null for a missing value.",
        ),
        (b"{", "The body cannot be read as JSON in UTF-8: Input data was truncated."),
        (
            b'{"gender": "\xff"}',
            "The body cannot be read as JSON in UTF-8: 'utf-8' codec can't decode byte "
            "0xff in position 0: invalid start byte.",
        ),
        (
            b'{"gender": "male", "reading score": 1e999}',
            "The body cannot be read as JSON in UTF-8: Number out of range.",
        ),
    ],
)
def test_what_is_not_json_is_malformed(body: bytes, detail: str) -> None:
    with pytest.raises(MalformedBody) as refusal:
        make_reader().read(body)

    assert refusal.value.detail == detail


@pytest.mark.parametrize(
    "document",
    [
        [0] * 3,
        {"columns": {"gender": [0] * 3}},
        [make_row()] * 3,
        {"columns": {name: [value] * 3 for name, value in make_row().items()}},
    ],
)
def test_more_rows_than_the_limit_are_refused(document: Any) -> None:
    reader = make_reader(max_rows=2)

    with pytest.raises(TooManyRows, match="3 rows; at most 2 are accepted"):
        reader.read(msgspec.json.encode(document))


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-200, 200)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["male", "female", "standard", "x", "", MISSING_TEXT]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*make_row(), "columns", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_what_the_fast_path_refuses_the_slow_one_explains(document: Any) -> None:
    reader = make_reader(GENDER, SCORE, ESSAY, BOOKS, GRADE, BOARDER)

    outcome = _outcome(reader, msgspec.json.encode(document))

    if isinstance(outcome, Problem):
        assert outcome.faults
    else:
        assert len(reader.columns(outcome.rows)) == 6


def _outcome(reader: RowReader, body: bytes) -> Batch | Problem:
    try:
        return reader.read(body)
    except Problem as problem:
        return problem
