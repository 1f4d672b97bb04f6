import sys
from typing import Any

import msgspec
import pytest

from server.problems import InvalidBatch, MalformedBody
from server.signature import MISSING_TEXT, Feature
from tests.models import SCORE, make_row
from tests.test_rows import (
    ALWAYS,
    BOARDER,
    BOOKS,
    ESSAY,
    FREE,
    GRADE,
    ODD,
    make_reader,
    read,
)


def faults_of(document: Any, *features: Feature) -> dict[str, str]:
    with pytest.raises(InvalidBatch) as refusal:
        read(document, *features)
    return dict(refusal.value.faults)


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
        "#/0/zzz": "The model has no such feature; "
        "it reads 'gender', 'lunch/meal', 'reading score'.",
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
                "#/columns/zzz": "The model has no such feature; "
                "it reads 'gender', 'lunch/meal', 'reading score'.",
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


def test_columns_that_are_no_object_are_refused() -> None:
    assert faults_of({"columns": 3}) == {"#/columns": "3 is not an object of lists."}


def test_faults_of_a_name_that_json_must_escape_are_reported() -> None:
    assert faults_of([{ODD.name: "x"}, {}], ODD) == {
        "#/0/height%20%22in%22%0A%5C": "'x' is not a number.",
        "#/1/height%20%22in%22%0A%5C": "This feature is missing.",
    }


def test_the_target_among_the_features_is_named_as_such() -> None:
    assert faults_of(make_row() | {"math score": 4}) == {
        "#/math%20score": "This is what the model predicts; leave it out."
    }


@pytest.mark.parametrize(
    ("n_faults", "detail", "n_listed"),
    [
        (1, "1 value is invalid.", 1),
        (2, "2 values are invalid.", 2),
        (100, "100 values are invalid.", 100),
        (101, "More than 100 values are invalid; those are listed.", 100),
        (150, "More than 100 values are invalid; those are listed.", 100),
    ],
)
def test_after_a_hundred_faults_nobody_looks_further(
    n_faults: int, detail: str, n_listed: int
) -> None:
    reader = make_reader(max_rows=150)
    with pytest.raises(InvalidBatch) as refusal:
        reader.read(b"[" + b",".join([b"{}"] * n_faults) + b"]")

    listed = msgspec.json.decode(refusal.value.body())["errors"]
    assert refusal.value.detail == detail
    assert len(refusal.value.faults) == min(n_faults, 101)
    assert listed == [
        {"pointer": f"#/{row}/gender", "detail": "This feature is missing."}
        for row in range(n_listed)
    ]


def test_a_document_of_another_kind_is_refused() -> None:
    assert faults_of("rows") == {"#": "'rows' is not an object or a list of objects."}


@pytest.mark.parametrize(
    ("feature", "value", "detail"),
    [
        (BOOKS, 3.5, "3.5 is not a whole number."),
        (GRADE, 2, "2 is not one of: 1, 2.5."),
        (GRADE, True, "true is not a number."),
        (BOARDER, 1, "1 is not true or false."),
        (ALWAYS, False, "false is not one of: true."),
        (FREE, 10**400, f"1{'0' * 56}…0 is too large for a number of 64 bits."),
        (
            ESSAY,
            MISSING_TEXT,
            "U+FDD0 stands for a missing value inside; send null.",
        ),
        (SCORE, True, "true is not a number."),
    ],
)
def test_each_kind_explains_what_it_does_not_accept(
    feature: Feature, value: Any, detail: str
) -> None:
    pointer = f"#/{feature.name.replace(' ', '%20')}"

    assert faults_of({feature.name: value}, feature) == {pointer: detail}


def test_the_largest_number_of_64_bits_is_not_too_large() -> None:
    largest = sys.float_info.max
    rows = [{"free": largest}, {"free": -largest}, {"free": "x"}]

    assert faults_of(rows, FREE) == {"#/2/free": "'x' is not a number."}


def test_bounds_are_shown_with_every_digit() -> None:
    feature = Feature(name="id", input="id", kind="number", maximum=1234564.0)

    assert faults_of({"id": 1234565}, feature) == {
        "#/id": "1234565 is above the maximum, 1234564."
    }


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("x" * 58, f"'{'x' * 58}'"),
        ("x" * 59, f"'{'x' * 56}…'"),
        ("ab" * 999, f"'{'ab' * 28}…'"),
        ([1] * 99, f"{'[1' + ',1' * 27 + ','}…]"),
    ],
)
def test_a_long_value_is_shortened_in_its_message(value: Any, shown: str) -> None:
    assert faults_of(make_row(gender=value)) == {
        "#/gender": f"{shown} is not one of: 'female', 'male'."
    }


@pytest.mark.parametrize(
    ("n_categories", "more"), [(20, ""), (21, " and 1 more"), (45, " and 25 more")]
)
def test_twenty_categories_are_named(n_categories: int, more: str) -> None:
    town = Feature(
        name="town",
        input="town",
        kind="category",
        categories=tuple(f"t{number}" for number in range(n_categories)),
    )

    named = ", ".join(f"'t{number}'" for number in range(20))
    assert faults_of({"town": "x"}, town) == {
        "#/town": f"'x' is not one of: {named}{more}."
    }


@pytest.mark.parametrize(
    ("n_characters", "shown", "hint"),
    [
        (100, "n" * 99 + "m", f"; did you mean '{'n' * 100}'?"),
        (101, "n" * 99 + "%E2%80%A6", f"; it reads '{'n' * 100}'."),
        (1_000_000, "n" * 99 + "%E2%80%A6", f"; it reads '{'n' * 100}'."),
    ],
)
def test_a_very_long_name_is_not_compared_with_those_there_are_and_is_cut(
    n_characters: int, shown: str, hint: str
) -> None:
    feature = Feature(name="n" * 100, input="n", kind="number")

    assert faults_of({"n" * (n_characters - 1) + "m": 1}, feature) == {
        f"#/{shown}": f"The model has no such feature{hint}"
    }


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
        *(
            (
                b'{"gender": "%b"}' % half,
                "The body cannot be read as JSON in UTF-8: half of a surrogate pair, "
                "\\ud800 to \\udbff, is no character.",
            )
            for half in (rb"\ud800", rb"\uDBFFx", rb"\ud83d\ude00\ud83d")
        ),
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
