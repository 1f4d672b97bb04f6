import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import compose
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline
from sklearn.pipeline import make_pipeline as chain
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from convert.errors import Refusal
from convert.fitted.sample import Sample, read_sample

HOMES = pd.DataFrame(
    {"area": [50.0, 80, 120], "built": [1990, 2004, 1950], "price": [100.0, 190, 200]}
)


def make_fitted(*columns: str) -> LinearRegression:
    return LinearRegression().fit(HOMES[list(columns)], HOMES["price"])


def write(folder: Path, table: pd.DataFrame) -> Path:
    table.to_csv(folder / "rows.csv", index=False)
    return folder / "rows.csv"


def read(folder: Path, *targets: str) -> Sample:
    return read_sample(write(folder, HOMES), make_fitted("built", "area"), targets)


def test_the_truth_is_what_the_targets_name(tmp_path: Path) -> None:
    sample = read(tmp_path, "price")

    assert list(sample.frame) == ["built", "area"]
    truth = sample.truth(["price"])
    assert truth is not None
    assert truth.equals(HOMES[["price"]])


def test_the_sample_is_what_the_pipeline_reads_and_what_it_does_not(
    tmp_path: Path,
) -> None:
    path = write(tmp_path, HOMES)

    sample = read_sample(path, make_fitted("built", "area"), [])

    assert sample.path == path
    assert sample.frame.equals(HOMES[["built", "area"]])
    assert sample.others.equals(HOMES[["price"]])
    assert sample.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_column_that_changes_no_prediction_is_left_out(tmp_path: Path) -> None:
    pipeline = compose.make_column_transformer(("passthrough", ["area"]))
    pipeline = chain(pipeline, LinearRegression())
    pipeline.fit(HOMES[["built", "area"]], HOMES["price"])

    sample = read_sample(write(tmp_path, HOMES), pipeline, [])

    assert (list(sample.frame), list(sample.others)) == (["area"], ["price"])


def with_bonus(homes: pd.DataFrame) -> pd.DataFrame:
    """Add what may be left out, as somebody's own function does."""
    bonus = homes.get("bonus", 0.0)
    return homes[["area"]].assign(area=homes["area"] + bonus)


def test_a_column_that_few_rows_need_is_read_though_the_pipeline_takes_rows_without(
    tmp_path: Path,
) -> None:
    homes = pd.DataFrame({"area": np.arange(100.0), "bonus": 0.0})
    homes.loc[70, "bonus"] = 30.0
    pipeline = chain(FunctionTransformer(with_bonus), LinearRegression())
    pipeline.fit(homes, homes["area"] + homes["bonus"])

    sample = read_sample(write(tmp_path, homes), pipeline, [])

    assert list(sample.frame) == ["area", "bonus"]


@pytest.mark.parametrize("step", [None, FunctionTransformer(np.log1p)])
@pytest.mark.parametrize("wrap", [False, True])
def test_lightgbm_is_not_asked_with_fewer_columns_of_which_it_would_write(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    step: FunctionTransformer | None,
    wrap: bool,
) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    regressor = lightgbm.LGBMRegressor(n_estimators=2, verbose=-1)
    if wrap:
        regressor = compose.TransformedTargetRegressor(regressor)
    pipeline = chain(step, regressor).fit(HOMES[["built", "area"]], HOMES["price"])

    sample = read_sample(write(tmp_path, HOMES), pipeline, ["price"])

    assert list(sample.frame) == ["built", "area"]
    assert capfd.readouterr() == ("", "")


def test_a_pipeline_of_an_array_reads_all_but_the_targets_in_their_order(
    tmp_path: Path,
) -> None:
    columns = ["built", "area"]
    pipeline = LinearRegression().fit(HOMES[columns].to_numpy(), HOMES["price"])

    sample = read_sample(
        write(tmp_path, HOMES[["price", *columns]]), pipeline, ["price"]
    )

    assert (list(sample.frame), list(sample.others)) == (columns, ["price"])


CODES = HOMES.assign(area=["01", "02", "10"])


def make_encoded() -> Pipeline:
    """Return a pipeline that was fitted on codes as texts."""
    return chain(OneHotEncoder(), LinearRegression()).fit(
        CODES[["area"]], CODES["price"]
    )


def test_codes_are_texts_where_texts_were_fitted_in_any_csv_file(
    tmp_path: Path,
) -> None:
    path = tmp_path / "rows.txt"
    CODES[["area", "built"]].to_csv(path, index=False)

    sample = read_sample(path, make_encoded(), [])

    assert sample.frame["area"].tolist() == ["01", "02", "10"]


def test_what_stands_for_a_missing_value_does_so_among_codes(tmp_path: Path) -> None:
    path = write(tmp_path, pd.DataFrame({"area": ["01", "none", "02"]}))

    sample = read_sample(path, make_encoded(), [], missing=["none"])

    assert sample.frame["area"].isna().tolist() == [False, True, False]


def test_a_parquet_file_is_read_as_it_is_but_for_what_is_dropped(
    tmp_path: Path,
) -> None:
    path = tmp_path / "rows.parquet"
    HOMES.rename(columns={"built": "7"}).to_parquet(path)

    sample = read_sample(path, make_fitted("area"), [], drop=["7"])

    assert sample.frame.equals(HOMES[["area"]])
    assert list(sample.others) == ["price"]


