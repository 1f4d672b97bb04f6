import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    StandardScaler,
)

from convert.__main__ import main
from server.batch import Columns
from server.contracts.predict.rows import RowReader
from server.model import Model
from tests.pairs import NUMBERS, TEXTS, make_homes, with_gaps
from tests.test_saved_environments import ROOT, TUTORIAL

pytestmark = pytest.mark.usefixtures("without_wall")

COLUMNS = [*NUMBERS, *TEXTS]


def make_preprocessor() -> ColumnTransformer:
    return ColumnTransformer(
        [
            ("n", make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS),
            ("t", OneHotEncoder(handle_unknown="ignore"), TEXTS),
        ]
    )


def save(folder: Path, estimator: Any, target: str | list[str] = "price") -> Path:
    """Fit on homes, save, and write a sample of other homes beside it."""
    homes = with_gaps(make_homes(), ["distance"])
    pipeline = make_pipeline(make_preprocessor(), estimator)
    joblib.dump(
        pipeline.fit(homes[:180][COLUMNS], homes[:180][target]), folder / "p.joblib"
    )
    homes[180:].to_csv(folder / "rows.csv", index=False)
    return folder / "p.joblib"


def run(folder: Path, *words: str | Path, sample: str = "rows.csv") -> int:
    """Run the command on the files of `save`."""
    output = folder / "out" / "home.onnx"
    command = ["export", *map(str, words), "--sample", str(folder / sample)]
    return main([*command, "--output", str(output)])


def serve(folder: Path, rows: pd.DataFrame) -> list[Any]:
    """Return what the server predicts for JSON rows, in the words of its answers."""
    model = Model.load(folder / "out" / "home.onnx")
    body = rows.to_json(orient="records", double_precision=15).encode()
    reader = RowReader(model.signature, max_rows=1000)
    columns = Columns(model.signature.features).of(reader.read(body).rows)
    predictions = model.predictions(model.predict(columns, len(rows)))
    model.close()
    return predictions


def test_a_saved_pipeline_is_served_as_scikit_learn_predicts(tmp_path: Path) -> None:
    path = save(tmp_path, RandomForestRegressor(10, random_state=0))

    status = run(tmp_path, path, "--target", "price")

    rows = with_gaps(make_homes(), ["distance"])[180:][COLUMNS]
    assert status == 0
    np.testing.assert_allclose(
        serve(tmp_path, rows), joblib.load(path).predict(rows), rtol=1e-14
    )


def test_columns_that_the_pipeline_does_not_read_are_no_features(
    tmp_path: Path,
) -> None:
    path = save(tmp_path, Ridge())

    run(tmp_path, path, "--target", "price")

    model = Model.load(tmp_path / "out" / "home.onnx")
    assert [feature.name for feature in model.signature.features] == COLUMNS
    assert model.output_names == ("prediction", "contributions")


def test_a_column_that_the_pipeline_drops_is_no_feature(tmp_path: Path) -> None:
    homes = make_homes()
    pipeline = make_pipeline(make_preprocessor(), Ridge())
    joblib.dump(
        pipeline.fit(homes[[*COLUMNS, "lift", "rent"]], homes["price"]), tmp_path / "p"
    )
    homes[[*COLUMNS, "lift"]].to_csv(tmp_path / "rows.csv", index=False)

    assert run(tmp_path, tmp_path / "p") == 0

    model = Model.load(tmp_path / "out" / "home.onnx")
    assert [feature.name for feature in model.signature.features] == COLUMNS


def test_a_classifier_returns_its_labels(tmp_path: Path) -> None:
    path = save(tmp_path, RandomForestClassifier(10, random_state=0), "sold")

    run(tmp_path, path, "--target", "sold")

    rows = with_gaps(make_homes(), ["distance"])[180:][COLUMNS]
    model = Model.load(tmp_path / "out" / "home.onnx")
    assert serve(tmp_path, rows) == joblib.load(path).predict(rows).tolist()
    assert model.signature.targets[0].classes == ("no", "yes")
    assert set(model.signature.provenance.scores) == {"accuracy_score"}


