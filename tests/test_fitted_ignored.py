"""Which columns of a table a model file names though no feature is among them."""

from pathlib import Path

import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline, make_pipeline

from convert import to_onnx
from convert.conversion import convert
from convert.fitted.ignored import ignored_columns
from convert.fitted.sample import read_sample
from convert.tables.description import Description
from convert.tables.table import read_table
from convert.training.train import Regressor, train
from server.signature import MAX_IGNORED_BYTES, MAX_IGNORED_NAMES
from tests.models import GENDER, LUNCH, SCORE
from tests.students import make_students

HOMES = pd.DataFrame(
    {
        "id": ["a", "b", "c", "d"],
        "area": [50.0, 80, 120, 95],
        "sold": pd.to_datetime(["2020-01-01"] * 4),
        "built": [1990, 2004, 1950, 1999],
        "price": [100.0, 190, 200, 210],
        "rooms": [2, 3, 4, 5],
    }
)


def fit_selecting(*fitted: str) -> Pipeline:
    """Fit a pipeline that reads `area` and `rooms`, and drops what else it is given."""
    columns = make_column_transformer(("passthrough", ["area", "rooms"]))
    frame = HOMES[[*fitted]]
    return make_pipeline(columns, LinearRegression()).fit(frame, HOMES["price"])


def test_all_but_the_features_is_ignored_in_the_order_of_the_table() -> None:
    columns = ["id", "gender", "math score", "lunch/meal", "reading score", "id", ""]

    assert ignored_columns(columns, (GENDER, LUNCH, SCORE)) == ("id", "math score", "")


def test_a_name_that_no_json_can_hold_is_left_out() -> None:
    assert ignored_columns(["a\ud800", "é\n"], (SCORE,)) == ("é\n",)


@pytest.mark.parametrize(
    ("names", "n_bytes"),
    [
        ([f"{number:04}" for number in range(MAX_IGNORED_NAMES)], 4000),
        (["a" * (MAX_IGNORED_BYTES - 2), "é"], MAX_IGNORED_BYTES),
    ],
)
def test_too_many_names_are_not_named_and_a_sentence_says_so(
    names: list[str], n_bytes: int, caplog: pytest.LogCaptureFixture
) -> None:
    features = (SCORE,)

    assert ignored_columns([SCORE.name, *names], features) == tuple(names)
    assert caplog.messages == []
    assert ignored_columns([*names, "b"], features) == ()
    assert caplog.messages == [
        f"the table has {len(names) + 1} columns that the pipeline does not read, with "
        f"names of {n_bytes + 1} bytes, and a file can name 1000 with 32768 bytes: it "
        "names none, and the server refuses a row that has one; remove from the table "
        "those that no row will have"
    ]


@pytest.mark.parametrize(
    "fitted", [("rooms", "area"), ("id", "area", "sold", "built", "rooms")]
)
def test_an_exported_file_names_what_its_pipeline_drops_and_the_target(
    fitted: tuple[str, ...], tmp_path: Path
) -> None:
    pipeline = fit_selecting(*fitted)
    HOMES.to_parquet(tmp_path / "rows.parquet")
    sample = read_sample(tmp_path / "rows.parquet", pipeline, ["price"])

    model = convert(pipeline, sample, ["price"], Description(name="homes"))

    others = ("id", "sold", "built", "price")
    assert model.signature.ignored == others
    assert to_onnx(pipeline, HOMES).signature.ignored == others


def test_a_column_that_was_left_out_is_ignored_if_the_pipeline_never_had_it(
    tmp_path: Path,
) -> None:
    HOMES.to_csv(tmp_path / "rows.csv", index=False)
    pipeline = fit_selecting("area", "built", "rooms")

    sample = read_sample(
        tmp_path / "rows.csv",
        pipeline,
        ["price"],
        rename=["id=key"],
        drop=["built", "key", "sold"],
    )

    assert sample.columns == ("area", "price", "rooms", "key", "sold")


def test_a_trained_file_names_the_target_and_what_was_left_out(tmp_path: Path) -> None:
    students = make_students(90).assign(id=range(90))
    students.to_csv(tmp_path / "students.csv", index=False)
    table = read_table(tmp_path / "students.csv", drop=["id", "lunch"])

    trained = train(table, "math_score", Description(name="maths"), Regressor())

    signature = trained.exported.signature
    assert signature.ignored == ("math_score", "id", "lunch")
    assert {feature.name for feature in signature.features} == {*students} - {
        *signature.ignored
    }
