import numpy as np
import pandas as pd
import pytest
from onnx import TensorProto
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from convert.fitted.features import describe
from convert.fitted.oracle import Answers, Oracle
from convert.graph.builder import Graph
from convert.lowering.estimators import emit
from convert.lowering.fold import add_folded, fold
from convert.proof.discrepancy import Proof, Tolerance
from convert.proof.golden import golden_tolerance, make_golden_rows
from convert.tables.description import Description
from convert.training.regressors import make_candidate
from server.signature import Feature, GoldenRow, Target
from tests.students import EDUCATIONS, make_students


def make_rows(n_columns: int = 7) -> tuple[tuple[GoldenRow, ...], tuple[Feature, ...]]:
    frame = make_students(300).drop(columns="math_score").iloc[:, -n_columns:]
    pipeline = fitted(frame)
    features = describe(Oracle(pipeline), frame, Description())
    return make_golden_rows(prove(pipeline, features, frame), features, frame), features


def prove(
    pipeline: Pipeline, features: tuple[Feature, ...], frame: pd.DataFrame
) -> Proof:
    oracle = Oracle(pipeline)
    folded = fold(Oracle(pipeline), features, frame)
    assert folded is not None
    graph = Graph()
    prediction, _ = add_folded(graph, folded, features)
    graph.output("prediction", prediction, TensorProto.DOUBLE, ["n_rows", 1])
    return Proof(oracle, graph.model().SerializeToString(), features, frame)


def fitted(frame: pd.DataFrame) -> Pipeline:
    numbers = [str(name) for name in frame.select_dtypes("number")]
    categories = [str(name) for name in frame if name not in numbers]
    pipeline = make_candidate("linear", numbers, categories, seed=0)
    return pipeline.fit(frame, np.arange(len(frame)))


def test_every_category_missing_value_and_end_is_replayed() -> None:
    golden, features = make_rows()
    rows = [row.row for row in golden]

    seen = {feature.name: {row[feature.name] for row in rows} for feature in features}
    assert seen["parental_level_of_education"] == {*EDUCATIONS, None}
    assert seen["lunch"] == {"free/reduced", "standard", None}
    low, high = features[-1].observed or (0, 0)
    assert seen["writing_score"] == {low, high, features[-1].typical, None}


def test_rows_are_few_and_different() -> None:
    frame = pd.DataFrame(
        {
            "town": [f"town {number:02}" for number in range(40)],
            "lunch": ["standard", "free/reduced"] * 20,
        }
    )
    pipeline = fitted(frame)
    features = describe(Oracle(pipeline), frame, Description())

    golden = make_golden_rows(prove(pipeline, features, frame), features, frame)

    typical = {"town": "town 00", "lunch": "free/reduced"}
    assert [row.row for row in golden] == [
        typical,
        {"town": None, "lunch": None},
        {"town": "town 01", "lunch": "standard"},
        *({**typical, "town": f"town {number:02}"} for number in range(2, 29)),
    ]


def test_a_row_is_made_up_once() -> None:
    golden, _ = make_rows()
    rows = [row.row for row in golden]

    assert not any(row in rows[:i] for i, row in enumerate(rows))
    assert len(rows) == 17


def test_a_table_of_numbers_has_golden_rows() -> None:
    golden, features = make_rows(n_columns=2)

    assert golden[0].row == {feature.name: feature.typical for feature in features}
    assert len(golden) == 6


def test_predictions_are_those_of_scikit_learn() -> None:
    frame = make_students(300)[["lunch", "reading_score"]]
    pipeline = fitted(frame)
    features = describe(Oracle(pipeline), frame, Description())

    golden = make_golden_rows(prove(pipeline, features, frame), features, frame)

    rows = pd.DataFrame([row.row for row in golden])
    rows["lunch"] = rows["lunch"].astype("str")
    expected = pipeline.predict(rows.astype({"reading_score": float}))
    np.testing.assert_array_equal([row.predictions[0] for row in golden], expected)


def test_a_row_without_a_finite_prediction_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frame = make_students(300).drop(columns="math_score")
    pipeline = fitted(frame)
    features = describe(Oracle(pipeline), frame, Description())
    proof = prove(pipeline, features, frame)
    whole = make_golden_rows(proof, features, frame)
    answer = proof.oracle.answer

    def answer_with_gaps(rows: pd.DataFrame) -> Answers:
        values = answer(rows).values.copy()
        values[0], values[2] = np.nan, np.inf
        return Answers(values)

    monkeypatch.setattr(Proof, "agrees", lambda _, rows: np.full(len(rows), True))
    monkeypatch.setattr(proof.oracle, "answer", answer_with_gaps)

    assert make_golden_rows(proof, features, frame) == (whole[1], *whole[3:])


@pytest.mark.parametrize(
    ("predictions", "tolerance"), [((100.0, -200.0), 0.2), ((1.0, 2.0), 0.04)]
)
def test_the_tolerance_is_a_small_share_of_the_largest_golden_prediction(
    predictions: tuple[float, ...],
    tolerance: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frame = make_students(300).drop(columns="math_score")
    pipeline = fitted(frame)
    features = describe(Oracle(pipeline), frame, Description())
    proof = prove(pipeline, features, frame)
    monkeypatch.setattr(proof, "tolerance", Tolerance(0.1, 100.0))
    rows = [GoldenRow(row={}, predictions=(value,)) for value in predictions]

    assert golden_tolerance(proof, [Target(name="y")], rows) == tolerance


def test_golden_rows_of_a_classifier_have_labels_probabilities_and_its_tolerance() -> (
    None
):
    frame = pd.DataFrame({"x": np.arange(10.0)})
    classifier = LogisticRegression().fit(frame, ["no"] * 4 + ["yes"] * 6)
    features = describe(Oracle(classifier), frame, Description())
    graph = Graph()
    outputs = emit(graph, classifier, graph.input("x", TensorProto.DOUBLE), 1)
    assert outputs.label_index is not None
    assert outputs.probabilities is not None
    graph.output("label_index", outputs.label_index, TensorProto.INT64, ["n_rows", 1])
    graph.output(
        "probabilities", outputs.probabilities, TensorProto.DOUBLE, ["n_rows", 2]
    )
    model = graph.model().SerializeToString()
    proof = Proof(Oracle(classifier), model, features, frame)

    golden = make_golden_rows(proof, features, frame)

    rows = pd.DataFrame([{"x": x} for x in (4.5, 0.0, 9.0)])
    shares = classifier.predict_proba(rows).tolist()
    assert golden == tuple(
        GoldenRow(row={"x": x}, predictions=(label,), probabilities=tuple(share))
        for x, label, share in zip(
            rows["x"], classifier.predict(rows), shares, strict=True
        )
    )
    target = Target(name="y", kind="classification", classes=("no", "yes"))
    assert golden_tolerance(proof, [target], golden) == 1e-11
