import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from server.batch import Batch, Columns
from server.contracts.predict.rows import RowReader
from server.problems import InvalidBatch, Problem, TooManyRows
from server.signature import MISSING_TEXT, Feature, is_text
from tests.models import GENDER, LUNCH, SCORE, make_row, make_signature

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


@pytest.mark.parametrize("n_values", [6, 30])
def test_more_values_than_the_most_rows_have_are_not_decoded(n_values: int) -> None:
    reader = make_reader(SCORE, max_rows=2)

    with pytest.raises(TooManyRows, match="more values than 2 rows of 1 columns"):
        reader.read(b"[" + b"0," * (n_values - 1) + b"0]")


@pytest.mark.parametrize("feature", [SCORE, ODD])
def test_as_many_rows_as_the_limit_are_accepted(feature: Feature) -> None:
    reader = make_reader(feature, max_rows=2)
    for document in ([{feature.name: 1}] * 2, {"columns": {feature.name: [1, 1]}}):
        assert reader.read(msgspec.json.encode(document)).rows == [(1,), (1,)]


@pytest.mark.parametrize("value", [-0.5, -1e-300, -1])
def test_a_row_whose_only_fault_is_below_the_minimum_is_refused(value: float) -> None:
    with pytest.raises(InvalidBatch) as refusal:
        read(make_row(reading_score=value))

    assert [fault.pointer for fault in refusal.value.faults] == ["#/reading%20score"]


LEAST = Feature(name="n", input="n", kind="number", required=True, minimum=2.0)
MOST = Feature(name="n", input="n", kind="number", required=True, maximum=2.0)


@pytest.mark.parametrize(
    ("feature", "accepted", "refused"),
    [(LEAST, [2, 2.5, 1e300], [1.999, -1e300]), (MOST, [2, -1e300], [2.001, 1e300])],
)
def test_a_bound_on_one_side_leaves_the_other_one_open(
    feature: Feature, accepted: list[float], refused: list[float]
) -> None:
    assert read([{"n": value} for value in accepted], feature).rows == [
        (value,) for value in accepted
    ]
    for value in refused:
        with pytest.raises(InvalidBatch):
            read({"n": value}, feature)


ROOMS = Feature(name="rooms", input="rooms", kind="integer")


def test_an_optional_integer_may_be_null_or_left_out() -> None:
    assert read([{"rooms": None}, {}, {"rooms": 3}], ROOMS).rows == [
        (None,),
        (None,),
        (3.0,),
    ]
    assert read({"columns": {"rooms": [None, 3]}}, ROOMS).rows == [(None,), (3.0,)]


FLOOR = Feature(
    name="floor",
    input="floor",
    kind="category",
    categories=(1, 2.5),
    unknown="ignore",
)


def test_a_numeric_category_that_ignores_unknown_ones_takes_every_number() -> None:
    rows = read([{"floor": 1}, {"floor": 7.25}, {"floor": None}], FLOOR).rows

    assert rows == [(1.0,), (7.25,), (None,)]
    with pytest.raises(InvalidBatch, match="1 value is invalid"):
        read({"floor": "1"}, FLOOR)


ALL = (GENDER, LUNCH, SCORE, BOOKS, GRADE, BOARDER, ALWAYS, ESSAY, ROOMS, FLOOR, LEAST)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-200, 200)
    | st.sampled_from([2**53 + 1, 10**400, 1e308, 2.5, 1e-300])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["male", "female", "standard", "x", "", MISSING_TEXT])
)
values: dict[str, st.SearchStrategy[Any]] = {
    "gender": st.sampled_from(["male", "female"]),
    "lunch/meal": st.sampled_from(["standard", "packed", None]),
    "reading score": st.sampled_from([0, 80, 99.5, None]),
    "books": st.sampled_from([3, 3.0, -2, 2**53 + 1]),
    "grade": st.sampled_from([1, 1.0, 2.5]),
    "boarder": st.sampled_from([True, False, None]),
    "always": st.just(True),
    "essay": st.sampled_from(["", "naïve 🎓", "a\0b"]),
    "rooms": st.sampled_from([3, None]),
    "floor": st.sampled_from([1, 7.25, None]),
    "n": st.sampled_from([2, 1e300]),
}
optional = [feature.name for feature in ALL if not feature.required]


def mostly(good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(*[good] * 9, scalars | st.lists(scalars, max_size=2))


def objects_of(
    make: Callable[[str], st.SearchStrategy[Any]],
) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects with what is required, and some of the rest."""
    made = {name: make(name) for name in values}
    left_out = {name: made.pop(name) for name in optional}
    return st.fixed_dictionaries(made, optional=left_out)


right_rows = objects_of(lambda name: values[name])
right_columns = st.integers(0, 4).flatmap(
    lambda n: objects_of(lambda name: st.lists(values[name], min_size=n, max_size=n))
)
odd = st.dictionaries(st.sampled_from([*values, "columns", "x"]), scalars, max_size=2)
wrong_rows = odd | st.builds(lambda row, fault: row | fault, right_rows, odd)
wrong_columns = objects_of(lambda name: mostly(st.lists(mostly(values[name]))))
documents = (
    right_rows
    | wrong_rows
    | st.lists(right_rows, max_size=4)
    | st.lists(right_rows | wrong_rows | scalars, max_size=3)
    | st.fixed_dictionaries({"columns": right_columns})
    | st.fixed_dictionaries({"columns": wrong_columns | scalars})
    | scalars
)


@given(documents.map(lambda document: json.dumps(document).encode()))
@example(b"")
@example(b"{")
@example(b'{"gender": "\xff"}')
@example(b"[" * 3000)
def test_the_fast_path_and_the_plain_one_give_the_same_batch_or_the_same_faults(
    body: bytes,
) -> None:
    fast, plain = (make_reader(*ALL, max_rows=3) for _ in range(2))
    plain._is_fast = False

    outcome = _outcome(fast, body)

    assert outcome == _outcome(plain, body)
    assert (outcome[0], outcome[-1]) != (InvalidBatch, [])


def _outcome(reader: RowReader, body: bytes) -> Any:
    """Return what a client may notice: a number is one of 64 bits."""
    try:
        batch = reader.read(body)
    except Problem as problem:
        return type(problem), problem.detail, list(problem.faults)
    columns = Columns(ALL).of(batch.rows)
    numbers = [repr([float(value) for value in columns[i]]) for i in NUMBERS]
    return batch.form, len(batch.rows), numbers, [list(columns[i]) for i in TEXTS]


TEXTS = [i for i, feature in enumerate(ALL) if is_text(feature)]
NUMBERS = [i for i in range(len(ALL)) if i not in TEXTS]
