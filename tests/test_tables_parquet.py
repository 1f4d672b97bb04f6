import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

from convert.errors import Refusal
from convert.fitted.sample import read_sample
from convert.tables.parquet import read_parquet

array: Any = pd.array
categorical: Any = pd.Categorical
to_datetime: Any = pd.to_datetime
"""Their types know no dtype of pyarrow's and no missing date."""

NAN = float("nan")
DAY = datetime.date(2026, 3, 1)

KNOWN = {
    "decimal": ([Decimal("1.10"), None], [1.1, NAN], "float64"),
    "nullable integer": (array([2, None], "Int64"), [2.0, NAN], "float64"),
    "whole nullable integer": (array([2, 3], "Int8"), [2, 3], "int64"),
    "nullable number": (array([2.5, None], "Float64"), [2.5, NAN], "float64"),
    "half": (np.array([2.5, 3], np.float16), [2.5, 3.0], "float64"),
    "single": (
        np.array([0.1, 3], np.float32),
        [float(np.float32(0.1)), 3.0],
        "float64",
    ),
    "unsigned": (np.array([1, 2], np.uint8), [1, 2], "int64"),
    "huge": (np.array([1, 2**64 - 1], np.uint64), [1.0, 2.0**64], "float64"),
    "boolean": ([True, False], [True, False], "bool"),
    "nullable boolean": (array([True, None], "boolean"), [True, NAN], "object"),
    "whole nullable boolean": (
        array([True, False], "boolean"),
        [True, False],
        "bool",
    ),
    "text": (array(["a", None], "string"), ["a", NAN], "object"),
    "categories": (pd.Categorical(["a", None]), ["a", NAN], "category"),
    "categories of decimals": (
        *(pd.Categorical([Decimal("1.5"), None]), [1.5, NAN], "float64"),
    ),
    "arrow integer": (
        *(array([2, None], pd.ArrowDtype(pa.int64())), [2.0, NAN], "float64"),
    ),
    "arrow boolean": (
        *(array([True, None], pd.ArrowDtype(pa.bool_())), [True, NAN], "object"),
    ),
}

UNKNOWN = {
    "date": ([DAY, None], "dates"),
    "time": ([datetime.time(7, 30), None], "times of day"),
    "timestamp": (to_datetime(["2026-03-01", None]), "dates"),
    "timestamp of a zone": (to_datetime(["2026-03-01", None], utc=True), "dates"),
    "duration": (pd.to_timedelta([3, None], unit="D"), "durations"),
    "list": ([[1, 2], None], "lists"),
    "struct": ([{"a": 1}, None], "records"),
    "bytes": ([b"a", None], "bytes"),
    "period": (pd.period_range("2026-03", periods=2, freq="M"), "periods"),
    "interval": (pd.interval_range(0, 2), "intervals"),
    "categories of dates": (
        categorical(to_datetime(["2026-03-01", None])),
        "dates",
    ),
    "arrow date": (array([DAY, None], pd.ArrowDtype(pa.date32())), "dates"),
    "arrow bytes": (array([b"a", None], pd.ArrowDtype(pa.binary())), "bytes"),
}


def write(folder: Path, values: Any) -> Path:
    path = folder / "rows.parquet"
    pd.DataFrame({"area": [50.0, 80.0], "it": values}).to_parquet(path)
    return path


@pytest.mark.parametrize("name", KNOWN)
def test_numbers_texts_and_truths_are_read(tmp_path: Path, name: str) -> None:
    values, expected, dtype = KNOWN[name]

    read = read_parquet(write(tmp_path, values))

    assert read.unknown == {}
    assert str(read.frame["it"].dtype) == dtype
    found = [NAN if pd.isna(value) else value for value in read.frame["it"]]
    assert repr(np.array(found, object).tolist()) == repr(expected)


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_column_of_anything_else_is_named_and_refused_where_it_is_read(
    tmp_path: Path, name: str
) -> None:
    values, kind = UNKNOWN[name]
    path = write(tmp_path, values)
    homes = pd.DataFrame({"area": [50.0, 80.0], "it": [1.0, 3.0]})
    both = LinearRegression().fit(homes, [1.0, 2.0])
    chosen = make_column_transformer(("passthrough", ["area"]))
    area = make_pipeline(chosen, LinearRegression()).fit(homes, [1.0, 2.0])

    assert read_parquet(path).unknown == {"it": kind}
    assert list(read_sample(path, area, []).frame) == ["area"]
    with pytest.raises(Refusal) as refusal:
        read_sample(path, both, [])
    assert str(refusal.value).startswith(
        f"column 'it' holds {kind}, which ONNX does not know: "
    )


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    column = pa.array([1.0, 2.0])
    parquet.write_table(pa.Table.from_arrays([column, column], ["a", "a"]), path)

    with pytest.raises(
        Refusal, match=r"rows\.parquet (has several columns called 'a'|can)"
    ):
        read_parquet(path)


def test_a_type_that_pandas_has_not_is_refused_in_one_sentence(tmp_path: Path) -> None:
    dtype = pd.ArrowDtype(pa.list_(pa.int64()))
    path = write(tmp_path, array([[1], None], dtype))

    with pytest.raises(Refusal) as refusal:
        read_parquet(path)

    assert str(refusal.value) == (
        f"{path} cannot be read as Parquet (data type 'list<item: int64>[pyarrow]' not "
        "understood): write it again with columns of numbers and texts only"
    )