def parquet(folder: Path, table: pd.DataFrame) -> Path:
    table.to_parquet(folder / "rows.parquet")
    return folder / "rows.parquet"


MISTAKES: dict[str, tuple[Callable[[Path], Sample], str]] = {
    "lacks a column": (
        lambda folder: read_sample(
            write(folder, HOMES[["area"]]), make_fitted("area", "built"), []
        ),
        "rows.csv has no column 'built', which the pipeline was fitted on: there is "
        "'area'",
    ),
    "lacks a column of categories": (
        lambda folder: read_sample(
            write(folder, HOMES[["built"]]),
            chain(
                compose.make_column_transformer((OneHotEncoder(), ["area"])),
                LinearRegression(),
            ).fit(CODES, CODES["price"]),
            [],
        ),
        "rows.csv has no column 'area' (nor 'price'), which the pipeline was fitted on: "
        "there is 'built'",
    ),
    "has none of the columns": (
        lambda folder: read_sample(
            write(folder, HOMES[["price"]]), make_fitted("area"), []
        ),
        "rows.csv has no column 'area', which the pipeline was fitted on: there is "
        "'price'",
    ),
    "has texts where numbers were fitted": (
        lambda folder: read_sample(
            write(folder, HOMES.assign(area=list("abc"))), make_fitted("area"), []
        ),
        "the pipeline takes no row of rows.csv (could not convert string to float: 'a'): "
        "give it columns of the kind that were fitted (a Parquet file keeps their "
        "dtypes)",
    ),
    "names a column that is read": (
        lambda folder: read_sample(write(folder, HOMES), make_fitted("area"), ["area"]),
        "the target 'area' is a column that the pipeline reads: name what it predicts",
    ),
    "has another number of columns": (
        lambda folder: read_sample(
            write(folder, HOMES),
            LinearRegression().fit(HOMES[["area"]].to_numpy(), HOMES["price"]),
            ["price"],
        ),
        "the pipeline was fitted on an array of 1 columns and rows.csv has 2, 'area', "
        "'built': leave the others out, and name the target with --target",
    ),
    "drops what is not there": (
        lambda folder: read_sample(
            parquet(folder, HOMES), make_fitted("area"), [], drop=["bilt"]
        ),
        "rows.parquet has no column 'bilt': did you mean 'built'? There is also 'area', "
        "'price'",
    ),
    "has no row": (
        lambda folder: read_sample(parquet(folder, HOMES[:0]), make_fitted("area"), []),
        "rows.parquet has no row: add rows that the pipeline can predict",
    ),
    "has numbers for texts": (
        lambda folder: read_sample(
            parquet(folder, HOMES.assign(area=[1, 2, 10])), make_encoded(), []
        ),
        "column 'area' of rows.parquet holds numbers and the pipeline was fitted on "
        "texts there: write them as texts",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_sample_of_something_else_is_refused(mistake: str, tmp_path: Path) -> None:
    make, sentence = MISTAKES[mistake]

    with pytest.raises(Refusal) as refusal:
        make(tmp_path)

    assert str(refusal.value).replace(f"{tmp_path}/", "") == sentence


def test_an_estimator_that_takes_no_row_at_all_is_not_blamed_on_the_sample(
    tmp_path: Path,
) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    regressor = lightgbm.LGBMRegressor(n_estimators=2, verbose=-1)
    regressor.fit(HOMES[["area"]], HOMES["price"])
    regressor._n_classes = None  # as 3.3.5 wrote it

    with pytest.raises(Refusal) as refusal:
        read_sample(write(tmp_path, HOMES), chain(regressor), [])

    here = f"lightgbm {lightgbm.__version__}"
    assert str(refusal.value) == (
        f"LGBMRegressor takes no row at all beside {here} ('>' not supported between "
        "instances of 'NoneType' and 'int'), and was perhaps fitted with another "
        "version: install the lightgbm that saved it here, or fit the pipeline again "
        f"with {here}"
    )


def test_what_is_no_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    path.write_text("area\n1\n")

    with pytest.raises(Refusal, match=r"rows\.parquet cannot be read as Parquet \("):
        read_sample(path, make_fitted("area"), [])


def test_a_target_may_name_what_is_predicted_where_no_column_is_left(
    tmp_path: Path,
) -> None:
    path = write(tmp_path, HOMES[["area"]])

    sample = read_sample(path, make_fitted("area"), ["cost"])

    assert sample.truth(["cost"]) is None


def test_a_target_that_is_not_among_the_columns_left_is_refused(tmp_path: Path) -> None:
    sample = read(tmp_path, "prise")

    with pytest.raises(Refusal) as refusal:
        sample.truth(["prise"])

    assert str(refusal.value) == (
        f"{tmp_path}/rows.csv has no column 'prise': did you mean 'price'?"
    )


@pytest.mark.parametrize("save", [write, parquet])
def test_columns_have_the_names_that_the_pipeline_was_fitted_on(
    tmp_path: Path, save: Callable[[Path, pd.DataFrame], Path]
) -> None:
    raw = save(tmp_path, HOMES.rename(columns={"built": "year built"}))

    sample = read_sample(
        raw, make_fitted("area", "built"), [], rename=["year built=built"]
    )

    assert sample.frame.equals(HOMES[["area", "built"]])
