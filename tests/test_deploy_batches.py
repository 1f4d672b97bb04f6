"""Batches of Arrow, answered row by row, without an engine."""

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline

from convert import to_onnx
from convert.model_file import ModelFile
from deploy.batches import (
    Refused,
    Unfit,
    answer,
    check_names,
    read_columns,
    write_columns,
    write_row,
)
from deploy.spark.answers import answer_all
from server.model_file.content import read_signature
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

    row, text = read_columns(batch, ["a", "b", "d"]), read_columns(batch, ["c"])

    assert write_row(row.values, [0]) == b'{"a":null,"b":true}'
    assert write_columns(text.values, [0]) == '{"columns":{"c":["é"]}}'.encode()


def encoded(values: pa.Array) -> list[pa.Array]:
    """Return an array in each way in which a column of Parquet comes."""
    ends = pa.array(range(1, len(values) + 1), pa.int32())
    runs = pa.RunEndEncodedArray.from_arrays(ends, values)
    found = [values, values.dictionary_encode(), runs]
    if pa.types.is_string(values.type):
        found += [values.cast(pa.string_view()), values.cast(pa.large_string())]
        found += [values.cast(pa.binary()), values.cast(pa.binary_view())]
    return found


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.float64()])
def test_infinity_is_refused_in_whatever_way_a_column_is_encoded(kind: Any) -> None:
    model = made(np.arange(20.0), LinearRegression())
    numbers = pa.array([1.0, math.inf, None, math.nan, -math.inf], kind)
    for x in encoded(numbers):
        batch = pa.RecordBatch.from_pydict({"x": x, "z": [0.0] * 5})
        (found,) = answer_all(model.content, [batch])

        assert found["error"].to_pylist() == [
            None,
            f"#/x: {'1' + '0' * 56}…0 is too large for a number of 64 bits.",
            "#/x: null is not accepted here.",
            "#/x: null is not accepted here.",
            f"#/x: {'1' + '0' * 56}…0 is too large for a number of 64 bits.",
        ]


def test_a_text_is_the_same_in_whatever_way_a_column_is_encoded() -> None:
    for gender in encoded(pa.array(["male", "female", "ü"])):
        batch = pa.RecordBatch.from_pydict({"gender": gender})
        (found,) = answer_all(make_model(), [batch])

        assert found["error"].to_pylist() == [
            None,
            None,
            "#/gender: 'ü' is not one of: 'female', 'male'.",
        ]


def test_a_decimal_is_a_number() -> None:
    model = made(np.arange(20.0), LinearRegression())
    rows: list[dict[str, Any]] = [{"x": Decimal("3.5"), "z": 0.0}, {"x": 3.5, "z": 0.0}]
    (decimal,), (number,) = (answered(model.content, [row]) for row in rows)

    assert decimal["error"] is None
    assert decimal["prediction"] == number["prediction"]


def texts_of(*texts: bytes) -> pa.Array:
    """Return a column of text, of whatever bytes."""
    plain = pa.array(texts, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(plain), plain.buffers())


