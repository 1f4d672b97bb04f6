import math
from typing import Any

import pytest

from server.batch import Batch, Columns, Form, Prediction
from server.problems import Fault, NoPrediction
from server.signature import MISSING_TEXT, Feature
from tests.models import make_signature


def test_missing_values_become_the_marks_of_the_graph() -> None:
    columns = Columns(make_signature().features)

    gender, lunch, score = columns.of([("male", None, None), ("male", "x", 1.0)])

    assert (tuple(gender), list(lunch)) == (("male", "male"), [MISSING_TEXT, "x"])
    assert math.isnan(score[0])
    assert score[1] == 1.0


def test_an_integer_that_is_missing_has_the_mark_of_a_number() -> None:
    rooms = Feature(name="rooms", input="rooms", kind="integer")

    (column,) = Columns([rooms]).of([(None,), (3.0,)])

    assert math.isnan(column[0])
    assert column[1] == 3.0


def test_no_rows_are_empty_columns() -> None:
    assert Columns(make_signature().features).of([]) == [[], [], []]


@pytest.mark.parametrize(
    ("form", "place"), [("row", "#"), ("rows", "#/3"), ("columns", "#/columns")]
)
def test_a_row_has_its_place_in_the_body(form: Form, place: str) -> None:
    assert Batch([("male",)] * 4, form).pointer(3) == place


@pytest.mark.parametrize(
    "values", [[], [1.0, -0.5], ["a"], [3], [True], [{"a": 1.0, "b": 2.0}]]
)
def test_finite_values_are_a_prediction(values: list[Any]) -> None:
    assert Batch([], "rows").predicted(values) == Prediction(values)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_row_without_a_finite_value_is_said(value: float) -> None:
    values = [1.0, value, {"a": 1.0, "b": value}]

    with pytest.raises(NoPrediction) as refusal:
        Batch([(0.0,)] * 3, "rows").predicted(values)

    assert refusal.value.detail == "Without a finite prediction: 2 of 3 rows."
    assert refusal.value.faults == [
        Fault("#/1", "Row 2 has no finite prediction."),
        Fault("#/2", "Row 3 has no finite prediction."),
    ]