@pytest.mark.parametrize(
    ("labels", "written"),
    [
        (("01", "02"), ("01", "02")),
        ((False, True), (0, 1)),
        ((0, 1), (False, True)),
        (("1", "2"), (1, 2)),
    ],
)
def test_labels_are_the_same_however_a_table_writes_them(
    tmp_path: Path, labels: tuple[Any, Any], written: tuple[Any, Any]
) -> None:
    homes = make_homes()
    is_sold = homes["sold"] == "yes"
    pipeline = LogisticRegression(max_iter=1000)
    pipeline.fit(homes[["rooms"]], np.where(is_sold, *labels[::-1]))
    homes["sold"] = np.where(is_sold, *written[::-1])
    homes[["rooms", "sold"]].to_csv(tmp_path / "rows.csv", index=False)
    joblib.dump(pipeline, tmp_path / "p.joblib")

    assert run(tmp_path, tmp_path / "p.joblib", "--target", "sold") == 0

    expected = (pipeline.predict(homes[["rooms"]]) == labels[1]) == is_sold
    signature = Model.load(tmp_path / "out" / "home.onnx").signature
    assert signature.provenance.scores == {"accuracy_score": expected.mean()}


def test_a_target_that_is_the_same_in_every_row_has_no_share_explained(
    tmp_path: Path,
) -> None:
    path = save(tmp_path, Ridge())
    rows = pd.read_csv(tmp_path / "rows.csv", keep_default_na=False, na_values="")
    rows.assign(price=7.0).to_csv(tmp_path / "rows.csv", index=False)

    assert run(tmp_path, path, "--target", "price") == 0

    signature = Model.load(tmp_path / "out" / "home.onnx").signature
    assert set(signature.provenance.scores) == {
        "mean_absolute_error",
        "root_mean_squared_error",
    }


def test_several_targets_are_predicted_together(tmp_path: Path) -> None:
    path = save(tmp_path, Ridge(), ["price", "rent"])

    run(tmp_path, path, "--target", "price", "--target", "rent")

    rows = with_gaps(make_homes(), ["distance"])[180:][COLUMNS]
    served = pd.DataFrame(serve(tmp_path, rows))
    expected = joblib.load(path).predict(rows)
    assert list(served) == ["price", "rent"]
    np.testing.assert_allclose(served.to_numpy(), expected, rtol=1e-12)


def test_a_preprocessor_and_a_model_apart_become_one_graph(tmp_path: Path) -> None:
    pipeline = joblib.load(save(tmp_path, Ridge()))
    joblib.dump(pipeline[0], tmp_path / "preprocessor.pkl")
    joblib.dump(pipeline[1], tmp_path / "model.pkl")

    status = run(
        tmp_path,
        *("--preprocessor", tmp_path / "preprocessor.pkl"),
        *("--model", tmp_path / "model.pkl"),
    )

    assert status == 0


def test_labelled_rows_give_scores_and_an_interval(tmp_path: Path) -> None:
    run(tmp_path, save(tmp_path, Ridge()), "--target", "price")

    model = Model.load(tmp_path / "out" / "home.onnx")
    (target,) = model.signature.targets
    assert (target.name, target.interval and target.interval.n_rows) == ("price", 60)
    prices = make_homes()[180:]["price"]
    assert target.observed == (prices.min(), prices.max())
    assert model.signature.provenance.scores["r2_score"] > 0.5
    card = (tmp_path / "out" / "home.md").read_text()
    assert "The true `price` lies within ±" in card
    assert "scatters by ±4% (one standard deviation): give 100 or more." in card


def test_the_observed_range_is_of_the_rows_that_have_a_label(tmp_path: Path) -> None:
    path = save(tmp_path, Ridge())
    rows = pd.read_csv(tmp_path / "rows.csv", keep_default_na=False, na_values="")
    low, *_, high = sorted(rows["price"])[5:-5]
    rows["price"] = rows["price"].where(rows["price"].between(low, high))
    rows.to_csv(tmp_path / "rows.csv", index=False)

    run(tmp_path, path, "--target", "price")

    (target,) = Model.load(tmp_path / "out" / "home.onnx").signature.targets
    assert target.observed == (low, high)
    assert target.interval is not None
    assert target.interval.n_rows == 50


def test_unlabelled_rows_tell_nothing_of_the_target(tmp_path: Path) -> None:
    path = save(tmp_path, Ridge())
    rows = pd.read_csv(tmp_path / "rows.csv", keep_default_na=False, na_values="")
    rows[COLUMNS].to_csv(tmp_path / "rows.csv", index=False)

    run(tmp_path, path, "--target", "price")

    (target,) = Model.load(tmp_path / "out" / "home.onnx").signature.targets
    assert (target.observed, target.interval) == (None, None)


