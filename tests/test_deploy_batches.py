"""Batches of Arrow, answered row by row, without an engine."""

import math
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from convert import to_onnx
from convert.model_file import ModelFile
from deploy.batches import Refused, answer, write_columns, write_row
from deploy.spark.answers import answer_all
from tests.models import make_model


def answered(content: bytes, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    batch = pa.RecordBatch.from_pylist(rows)
    (found,) = answer_all(content, [batch])
    listed: list[dict[str, Any]] = found.to_pylist()
    return listed


def made(y: Any, estimator: Any) -> ModelFile:
    X = pd.DataFrame({"x": np.arange(20.0), "z": np.tile([0.0, 1.0], 10)})
    return to_onnx(estimator.fit(X, y), X, y)


def test_of_each_row_there_is_a_prediction_or_what_is_wrong_with_it() -> None:
    right: dict[str, Any] = {
        "gender": "male",
        "lunch/meal": None,
        "reading score": math.nan,
        "id": 7,
    }
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"gender": "other"}, "#/gender: 'other' is not one of: 'female', 'male'."),
        ({"gender": None}, "#/gender: null is not accepted here."),
        (
            {"reading score": 104.0},
            "#/reading%20score: 104.0 is above the maximum, 100 points.",
        ),
    ]
    rows = [right, *(right | change for change, _ in wrong), right]

    found = answered(make_model(), rows)

    assert [(row["prediction"], row["error"]) for row in found] == [
        (68.5, None),
        *((None, said) for _, said in wrong),
        (68.5, None),
    ]
    assert [row["id"] for row in found] == [7] * 5


def test_a_number_without_end_is_refused_and_no_gap() -> None:
    model = made(np.arange(20.0), LinearRegression())
    rows = [{"x": x, "z": 0.0} for x in (1.0, math.inf, -math.inf)]

    found = answered(model.content, rows)

    assert [row["prediction"] is None for row in found] == [False, True, True]
    assert [row["error"] for row in found] == [
        None,
        f"#/x: {'1' + '0' * 56}…0 is too large for a number of 64 bits.",
        f"#/x: {'1' + '0' * 56}…0 is too large for a number of 64 bits.",
    ]


def test_rows_whose_fault_the_model_does_not_place_are_found_by_halves() -> None:
    model = made(np.arange(20.0) * 1e10, LinearRegression())
    rows = [{"x": x, "z": 0.0} for x in (1.0, 1e308, 2.0)]

    found = answered(model.content, rows)

    assert [row["error"] for row in found] == [
        None,
        "#: Row 1 has no finite prediction.",
        None,
    ]


@pytest.mark.parametrize("n_targets", [1, 2])
def test_predictions_are_of_the_models_own_kind(n_targets: int) -> None:
    x = np.arange(20.0)
    y = (
        pd.DataFrame({"sum": x, "half": x / 2})
        if n_targets == 2
        else pd.Series(x, name="sum")
    )
    model = made(y, LinearRegression())
    rows = [{"x": 3.0, "z": 1.0}, {"x": 8.5, "z": 0.0}]
    (batch,) = answer_all(model.content, [pa.RecordBatch.from_pylist(rows)])

    expected = model.predict(pd.DataFrame(rows)).tolist()
    found = batch["prediction"].to_pylist()
    assert (
        found if n_targets == 1 else [list(each.values()) for each in found]
    ) == expected
    assert str(batch["prediction"].type) == (
        "double" if n_targets == 1 else "struct<sum: double, half: double>"
    )


@pytest.mark.parametrize(
    ("labels", "kind"), [(["no", "yes"], "string"), ([3, 5], "int64")]
)
def test_labels_keep_their_kind(labels: list[Any], kind: str) -> None:
    model = made(np.repeat(labels, 10), LogisticRegression())
    (batch,) = answer_all(
        model.content,
        [pa.RecordBatch.from_pylist([{"x": 1.0, "z": 0.0}, {"x": 18.0, "z": 1.0}])],
    )

    assert batch["prediction"].to_pylist() == labels
    assert str(batch["prediction"].type) == kind


def test_a_batch_without_rows_has_the_columns_too() -> None:
    empty = pa.RecordBatch.from_pylist([], pa.schema([("gender", pa.string())]))
    (found,) = answer_all(make_model(), [empty])

    assert found.num_rows == 0
    assert found.schema.names == ["gender", "prediction", "error"]


def test_those_at_fault_are_asked_alone_and_the_others_once_more() -> None:
    asked = []

    def ask(body: bytes) -> list[Any]:
        document = msgspec.json.decode(body)
        asked.append(document)
        if document == {"a": 2}:
            raise Refused("wrong", [("#/a", "is 2")])
        if "columns" in document and 2 in document["columns"]["a"]:
            raise Refused("wrong", [("#/columns/a/1", "is 2")])
        return list(document["columns"]["a"])

    batch = pa.RecordBatch.from_pylist(
        [{"a": 1, "b": 0}, {"a": 2, "b": 0}, {"a": 3, "b": 0}]
    )
    found = answer(batch, ["a"], ask)

    assert found == ([1, None, 3], [None, "#/a: is 2", None])
    assert asked == [
        {"columns": {"a": [1, 2, 3]}},
        {"columns": {"a": [1, 3]}},
        {"a": 2},
    ]


def test_what_is_sent_is_a_row_or_columns_of_features_alone() -> None:
    batch = pa.RecordBatch.from_pylist([{"a": math.nan, "b": True, "c": "é"}])

    assert write_row(batch, ["a", "b", "d"]) == b'{"a":null,"b":true}'
    assert write_columns(batch, ["c"]) == '{"columns":{"c":["é"]}}'.encode()
