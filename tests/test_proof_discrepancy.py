import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from msgspec.structs import replace
from onnx import TensorProto
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from convert.errors import Refusal
from convert.export import export
from convert.fitted import own
from convert.fitted.oracle import Oracle
from convert.graph.builder import Graph
from convert.lowering.estimators import emit
from convert.proof.discrepancy import LAST_DIGITS, Proof
from convert.proof.edges import edge_rows, edges
from convert.tables.description import Description
from server.signature import Discrepancy, Feature, Provenance
from tests.encoders import Default, Mean, Pairs, Pattern, make_flats

FEATURE = Feature(
    name="x", input="x", kind="number", required=True, observed=(0.0, 9.0), typical=4.5
)
FRAME = pd.DataFrame({"x": np.arange(10.0)})


def make_pipeline_of(y: np.typing.ArrayLike) -> Pipeline:
    return make_pipeline(StandardScaler(), LinearRegression()).fit(FRAME, y)


def make_graph(slope: float, intercept: float) -> bytes:
    """Return a graph that predicts slope · x + intercept."""
    graph = Graph()
    x = graph.input("x", TensorProto.DOUBLE)
    product = graph.add("Mul", x, graph.constant([[slope]], float))
    total = graph.add("Add", product, graph.constant([[intercept]], float))
    graph.output("prediction", total, TensorProto.DOUBLE, ["n_rows", 1])
    return bytes(graph.model().SerializeToString())


def measure_discrepancy(
    pipeline: Any, model: bytes, features: list[Feature], frame: pd.DataFrame
) -> Discrepancy:
    oracle = Oracle(pipeline)
    return Proof(oracle, model, features, frame).measure()


