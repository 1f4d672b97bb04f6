from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from convert import ModelFile, Refusal, load, to_onnx, verify
from convert.errors import Differs, Invalid, Unreadable, Unsupported
from convert.report.beside import MARK
from tests.students import make_students

STUDENTS = make_students(200)
X, MATHS = STUDENTS.drop(columns="math_score"), STUDENTS["math_score"]
SCORES = ["reading_score", "writing_score"]


def fit(estimator: object = None) -> Pipeline:
    texts = [str(name) for name in X if name not in SCORES]
    columns = ColumnTransformer(
        [("texts", OneHotEncoder(), texts), ("scores", StandardScaler(), SCORES)]
    )
    return make_pipeline(columns, estimator or LinearRegression()).fit(X, MATHS)


PIPELINE = fit()


@pytest.fixture(scope="module")
def model() -> ModelFile:
    return to_onnx(PIPELINE, X, MATHS, name="maths")


def test_the_signature_has_what_the_rows_tell(model: ModelFile) -> None:
    signature = model.signature
    (target,) = signature.targets
    predicted = PIPELINE.predict(X)

    assert signature.name == "maths"
    assert [feature.name for feature in signature.features] == list(X)
    assert target.name == "math_score"
    assert target.observed == (MATHS.min(), MATHS.max())
    assert signature.provenance.scores["r2_score"] == pytest.approx(
        r2_score(MATHS, predicted)
    )
    assert signature.provenance.scores["mean_absolute_error"] == pytest.approx(
        mean_absolute_error(MATHS, predicted)
    )


def test_what_is_saved_is_loaded_as_it_was(model: ModelFile, tmp_path: Path) -> None:
    path = model.save(f"{tmp_path}/maths.onnx")

    assert load(path) == model
    assert verify(path, PIPELINE, X).largest < 1e-9
    assert model.card().startswith("# Maths\n")


def test_a_card_beside_is_written_again_with_the_model_and_a_text_is_left(
    model: ModelFile, tmp_path: Path
) -> None:
    carded, plain, noted = (tmp_path / name for name in ("a.md", "b.md", "c.md"))
    carded.write_text(f"# Of another\n\n{MARK}\n")
    noted.write_text("# My notes\n")

    for card in (carded, plain, noted):
        model.save(card.with_suffix(".onnx"))

    assert {path.name: path.read_text() for path in tmp_path.glob("*.md")} == {
        "a.md": model.card(),
        "c.md": "# My notes\n",
    }


def test_it_predicts_what_the_pipeline_does(model: ModelFile) -> None:
    rows = STUDENTS[:20].assign(lunch=None)
    known = STUDENTS[:20]

    np.testing.assert_allclose(model.predict(known), PIPELINE.predict(known[list(X)]))
    with pytest.raises(
        Refusal, match=r"20 values are invalid\. #/columns/lunch/0: null is not"
    ):
        model.predict(rows)
    with pytest.raises(Refusal, match=r"#/columns/reading_score/19: 1000.* too large"):
        model.predict(known.assign(reading_score=[1.0] * 19 + [np.inf]))
    with pytest.raises(Refusal, match="gender"):
        model.predict(known.rename(columns={"gender": "gendre"}))


def test_it_predicts_labels_and_several_targets() -> None:
    matrix = X[SCORES].to_numpy(float)
    labels = np.where(MATHS > 60, "good", "bad")
    both = STUDENTS[["math_score", "reading_score"]]
    classifier, regressor = (
        LogisticRegression().fit(matrix, labels),
        Ridge().fit(matrix, both),
    )

    predicted = to_onnx(classifier, matrix).predict(matrix)

    assert predicted.tolist() == classifier.predict(matrix).tolist()
    np.testing.assert_allclose(
        to_onnx(regressor, matrix).predict(matrix), regressor.predict(matrix)
    )


def test_rows_without_names_are_those_that_were_fitted() -> None:
    matrix, labels = X[SCORES].to_numpy(float), MATHS.to_numpy() > 60
    classifier = make_pipeline(StandardScaler(), LogisticRegression()).fit(
        matrix, labels
    )

    signature = to_onnx(classifier, matrix, labels).signature

    assert [feature.name for feature in signature.features] == ["x0", "x1"]
    assert signature.targets[0].classes == (False, True)
    assert signature.provenance.scores["accuracy_score"] == classifier.score(
        matrix, labels
    )