@pytest.mark.parametrize(
    ("estimator", "targets", "said", "message"),
    [
        (
            RandomForestClassifier(10, random_state=0),
            ["sold"],
            "minimum = 0",
            "the description gives the target bounds and the pipeline predicts labels: "
            "remove minimum and maximum from its [target]",
        ),
        (
            Ridge(),
            ["price", "rent"],
            'unit = "euros"',
            "the description has a [target] and the pipeline predicts 2 (price, rent): "
            "remove it, it would be of one only",
        ),
    ],
)
def test_a_description_that_is_not_of_what_is_predicted_is_refused(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    estimator: Any,
    targets: list[str],
    said: str,
    message: str,
) -> None:
    path = save(tmp_path, estimator, targets if len(targets) > 1 else targets[0])
    (tmp_path / "home.toml").write_text(f"[target]\n{said}\n")
    words = [word for target in targets for word in ("--target", target)]

    status = run(tmp_path, path, *words, "--description", tmp_path / "home.toml")

    assert (status, capsys.readouterr().err.splitlines()[-1]) == (
        2,
        f"refused: {message}",
    )


def test_labels_that_the_pipeline_knows_nothing_of_are_doubted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save(tmp_path, Ridge())
    rows = pd.read_csv(tmp_path / "rows.csv", keep_default_na=False, na_values="")
    rows["price"] = rows["price"].to_numpy()[::-1]
    rows.to_csv(tmp_path / "rows.csv", index=False)

    run(tmp_path, path, "--target", "price")

    assert "\nR² is below 0: " in capsys.readouterr().out


def test_parquet_keeps_the_dtypes_of_categories_and_booleans(tmp_path: Path) -> None:
    homes = make_homes().assign(town=lambda h: h["town"].astype("category"))
    columns = ["distance", "town", "lift"]
    pipeline = make_pipeline(
        ColumnTransformer([("c", OrdinalEncoder(), ["town"])], remainder="passthrough"),
        RandomForestRegressor(10, random_state=0),
    )
    joblib.dump(pipeline.fit(homes[columns], homes["price"]), tmp_path / "p.joblib")
    homes[columns].to_parquet(tmp_path / "rows.parquet")

    assert run(tmp_path, tmp_path / "p.joblib", sample="rows.parquet") == 0

    expected = pipeline.predict(homes[columns])
    kinds = [f.kind for f in Model.load(tmp_path / "out/home.onnx").signature.features]
    assert kinds == ["number", "category", "boolean"]
    np.testing.assert_allclose(serve(tmp_path, homes[columns]), expected, rtol=1e-14)


def test_a_post_code_that_was_fitted_as_text_stays_text(tmp_path: Path) -> None:
    homes = make_homes().assign(code=lambda h: "0" + h["rooms"].astype(str))
    pipeline = make_pipeline(OneHotEncoder(), Ridge())
    joblib.dump(pipeline.fit(homes[["code"]], homes["price"]), tmp_path / "p.joblib")
    homes[["code"]].to_csv(tmp_path / "rows.csv", index=False)

    assert run(tmp_path, tmp_path / "p.joblib") == 0

    (feature,) = Model.load(tmp_path / "out" / "home.onnx").signature.features
    assert feature.categories == ("01", "02", "03", "04", "05", "06")


def test_a_pipeline_that_was_fitted_on_an_array_reads_columns_by_position(
    tmp_path: Path,
) -> None:
    homes = make_homes()
    pipeline = make_pipeline(StandardScaler(), PolynomialFeatures(2), Ridge())
    pipeline.fit(homes[NUMBERS].to_numpy(), homes["price"])
    joblib.dump(pipeline, tmp_path / "p.joblib")
    homes[[*NUMBERS, "price"]].to_csv(tmp_path / "rows.csv", index=False)

    assert run(tmp_path, tmp_path / "p.joblib", "--target", "price") == 0

    expected = pipeline.predict(homes[NUMBERS].to_numpy())
    np.testing.assert_allclose(serve(tmp_path, homes[NUMBERS]), expected, rtol=1e-12)


