import hashlib
import re
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, PoissonRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from convert.errors import Refusal
from convert.export import export
from convert.tables.description import (
    Description,
    FeatureDescription,
    TargetDescription,
)
from convert.training.regressors import make_candidate
from server import signature as signatures
from server.model import Model
from server.signature import Provenance
from tests.students import make_students

NUMBERS = ["reading_score", "writing_score"]


def make_fitted() -> tuple[Pipeline, pd.DataFrame]:
    students = make_students(150)
    X = students.drop(columns="math_score")
    categories = [str(name) for name in X if name not in NUMBERS]
    pipeline = make_candidate("linear", NUMBERS, categories, seed=0)
    return pipeline.fit(X, students["math_score"]), X


def test_the_file_is_served_with_its_golden_rows(tmp_path: Path) -> None:
    pipeline, X = make_fitted()
    path = tmp_path / "maths.onnx"

    exported = export(pipeline, X, X, ["y"], Description(name="maths"), Provenance())
    path.write_bytes(exported.content)
    model = Model.load(path)

    assert model.signature == exported.signature
    assert model.output_names == ("prediction", "contributions")
    model.close()


def test_the_signature_holds_what_was_said_and_found() -> None:
    pipeline, X = make_fitted()
    description = Description(
        name="maths",
        title="Mathematics",
        description="For show.",
        target=TargetDescription(unit="points"),
        features={"lunch": FeatureDescription(title="Meal")},
    )

    signature = export(
        pipeline, X, X.head(90), ["math_score"], description, Provenance(n_rows=150)
    ).signature

    assert signature.protocol == signatures.PROTOCOL
    assert (signature.name, signature.title) == ("maths", "Mathematics")
    assert (signature.description, signature.estimator) == (
        "For show.",
        "LinearRegression",
    )
    assert [feature.name for feature in signature.features] == list(X)
    assert {feature.name: feature.title for feature in signature.features}[
        "lunch"
    ] == "Meal"
    (target,) = signature.targets
    assert (target.name, target.title, target.unit) == (
        "math_score",
        "Math score",
        "points",
    )
    assert target.baseline == pytest.approx(pipeline.predict(X).mean())
    assert signature.provenance.n_rows == 150
    assert set(signature.provenance.libraries) == {"pinion", "onnx", "scikit-learn"}
    assert signature.provenance.discrepancy is not None
    assert signature.provenance.discrepancy.n_rows == 90
    # a golden row may predict a little more than any row of the table
    assert signature.golden_tolerance == pytest.approx(1e-9, rel=0.1)


def test_the_version_is_the_hash_of_the_graph_alone() -> None:
    pipeline, X = make_fitted()
    exported = export(pipeline, X, X, ["y"], Description(name="maths"), Provenance())

    model = onnx.load_from_string(exported.content)
    del model.metadata_props[:]
    model.ClearField("producer_version")

    graph = model.SerializeToString(deterministic=True)
    assert exported.signature.version == hashlib.sha256(graph).hexdigest()[:12]


def test_the_same_pipeline_gives_the_same_bytes() -> None:
    pipeline, X = make_fitted()

    contents = [
        export(pipeline, X, X, ["y"], Description(name="maths"), Provenance()).content
        for _ in range(2)
    ]

    assert contents[0] == contents[1]


def test_the_date_comes_from_source_date_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline, X = make_fitted()
    dates = []

    for epoch in ("", "1700000000"):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
        exported = export(
            pipeline, X, X, ["y"], Description(name="maths"), Provenance()
        )
        dates.append(exported.signature.created)

    assert dates == ["", "2023-11-14T22:13:20Z"]


def test_a_date_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline, X = make_fitted()
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "today")

    with pytest.raises(Refusal, match="SOURCE_DATE_EPOCH is 'today'"):
        export(pipeline, X, X, ["y"], Description(name="maths"), Provenance())


@pytest.mark.parametrize("name", ["", "a b", "é", "a/b"])
def test_a_name_that_does_not_fit_in_a_url_is_refused(name: str) -> None:
    pipeline, X = make_fitted()

    with pytest.raises(Refusal, match="in URLs it can have letters"):
        export(pipeline, X, X, ["y"], Description(name=name), Provenance())


def test_a_pipeline_that_does_not_fold_is_lowered() -> None:
    pipeline, X = make_fitted()
    pipeline = Pipeline([("a", pipeline[0]), ("b", PoissonRegressor())]).fit(
        X, range(150)
    )

    exported = export(pipeline, X, X, ["y"], Description(name="maths"), Provenance())

    (target,) = exported.signature.targets
    assert (exported.signature.estimator, target.baseline) == ("PoissonRegressor", None)


def test_bounds_and_the_observed_range_stand_in_the_signature() -> None:
    pipeline, X = make_fitted()
    description = Description(
        name="maths", target=TargetDescription(minimum=-0.5, maximum=1e9)
    )

    (target,) = export(
        pipeline, X, X, ["y"], description, Provenance(), observed=[(-0.5, 1e9)]
    ).signature.targets

    assert (target.minimum, target.maximum, target.observed) == (-0.5, 1e9, (-0.5, 1e9))


@pytest.mark.parametrize(
    ("observed", "message"),
    [
        ((-1.0, 101.0), "'y' is -1 in a row, below the minimum in the description"),
        ((0.0, 101.0), "'y' is 101 in a row, above the maximum in the description"),
    ],
)
def test_rows_beyond_the_bounds_are_refused(
    observed: tuple[float, float], message: str
) -> None:
    pipeline, X = make_fitted()
    target = TargetDescription(minimum=0, maximum=100)
    description = Description(name="maths", target=target)

    with pytest.raises(Refusal, match=message):
        export(pipeline, X, X, ["y"], description, Provenance(), observed=[observed])


class Squared:
    """Passes for numpy's sqrt, and computes something else."""

    __name__ = "sqrt"

    def __call__(self, X: pd.DataFrame) -> pd.DataFrame:
        return X**2

    def __eq__(self, other: object) -> bool:
        return other is np.sqrt

    def __hash__(self) -> int:
        return hash(np.sqrt)


def test_a_graph_that_differs_from_the_pipeline_is_refused() -> None:
    X = make_students(50)[["reading_score"]]
    pipeline = make_pipeline(FunctionTransformer(Squared()), LinearRegression())
    pipeline.fit(X, 2 * X["reading_score"])
    row = pd.DataFrame({"reading_score": [100]})

    with pytest.raises(Refusal) as refusal:
        export(pipeline, row, row, ["y"], Description(name="maths"), Provenance())

    assert re.fullmatch(
        r"for the row {'reading_score': .*} the graph predicts [\d.e-]+ and "
        r"scikit-learn [\d.e-]+, which is further apart than [\d.e-]+: nothing was "
        "written; please report the pipeline with this row",
        str(refusal.value),
    )