def test_a_faithful_graph_is_measured_on_table_and_edges(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pipeline = make_pipeline_of(2 * FRAME["x"] + 1)

    found = measure_discrepancy(pipeline, make_graph(2, 1), [FEATURE], FRAME)

    assert (found.n_rows, found.n_edge_rows) == (10, 13 + 7 * 10)
    assert found.tolerance == 1e-10  # predictions reach 19
    assert 0 < found.largest < 1e-10
    assert caplog.messages == []


def test_rows_that_scikit_learn_refuses_are_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pipeline = make_pipeline_of(2 * FRAME["x"] + 1)
    frame = pd.concat([FRAME, pd.DataFrame({"x": [np.nan, np.nan, np.inf]})])

    found = measure_discrepancy(pipeline, make_graph(2, 1), [FEATURE], frame)

    assert found.n_rows == 10
    assert caplog.messages == ["scikit-learn refuses 3 rows of the sample itself"]


def test_a_difference_beyond_the_table_is_reduced_in_proportion() -> None:
    pipeline = make_pipeline_of(2 * FRAME["x"] + 1)

    found = measure_discrepancy(pipeline, make_graph(2 + 2e-13, 1), [FEATURE], FRAME)

    # 2e-13 · 9009 where 18019 is predicted, and 19 for the last row of the table
    assert found.largest == pytest.approx(2e-13 * 9009 * 19 / 18019, rel=0.05)


@pytest.mark.parametrize(
    ("scale", "tolerance"), [(100, 1e-09), (1, 1e-11), (1e6, 1e-05), (1e-9, 1e-20)]
)
def test_the_tolerance_follows_the_size_of_the_predictions(
    scale: float, tolerance: float
) -> None:
    pipeline = make_pipeline_of(FRAME["x"] / 9 * scale)
    graph = make_graph(scale / 9, 0)

    found = measure_discrepancy(pipeline, graph, [FEATURE], FRAME)

    assert found.tolerance == pytest.approx(tolerance)


@pytest.mark.parametrize(
    ("slope", "intercept"), [(2, 1.001), (2.00001, 1), (2, float("nan"))]
)
def test_a_graph_that_differs_is_refused(slope: float, intercept: float) -> None:
    pipeline = make_pipeline_of(2 * FRAME["x"] + 1)

    with pytest.raises(Refusal, match="which is further apart than"):
        measure_discrepancy(pipeline, make_graph(slope, intercept), [FEATURE], FRAME)


def test_a_refusal_shows_the_worst_row_side_by_side() -> None:
    pipeline = make_pipeline_of(2 * FRAME["x"] + 1)

    with pytest.raises(Refusal) as caught:
        measure_discrepancy(pipeline, make_graph(2, 1.5), [FEATURE], FRAME.tail(1))

    assert str(caught.value) == (
        "for the row {'x': 9.0} the graph predicts 19.5 and scikit-learn 19.0, which "
        "is further apart than 1e-10"
    )


def test_a_graph_that_is_wrong_only_beyond_the_table_is_refused() -> None:
    clip = FunctionTransformer(lambda X: X.clip(upper=9))
    pipeline = make_pipeline(clip, LinearRegression()).fit(FRAME, FRAME["x"])

    with pytest.raises(Refusal, match=r"'x': 9009\.0"):
        measure_discrepancy(pipeline, make_graph(1, 0), [FEATURE], FRAME)


def test_the_tolerance_is_never_below_the_noise_of_scikit_learn(
    caplog: pytest.LogCaptureFixture,
) -> None:
    by_batch = FunctionTransformer(lambda X: X + 1e-6 * len(X))
    pipeline = make_pipeline(by_batch, LinearRegression()).fit(FRAME, FRAME["x"])

    found = measure_discrepancy(pipeline, make_graph(1, 0), [FEATURE], FRAME)

    noise = 1e-6 * (10 - 1)
    assert found.tolerance == pytest.approx(4 * noise)
    assert "the model is ill-conditioned" in caplog.text


def test_the_tolerance_allows_what_the_last_digits_of_the_numbers_change() -> None:
    frame = FRAME + 1e6
    centre = FunctionTransformer(lambda X: X - 1e6)
    pipeline = make_pipeline(centre, LinearRegression()).fit(frame, FRAME["x"])
    graph = make_graph(1, -1e6)
    feature = replace(FEATURE, observed=(1e6, 1e6 + 9), typical=1e6 + 4.5)

    found = measure_discrepancy(pipeline, graph, [feature], frame)

    changed = 1_000_009 * LAST_DIGITS
    assert found.tolerance == pytest.approx(4 * changed, rel=5e-4)


def test_a_last_digit_that_decides_a_side_excuses_nothing() -> None:
    step = FunctionTransformer(lambda X: (X >= 4) * 1.0)
    pipeline = make_pipeline(step, LinearRegression()).fit(FRAME, FRAME["x"] >= 4)
    graph = Graph()
    x = graph.input("x", TensorProto.DOUBLE)
    four = graph.constant([4.0])
    side = graph.add("GreaterOrEqual", x, four)
    share = graph.add("Cast", side, to=TensorProto.DOUBLE)
    half = graph.add("Where", graph.add("Equal", x, four), graph.constant([0.5]), share)
    graph.output("prediction", half, TensorProto.DOUBLE, ["n_rows", 1])

    with pytest.raises(Refusal, match=r"'x': 4.0\} the graph predicts 0.5 and "):
        measure_discrepancy(
            pipeline, graph.model().SerializeToString(), [FEATURE], FRAME
        )


def test_a_model_whose_noise_could_hide_a_wrong_graph_is_refused() -> None:
    by_batch = FunctionTransformer(lambda X: X + 0.01 * len(X))
    pipeline = make_pipeline(by_batch, LinearRegression()).fit(FRAME, FRAME["x"])

    with pytest.raises(Refusal, match="nothing can be proved of a model so ill-cond"):
        measure_discrepancy(pipeline, make_graph(1, 0), [FEATURE], FRAME)


def make_classifier_graph(
    estimator: Any,
    low: float,
    high: float,
    flips: bool = True,
    moves: float = 0.0,
) -> bytes:
    """Return a graph of two classes that is wrong where low <= x <= high.

    There its label is the other class if it `flips`, and each probability `moves`.
    """
    graph = Graph()
    x = graph.input("x", TensorProto.DOUBLE)
    outputs = emit(graph, estimator, x, 1)
    assert outputs.label_index is not None
    assert outputs.probabilities is not None
    above = graph.add("GreaterOrEqual", x, graph.constant([low], float))
    below = graph.add("LessOrEqual", x, graph.constant([high], float))
    wrong = graph.add("And", above, below)
    other = graph.add("Sub", graph.constant([1], "int64"), outputs.label_index)
    label = outputs.label_index
    if flips:
        label = graph.add("Where", wrong, other, label)
    shift = graph.add(
        "Mul", graph.add("Cast", wrong, to=TensorProto.DOUBLE), graph.constant([moves])
    )
    shares = graph.add("Add", outputs.probabilities, shift)
    graph.output("label_index", label, TensorProto.INT64, ["n_rows", 1])
    graph.output("probabilities", shares, TensorProto.DOUBLE, ["n_rows", 2])
    return bytes(graph.model().SerializeToString())


def make_logistic() -> LogisticRegression:
    return LogisticRegression().fit(FRAME, ["no"] * 4 + ["yes"] * 6)


def test_a_faithful_classifier_is_measured_by_its_probabilities() -> None:
    graph = make_classifier_graph(make_logistic(), 99, 0)

    found = measure_discrepancy(make_logistic(), graph, [FEATURE], FRAME)

    assert found == Discrepancy(
        largest=found.largest, tolerance=1e-11, n_rows=10, n_edge_rows=83
    )
    assert found.largest < 1e-14


def test_one_wrong_label_is_refused_though_its_probabilities_are_right() -> None:
    logistic = make_logistic()
    shares = logistic.predict_proba(FRAME.iloc[[7]])[0].tolist()

    with pytest.raises(Refusal) as caught:
        measure_discrepancy(
            logistic, make_classifier_graph(logistic, 7, 7), [FEATURE], FRAME
        )

    here, there = str(caught.value).split(" and scikit-learn ")
    start = "for the row {'x': 7.0} the graph predicts no with probabilities "
    assert here.startswith(start)
    np.testing.assert_allclose(json.loads(here.removeprefix(start)), shares, atol=1e-12)
    assert there == (
        f"yes with probabilities {shares}, which is further apart than 1e-11"
    )


def test_probabilities_that_are_off_by_ten_tolerances_are_refused() -> None:
    graph = make_classifier_graph(make_logistic(), 7, 7, flips=False, moves=1e-10)

    with pytest.raises(
        Refusal, match=r"for the row \{'x': 7.0\} the graph predicts yes"
    ):
        measure_discrepancy(make_logistic(), graph, [FEATURE], FRAME)


def test_probabilities_that_are_off_by_less_are_measured() -> None:
    graph = make_classifier_graph(make_logistic(), 7, 7, flips=False, moves=1e-12)

    found = measure_discrepancy(make_logistic(), graph, [FEATURE], FRAME)

    assert found.largest == pytest.approx(1e-12, rel=1e-3)
    assert found.n_ambiguous == 0


def make_tied_tree() -> DecisionTreeClassifier:
    """Below 3.5 both classes are equally probable, above only one is."""
    return DecisionTreeClassifier(max_depth=1, min_samples_leaf=4).fit(
        FRAME, list("abab") + ["b"] * 6
    )


def test_a_label_between_equally_probable_classes_is_excused_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tree = make_tied_tree()
    graph = make_classifier_graph(tree, -1e9, 3.5)

    found = measure_discrepancy(tree, graph, [FEATURE], FRAME)

    tied = [int((rows["x"] <= 3.5).sum()) for rows in (FRAME, edges([FEATURE], FRAME))]
    assert found.n_ambiguous == sum(tied)
    assert found == Discrepancy(
        largest=0.0,
        tolerance=1e-11,
        n_rows=10,
        n_edge_rows=83,
        n_ambiguous=found.n_ambiguous,
    )
    assert f"on {found.n_ambiguous} rows two neighbours" in caplog.text


@pytest.mark.parametrize(("high", "moves"), [(4.0, 0.0), (3.5, 1e-9)])
def test_a_wrong_label_beside_a_clear_or_a_wrong_probability_is_not_excused(
    high: float, moves: float
) -> None:
    graph = make_classifier_graph(make_tied_tree(), -1e9, high, moves=moves)

    with pytest.raises(Refusal, match="which is further apart than 1e-11"):
        measure_discrepancy(make_tied_tree(), graph, [FEATURE], FRAME)


def test_a_graph_that_is_right_in_a_batch_alone_is_refused() -> None:
    pipeline = make_pipeline_of(2 * FRAME["x"] + 1)
    graph = Graph()
    x = graph.input("x", TensorProto.DOUBLE)
    n_rows = graph.add("Gather", graph.add("Shape", x), graph.constant([0], "int64"))
    alone = graph.add("Equal", n_rows, graph.constant([1], "int64"))
    slope = graph.add("Where", alone, graph.constant([3.0]), graph.constant([2.0]))
    total = graph.add("Add", graph.add("Mul", x, slope), graph.constant([1.0]))
    graph.output("prediction", total, TensorProto.DOUBLE, ["n_rows", 1])
    model = graph.model().SerializeToString()

    with pytest.raises(Refusal, match=r"9\.0\} the graph predicts 28\.0 and"):
        measure_discrepancy(pipeline, model, [FEATURE], FRAME.iloc[1:])


def test_edge_rows_hold_each_accepted_extreme_among_typical_and_missing_values() -> (
    None
):
    group = Feature(
        name="group",
        input="group",
        kind="category",
        categories=("a", "b"),
        unknown="ignore",
        typical="a",
    )

    rows = list(edge_rows([group, FEATURE]))

    assert rows[0] == {"group": None, "x": 4.5}
    assert [row["group"] for row in rows[1:11:2]] == [None, "a", "b", "unknown", "?"]
    assert rows[11:] == [
        {"group": group, "x": x}
        for x in (0.0, 9.0, 3.0, -9000.0, 9009.0, 0)
        for group in ("a", None)
    ]


def test_a_scaler_in_float32_before_a_tree_is_refused() -> None:
    """The commonest wrong prediction: a threshold lies halfway between two values."""
    frame = pd.DataFrame({"x": np.arange(1, 60) / 10})
    pipeline = make_pipeline(StandardScaler(), DecisionTreeRegressor())
    pipeline.fit(frame, np.arange(59.0) % 7)
    feature = Feature(
        name="x", input="x", kind="number", observed=(0.1, 5.9), typical=3
    )
    graph = Graph()
    x = graph.add("Cast", graph.input("x", TensorProto.DOUBLE), to=TensorProto.FLOAT)
    moved = graph.add("Sub", x, graph.constant(pipeline[0].mean_[None], np.float32))
    scaled = graph.add(
        "Div", moved, graph.constant(pipeline[0].scale_[None], np.float32)
    )
    wide = graph.add("Cast", scaled, to=TensorProto.DOUBLE)
    outputs = emit(graph, pipeline[-1], wide, 1)
    assert outputs.prediction is not None
    graph.output("prediction", outputs.prediction, TensorProto.DOUBLE, ["n_rows", 1])

    with pytest.raises(Refusal, match="which is further apart than"):
        measure_discrepancy(
            pipeline, graph.model().SerializeToString(), [feature], frame
        )


FLATS = make_flats()


def encode(encoder: Any, columns: list[str]) -> Pipeline:
    made = ColumnTransformer(
        [("encoder", encoder, columns), ("area", StandardScaler(), ["area"])]
    )
    pipeline = make_pipeline(made, LinearRegression())
    return pipeline.fit(FLATS[[*columns, "area"]], FLATS["price"])


@pytest.mark.parametrize(
    ("encoder", "columns", "row"),
    [
        (Mean(), ["town"], "'town': 'Oslo'"),
        (Default(), ["town"], "'town': 'Oslo'"),
        (Pattern(), ["code"], "'code': "),
    ],
    ids=["mean", "default", "pattern"],
)
def test_a_table_of_the_sample_alone_is_refused_where_an_encoder_knows_more(
    encoder: Any, columns: list[str], row: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proof does not trust who says that all other values are unknown."""
    monkeypatch.setattr(own, "is_own", lambda transformer: True)
    pipeline = encode(encoder, columns)
    sample = FLATS[FLATS["town"] != "Oslo"][[*columns, "area"]].head(60)

    with pytest.raises(Refusal, match=f"for the row .*{row}.* further apart"):
        export(pipeline, sample, sample, ["y"], Description(name="flat"), Provenance())


def test_columns_that_are_looked_up_together_are_refused() -> None:
    pipeline = encode(Pairs(), ["town", "kind"])
    frame = FLATS[["town", "kind", "area"]]

    with pytest.raises(Refusal, match="depends on 'town' and 'kind' together"):
        export(pipeline, frame, frame, ["y"], Description(name="flat"), Provenance())


def test_rows_that_the_model_refuses_are_set_aside(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pipeline = encode(Mean(), ["town"])
    frame = FLATS[["town", "area"]].head(50)
    exported = export(
        pipeline, frame, frame, ["y"], Description(name="flat"), Provenance()
    )
    rows = pd.concat([frame, frame.head(3).assign(town="Atlantis")])
    oracle = Oracle(pipeline)

    found = Proof(oracle, exported.content, exported.signature.features, rows).measure()

    assert found.n_rows == 50
    assert (
        "3 rows of the sample are not compared: they hold a value that the model "
        "refuses, such as 'Atlantis' of 'town'"
    ) in caplog.text
    with pytest.raises(Refusal, match="every row of the sample holds a value that the"):
        Proof(oracle, exported.content, exported.signature.features, rows.tail(3))


def test_a_last_digit_is_four_times_what_a_double_is_rounded_by() -> None:
    assert 4 * np.finfo(float).eps / 2 == LAST_DIGITS


def test_a_classifier_without_probabilities_for_a_row_of_the_sample_is_refused() -> (
    None
):
    frame = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0]})
    tree = DecisionTreeClassifier().fit(frame, ["a", "b", "a", "b"])
    leaf = int(tree.apply(frame)[2])
    tree.tree_.value[leaf] = np.nan

    with pytest.raises(
        Refusal, match=r"no probabilities \(NaN\) for the row {'x': 2.0}"
    ):
        export(tree, frame, frame, ["y"], Description(name="t"), Provenance())