MISTAKES = {
    "lacks a column": "has no column 'built', which the pipeline was fitted on: there is 'area",
    "names no target": "has no column 'prise': did you mean 'price'?",
    "names a feature": "the target 'town' is a column that the pipeline reads",
    "names a text": "the target 'sold' of .* holds 'yes' and the pipeline predicts",
    "names too many": "the pipeline predicts 1 targets and 2 are named",
    "is cut off": "is damaged or was cut off",
    "is not fitted": "that is not fitted",
    "is not there": "there is no file",
    "has another ending": "give it a name ending in .onnx",
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_gets_one_sentence(
    mistake: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, words = save(tmp_path, Ridge()), ["--target", "price"]
    rows = pd.read_csv(tmp_path / "rows.csv", keep_default_na=False, na_values="")
    match mistake:
        case "lacks a column":
            rows.drop(columns="built").to_csv(tmp_path / "rows.csv", index=False)
        case "names no target":
            words = ["--target", "prise"]
        case "names a feature":
            words = ["--target", "town"]
        case "names a text":
            words = ["--target", "sold"]
        case "names too many":
            words = ["--target", "price", "--target", "rent"]
        case "is cut off":
            path.write_bytes(path.read_bytes()[:-40])
        case "is not fitted":
            joblib.dump(make_pipeline(StandardScaler(), Ridge()), path)
        case "is not there":
            path.unlink()
        case "has another ending":
            words = ["--output", "home.txt"]

    output = ["--output", str(tmp_path / "home.onnx")]
    sample = ["--sample", str(tmp_path / "rows.csv")]
    status = main(["export", str(path), *sample, *output, *words])

    import re

    printed = capsys.readouterr().err.splitlines()[-1]
    assert (status, bool(re.search(MISTAKES[mistake], printed))) == (2, True), printed
    assert not list(tmp_path.glob("*.onnx"))


def test_what_onnx_cannot_say_is_refused_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    homes = make_homes()
    squared = FunctionTransformer(lambda X: X**2)
    import dill

    pipeline = make_pipeline(squared, LinearRegression())
    pipeline.fit(homes[NUMBERS], homes["price"])
    (tmp_path / "p.pkl").write_bytes(dill.dumps(pipeline, recurse=True))
    homes.to_csv(tmp_path / "rows.csv", index=False)

    status = run(tmp_path, tmp_path / "p.pkl", "--trust", "everything")

    assert status == 2
    assert "lambda" in capsys.readouterr().err


def test_inspect_and_verify_read_what_export_wrote(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save(tmp_path, LogisticRegression(max_iter=2000), "sold")
    run(tmp_path, path, "--target", "sold")
    file = str(tmp_path / "out" / "home.onnx")
    capsys.readouterr()

    statuses = [main(["verify", file]), main(["inspect", file])]
    sample = str(tmp_path / "rows.csv")
    statuses.append(main(["verify", file, "--pipeline", str(path), "--sample", sample]))
    printed = capsys.readouterr().out
    main(["inspect", file, "--json"])
    inspected = json.loads(capsys.readouterr().out)

    assert statuses == [0, 0, 0]
    assert "sold: one of no, yes" in printed
    assert "differ by at most" in printed
    assert inspected["signature"]["estimator"] == "LogisticRegression"
    assert inspected["graph"]["outputs"] == ["label_index", "probabilities"]


@pytest.mark.slow
def test_files_of_scikit_learn_1_3_2_are_exported_and_verified_with_one_command_each(
    tmp_path: Path,
) -> None:
    from convert.saved.environments import Environment, cache_folder, requirements
    from convert.saved.interpreters import find_interpreter
    from tests.test_saved_environments import DILL

    packages = requirements("1.3.2", [DILL])
    old = Environment("1.3.2", find_interpreter("1.3.2"), packages).python(
        cache_folder()
    )
    made = subprocess.run(
        [old, "-c", TUTORIAL],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    from tests.students import make_students

    make_students().to_csv(tmp_path / "rows.csv", index=False)

    parts = ["--preprocessor", "preprocessor.pkl", "--model", "model.pkl"]
    parts += ["--sample", "rows.csv"]
    output = ["--target", "math_score", "--output", "out/home.onnx"]
    converted, verified = (
        subprocess.run(
            [sys.executable, "-m", "convert", *words, *parts],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT), "PINION_CACHE": str(cache_folder())},
            capture_output=True,
            text=True,
        )
        for words in (["export", *output], ["verify", "out/home.onnx"])
    )

    assert converted.returncode == 0, converted.stderr
    assert verified.returncode == 0, verified.stderr
    measured, again = (
        each.stdout.splitlines()[-1].partition(";")[0] for each in (converted, verified)
    )
    assert measured == again
    assert measured.startswith("On 400 rows")
    rows = make_students().drop(columns="math_score")[:5]
    expected = json.loads(made.stdout)
    model = Model.load(tmp_path / "out" / "home.onnx")
    discrepancy = model.signature.provenance.discrepancy
    assert model.signature.provenance.libraries["scikit-learn"] == "1.3.2"
    assert discrepancy is not None
    np.testing.assert_allclose(
        serve(tmp_path, rows), expected, atol=discrepancy.tolerance, rtol=0
    )