@pytest.mark.parametrize(
    ("name", "column", "errors"),
    [
        (
            "x",
            pa.array([1, 2_000], pa.int64()).cast(pa.timestamp("ns")),
            (
                "#/x: This timestamp[ns] cannot be sent as JSON.",
                "#/x: '1970-01-01T00:00:00.000002' is not a number.",
            ),
        ),
        (
            "x",
            pa.array([2**62, 0], pa.int64()).cast(pa.timestamp("us", "UTC")),
            (
                "#/x: This timestamp[us, tz=UTC] cannot be sent as JSON.",
                "#/x: '1970-01-01T00:00:00Z' is not a number.",
            ),
        ),
        (
            "x",
            pa.array([1, 1_000_000], pa.int64()).cast(pa.duration("ns")),
            (
                "#/x: This duration[ns] cannot be sent as JSON.",
                "#/x: 'PT0.001S' is not a number.",
            ),
        ),
        (
            "x",
            pa.array([1, 1_000], pa.int64()).cast(pa.time64("ns")),
            (
                "#/x: This time64[ns] cannot be sent as JSON.",
                "#/x: '00:00:00.000001' is not a number.",
            ),
        ),
        (
            "x",
            pa.array([[2.0], None], pa.list_(pa.float64())),
            ("#/x: [2.0] is not a number.", "#/x: null is not accepted here."),
        ),
        (
            "gender",
            texts_of(b"\xff\xfe", b"other"),
            (
                "#/gender: This string cannot be sent as JSON.",
                "#/gender: 'other' is not one of: 'female', 'male'.",
            ),
        ),
        (
            "gender",
            pa.array([b"\xff\xfe", b"other"]),
            (
                "#/gender: This binary cannot be sent as JSON.",
                "#/gender: 'other' is not one of: 'female', 'male'.",
            ),
        ),
    ],
)
def test_what_json_cannot_have_is_a_fault_of_its_row_alone(
    name: str, column: pa.Array, errors: tuple[str, str]
) -> None:
    is_text = name == "gender"
    content = make_model() if is_text else _linear()
    others = {} if is_text else {"z": pa.array([0.0, 0.0])}
    (found,) = answer_all(
        content, [pa.RecordBatch.from_pydict({name: column} | others)]
    )

    assert tuple(found["error"].to_pylist()) == errors
    assert found["prediction"].to_pylist() == [None, None]


def test_a_row_that_cannot_be_sent_leaves_the_others_their_predictions() -> None:
    genders = texts_of(b"male", b"\xff", b"female")
    batch = pa.RecordBatch.from_pydict({"gender": genders})
    (found,) = answer_all(make_model(), [batch])

    assert [value is None for value in found["prediction"].to_pylist()] == [
        *(False, True, False)
    ]


def names_of(content: bytes, names: Sequence[str]) -> str:
    """Return what is said of a table's names, "" if nothing."""
    try:
        check_names(names, read_signature(content))
    except Unfit as unfit:
        return str(unfit)
    return ""


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["gender", "reading score", "lunch/meal", "id"], ""),
        (["gender", "id", "score"], ""),
        (
            ["gender", "Reading_Score"],
            "The model has no feature 'Reading_Score'; did you mean 'reading score'?",
        ),
        (
            ["gender", "raeding score"],
            "The model has no feature 'raeding score'; did you mean 'reading score'?",
        ),
        (["gender", "reading score", "Reading_Score"], ""),
        (["gender", "reading score 2"], ""),
        (
            ["Gender", "LunchMeal"],
            "The model has no feature 'Gender'; did you mean 'gender'? "
            "The model has no feature 'LunchMeal'; did you mean 'lunch/meal'?",
        ),
        (
            ["reading score"],
            "The model needs a column 'gender', which the table lacks.",
        ),
        (["gender", "gender"], "The table has 2 columns named 'gender'."),
        (["gender", "id", "id"], ""),
        (
            ["id"],
            "The table has no column that the model reads: "
            "'gender', 'lunch/meal', 'reading score'.",
        ),
    ],
)
def test_a_table_is_compared_with_the_model_by_its_names(
    names: list[str], said: str
) -> None:
    assert names_of(make_model(), names) == said


def test_the_column_of_what_is_predicted_is_no_misspelt_feature() -> None:
    X = pd.DataFrame({"score_a": np.arange(20.0), "x": np.arange(20.0)})
    y = pd.Series(np.arange(20.0), name="score_b")
    pipeline = make_pipeline(SimpleImputer(), LinearRegression())
    content = to_onnx(pipeline.fit(X, y), X, y).content

    assert names_of(content, ["x", "score_b"]) == ""
    assert "did you mean 'score_a'?" in names_of(content, ["x", "score_c"])


def test_a_batch_of_another_table_is_refused_before_its_rows() -> None:
    batch = pa.RecordBatch.from_pydict({"Gender": ["male"]})

    with pytest.raises(Unfit, match="did you mean 'gender'"):
        list(answer_all(make_model(), [batch]))


def _linear() -> bytes:
    return made(np.arange(20.0), LinearRegression()).content
