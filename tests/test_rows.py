import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.problems import InvalidBatch, Problem, TooManyRows
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


def test_a_column_that_may_be_missing_may_be_left_out() -> None:
    batch = read({"columns": {"gender": ["male", "female"], "lunch/meal": None}})

    assert batch == Batch([("male", None, None), ("female", None, None)], "columns")


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


def test_more_rows_than_the_limit_are_refused_under_such_a_name_too() -> None:
    reader = make_reader(ODD, max_rows=1)

    with pytest.raises(TooManyRows):
        reader.read(msgspec.json.encode([{ODD.name: 1}] * 2))


@pytest.mark.parametrize(
    ("feature", "values"),
    [
        (BOOKS, [3, 3.0, -2, 2**53]),
        (GRADE, [1, 1.0, 2.5]),
        (BOARDER, [True, False, None]),
        (ALWAYS, [True]),
        (FREE, [1e308, -1e300]),
        (ESSAY, ["", "naïve 🎓", "a\0b"]),
        (SCORE, [0, 100, 99.999, None]),
    ],
)
def test_each_kind_accepts_its_values(feature: Feature, values: list[Any]) -> None:
    for value in values:
        assert read({feature.name: value}, feature).rows == [(value,)]


def test_a_bad_value_that_a_later_one_overrides_is_refused_all_the_same() -> None:
    with pytest.raises(InvalidBatch, match="Invalid enum value 'zzz'"):
        make_reader().read(b'{"gender": "zzz", "gender": "female"}')


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
