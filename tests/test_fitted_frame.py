import numpy as np
import pandas as pd
import pytest

from convert.fitted.frame import Row, make_columns, make_frame
from server.signature import MISSING_TEXT, Feature


def make_sample() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "whole": [1, 2],
            "real": [0.5, 1.5],
            "text": ["a", "b"],
            "flag": [True, False],
            "kind": pd.Categorical(["x", "y"]),
        }
    )


def test_rows_take_the_dtypes_of_the_sample() -> None:
    sample = make_sample()
    row: Row = {"whole": 7, "real": 2, "text": "c", "flag": True, "kind": "y"}

    frame = make_frame([row], sample)

    assert frame.dtypes.tolist() == sample.dtypes.tolist()
    assert frame.to_dict("records") == [row]


def test_a_missing_value_makes_the_dtype_that_pandas_reads() -> None:
    sample = make_sample()

    frame = make_frame([dict.fromkeys(sample.columns)], sample)

    assert frame.isna().all(axis=None)
    assert frame.dtypes.tolist() == [
        np.dtype("float64"),
        np.dtype("float64"),
        sample["text"].dtype,
        np.dtype("object"),
        sample["kind"].dtype,
    ]


@pytest.mark.parametrize("missing", [None, np.nan])
def test_an_object_column_keeps_its_own_missing_value(missing: float | None) -> None:
    sample = pd.DataFrame({"text": pd.Series(["a", missing], dtype=object)})

    frame = make_frame([{"text": None}], sample)

    assert frame["text"].iloc[0] is missing


def test_a_fraction_or_a_huge_number_is_kept_in_a_column_of_whole_numbers() -> None:
    rows = [{"whole": 2.5}, {"whole": 1e300}]

    frame = make_frame(rows, make_sample()[["whole"]])

    assert frame["whole"].tolist() == [2.5, 1e300]


def test_the_graph_is_given_strings_and_doubles() -> None:
    frame = pd.DataFrame(
        {"lunch": ["free", None], "score": [1, 2], "passed": [True, None]}
    )
    features = [
        Feature(name="lunch", input="lunch", kind="category", categories=("free",)),
        Feature(name="score", input="score", kind="number"),
        Feature(
            name="passed", input="passed", kind="boolean", categories=(False, True)
        ),
    ]

    lunch, score, passed = make_columns(frame, features)

    assert lunch == ["free", MISSING_TEXT]
    assert score == [1.0, 2.0]
    assert str(passed) == "[1.0, nan]"
