from pathlib import Path
from types import ModuleType
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn import linear_model, neighbors
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from convert.errors import Refusal
from convert.export import export
from convert.fitted.frame import make_columns
from convert.fitted.oracle import Oracle
from convert.proof.ties import tied_neighbours
from convert.tables.description import Description
from convert.training.regressors import make_preprocessor
from server.model import Model
from server.signature import Provenance
from tests import others, pairs
from tests.others import CONVERTED, Maker
from tests.pairs import all_pairs, refused_pairs
from tests.reload import reload
from tests.students import make_students

STORY = {
    "DecisionTreeRegressor",
    "RandomForestRegressor",
    "AdaBoostRegressor",
    "XGBRegressor",
    "CatBoostRegressor",
}

pytestmark = pytest.mark.filterwarnings("ignore")  # of the libraries, while fitting


STUDENT_REGRESSORS = [
    linear_model.LinearRegression(),
    linear_model.Ridge(),
    linear_model.Lasso(),
    neighbors.KNeighborsRegressor(),
    *(r for r in pairs.tree_regressors() if type(r).__name__ in STORY),
]


def serve(
    pipeline: Any, X: pd.DataFrame, targets: list[str], folder: Path
) -> tuple[Any, float]:
    """Export, load as the server does, predict; return that and the tolerance."""
    exported = export(pipeline, X, X, targets, Description(name="home"), Provenance())
    path = folder / "home.onnx"
    path.write_bytes(exported.content)
    model = Model.load(path)
    columns = make_columns(X, model.signature.features)
    predictions = model.predictions(model.predict(columns, len(X)))
    model.close()
    return predictions, exported.signature.golden_tolerance


def check(
    pipeline: Any,
    X: pd.DataFrame,
    targets: list[str],
    folder: Path,
    pickler: ModuleType = joblib,
) -> None:
    loaded = reload(pipeline, folder, pickler)
    served, tolerance = serve(loaded, X, targets, folder)

    expected = np.asarray(pipeline.predict(X))
    if hasattr(pipeline, "classes_"):
        assert served == np.ravel(expected).tolist()
        return
    found = pd.DataFrame(served).to_numpy().reshape(expected.shape)
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    "pickler",
    [joblib, pytest.param(skops.io, marks=pytest.mark.slow)],
    ids=["joblib", "skops"],
)
@pytest.mark.parametrize("maker", CONVERTED, ids=lambda maker: maker.__name__[1:])
def test_saved_pipelines_of_other_people_are_served_as_they_predicted(
    maker: Maker, pickler: ModuleType, tmp_path: Path
) -> None:
    pipeline, X, target = others.fit(maker)

    check(pipeline, X, [target], tmp_path, pickler)


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (0, "it calls a lambda, which takes powers, so that"),
        (1, "has cat_features, whose"),
    ],
)
def test_what_onnx_cannot_say_is_refused_with_a_way_out(
    number: int, sentence: str
) -> None:
    pair = list(refused_pairs())[number]
    pipeline, X = pairs.fit(pair)

    with pytest.raises(Refusal, match=sentence):
        export(pipeline, X, X, pair.target, Description(name="home"), Provenance())


@pytest.mark.parametrize(
    "regressor", STUDENT_REGRESSORS, ids=lambda each: type(each).__name__
)
def test_the_nine_saved_regressors_of_the_students_are_served_as_they_predicted(
    regressor: Any, tmp_path: Path
) -> None:
    students = make_students(300)
    X = students.drop(columns="math_score")
    numbers = ["reading_score", "writing_score"]
    words = [str(name) for name in X if name not in numbers]
    pipeline = make_pipeline(make_preprocessor(numbers, words), clone(regressor))
    pipeline.fit(X[:200], students["math_score"][:200])

    loaded = reload(pipeline, tmp_path)
    served, tolerance = serve(loaded, X, ["math_score"], tmp_path)

    expected = pipeline.predict(X)
    decided = ~tied_neighbours(Oracle(pipeline), X)
    assert decided.mean() > 0.5
    np.testing.assert_allclose(
        np.array(served)[decided], expected[decided], rtol=0, atol=tolerance
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "pair",
    all_pairs()[::3],
    ids=lambda pair: f"{pair.preprocessing}-{pair.estimator}-{'-'.join(pair.target)}",
)
def test_saved_pairs_are_served_as_they_predicted(
    pair: pairs.Pair, tmp_path: Path
) -> None:
    if pair.preprocessing in ("KNNImputer", "a lambda", "none"):
        pytest.skip("refused, as docs/coverage.md says")
    pipeline, X = pairs.fit(pair)

    check(pipeline, X, pair.target, tmp_path)