def test_two_targets_have_the_names_of_their_columns() -> None:
    both = STUDENTS[["math_score", "reading_score"]]
    pipeline = Ridge().fit(X[["writing_score"]], both)

    named = to_onnx(pipeline, X[["writing_score"]], both).signature.targets
    unnamed = to_onnx(pipeline, X[["writing_score"]], both.to_numpy()).signature.targets

    assert [target.name for target in named] == ["math_score", "reading_score"]
    assert [target.name for target in unnamed] == ["prediction_1", "prediction_2"]


def test_the_target_may_be_a_column_of_the_rows() -> None:
    (target,) = to_onnx(PIPELINE, STUDENTS, target="math_score").signature.targets

    assert (target.name, target.interval is not None) == ("math_score", True)


def test_a_description_is_read_from_a_file(tmp_path: Path) -> None:
    path = f"{tmp_path}/maths.toml"
    with open(path, "w") as file:
        file.write('title = "Marks"\n[target]\nunit = "points"\n')

    signature = to_onnx(PIPELINE, X, description=path).signature

    assert (signature.title, signature.targets[0].unit) == ("Marks", "points")


def test_a_notebook_shows_what_goes_in_and_how_good_it_is(model: ModelFile) -> None:
    shown = model._repr_html_()

    assert "<caption>maths: LinearRegression, " in shown
    assert "<th scope='row'>reading_score</th><td>number</td>" in shown
    assert "<th scope='row'>r2_score</th><td>0." in shown
    assert repr(model).startswith("ModelFile('maths': LinearRegression, gender, ")


def test_names_are_shown_as_they_are_and_make_no_tags() -> None:
    frame = pd.DataFrame({"<b>": [1.0, 2.0, 3.0]})
    model = to_onnx(LinearRegression().fit(frame, [1.0, 2.0, 3.0]), frame)

    assert "<th scope='row'>&lt;b&gt;</th>" in model._repr_html_()


REFUSED = {
    "fewer rows": (
        {"X": X, "y": MATHS[:3]},
        "X has 200 rows and y has 3: give as many",
    ),
    "two names": (
        {"X": X, "y": MATHS, "target": ["a", "b"]},
        r"y has 1 columns and 2 targets are named \(a, b\)",
    ),
    "no row": ({"X": X[:0]}, "X has no row: give a few that the pipeline can predict"),
    "no column": (
        {"X": X.drop(columns="lunch")},
        "X has no column 'lunch', which the pipeline was fitted on: there is 'gender'",
    ),
    "another file": (
        {"X": X, "description": "none.toml"},
        "there is no file none.toml",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_does_not_fit_together_is_refused(kind: str) -> None:
    arguments, sentence = REFUSED[kind]

    with pytest.raises(Refusal, match=sentence):
        to_onnx(PIPELINE, **arguments)  # type: ignore[arg-type]


def test_a_model_of_another_pipeline_is_told(model: ModelFile) -> None:
    other = fit(Ridge(1000.0))

    with pytest.raises(
        Refusal, match="the model was made from another pipeline; export"
    ):
        verify(model, other, X)
    with pytest.raises(
        Refusal, match=r"the model reads \['gender', .* it was made from"
    ):
        verify(model, Ridge().fit(np.zeros((2, 1)), [0, 1]), np.zeros((2, 1)))


def squared(frame: pd.DataFrame) -> pd.DataFrame:
    return frame**2


def test_the_kind_of_a_refusal_can_be_told_without_its_words(
    model: ModelFile, tmp_path: Path
) -> None:
    scores = X[SCORES]
    own = make_pipeline(FunctionTransformer(squared), Ridge()).fit(scores, MATHS)
    cut = Path(tmp_path, "cut.onnx")
    cut.write_bytes(model.content[:100])

    with pytest.raises(Unsupported):
        to_onnx(own, scores)
    with pytest.raises(Differs) as differs:
        verify(model, fit(Ridge(1000.0)), X)
    with pytest.raises(Unreadable):
        load(cut)
    with pytest.raises(Invalid):
        to_onnx(PIPELINE, X, name="a/b")

    assert list(differs.value.row.index) == list(X)
    assert {each.__base__ for each in (Unsupported, Differs, Unreadable, Invalid)} == {
        Refusal
    }
