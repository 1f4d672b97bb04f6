from pathlib import Path

import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from convert.refusal import Refusal
from convert.sample import Sample, read_sample

HOMES = pd.DataFrame(
    {"area": [50.0, 80, 120], "built": [1990, 2004, 1950], "price": [100.0, 190, 200]}
)


def make_pipeline(*columns: str) -> LinearRegression:
    return LinearRegression().fit(HOMES[list(columns)], HOMES["price"])


def write(folder: Path, table: pd.DataFrame) -> Path:
    table.to_csv(folder / "rows.csv", index=False)
    return folder / "rows.csv"


def read(folder: Path, *targets: str) -> Sample:
    return read_sample(write(folder, HOMES), make_pipeline("built", "area"), targets)


def test_the_truth_is_what_the_targets_name(tmp_path: Path) -> None:
    sample = read(tmp_path, "price")

    assert list(sample.frame) == ["built", "area"]
    truth = sample.truth(["price"])
    assert truth is not None
    assert truth.equals(HOMES[["price"]])


def test_a_target_may_name_what_is_predicted_where_no_column_is_left(
    tmp_path: Path,
) -> None:
    path = write(tmp_path, HOMES[["area"]])

    sample = read_sample(path, make_pipeline("area"), ["cost"])

    assert sample.truth(["cost"]) is None


def test_a_target_that_is_not_among_the_columns_left_is_refused(tmp_path: Path) -> None:
    sample = read(tmp_path, "prise")

    with pytest.raises(Refusal) as refusal:
        sample.truth(["prise"])

    assert str(refusal.value) == (
        f"{tmp_path}/rows.csv has no column 'prise': did you mean 'price'?"
    )
