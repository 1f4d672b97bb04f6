import itertools
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto

from convert.graph.builder import Graph
from convert.model_file import write_model_file
from server.model import N_TIMED_RUNS, Model, UnservableModel
from server.runtime.session import RuntimeFault, Session
from server.signature import Feature, GoldenRow, Target, Value
from tests.models import (
    GENDER,
    GOLDEN,
    LUNCH,
    SCORE,
    TARGET,
    make_classifier,
    make_model,
    make_signature,
    make_two_targets,
    make_unsealed_model,
    with_signature,
)

LABELS = ("no", "yes")
SCORE_AS_TEXT = Feature(name="lunch/meal", input="lunch/meal", kind="number")


def load(folder: Path, content: bytes) -> Model:
    path = folder / "student.onnx"
    path.write_bytes(content)
    return Model.load(path)


REMEDY = "; export it again with python -m convert"


def reason(folder: Path, content: bytes) -> str:
    with pytest.raises(UnservableModel) as refusal:
        load(folder, content)
    text = str(refusal.value)
    start, end = f"{folder / 'student.onnx'}: ", REMEDY
    assert text.startswith(start)
    assert text.endswith(end)
    return text.removeprefix(start).removesuffix(end)


def test_a_model_predicts_what_its_graph_says(tmp_path: Path) -> None:
    model = load(tmp_path, make_model())

    tensors = model.predict([["male"], ["standard"], [80.0]], 1, ["contributions"])

    assert model.predictions(tensors) == [81.0]
    assert list(tensors[1].values) == [2.0, 3.0, 10.0]


@pytest.mark.parametrize(
    ("durations_ms", "run_ms"),
    [
        ([9.0, 3.0, 2.0, 5.0, 4.0], 2.0),
        ([49.0, 7.0], 7.0),
        ([50.0], 50.0),
        ([64.8], 64.8),
    ],
)
def test_a_run_takes_as_long_as_the_fastest_of_some_that_are_warm(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    durations_ms: list[float],
    run_ms: float,
) -> None:
    times = itertools.accumulate([0.0, *durations_ms])
    monkeypatch.setattr(time, "perf_counter", lambda: next(times) / 1000)

    model = load(tmp_path, make_model())

    assert model.run_ms == pytest.approx(run_ms)
    assert list(times) == []
    assert len(durations_ms) <= N_TIMED_RUNS


def test_several_targets_are_an_object_a_row(tmp_path: Path) -> None:
    model = load(tmp_path, make_two_targets())

    assert model.predictions(model.predict([[10.0, 64.0]], 2)) == [
        {"maths": 10.0, "one / score": 0.1},
        {"maths": 64.0, "one / score": 0.015625},
    ]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnservableModel, match=r"absent\.onnx: No such file"):
        Model.load(tmp_path / "absent.onnx")


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    assert reason(tmp_path, b"<text>").startswith("not a whole model file (")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ir_version": 99}, "Unsupported model IR version: 99"),
        ({"opset": 99}, "Opset 99 is under development"),
    ],
)
def test_a_file_of_a_newer_onnx_is_not_called_damaged(
    tmp_path: Path, change: dict[str, int], said: str
) -> None:
    newer = onnx.load_from_string(make_unsealed_model())
    newer.ir_version = change.get("ir_version", newer.ir_version)
    newer.opset_import[0].version = change.get("opset", newer.opset_import[0].version)
    (tmp_path / "newer.onnx").write_bytes(newer.SerializeToString())

    with pytest.raises(UnservableModel) as refusal:
        Model.load(tmp_path / "newer.onnx")

    assert str(refusal.value) == (
        f"{tmp_path}/newer.onnx: onnxruntime {onnxruntime.__version__} is older than "
        f"this file ({said}): install a newer one"
    )


def test_a_model_without_signature_is_refused_with_the_remedy(tmp_path: Path) -> None:
    bare = onnx.load_from_string(make_model())
    del bare.metadata_props[:]

    assert reason(tmp_path, bare.SerializeToString()) == (
        "the file carries no signature"
    )


def test_a_signature_of_another_graph_is_refused(tmp_path: Path) -> None:
    content = make_model(make_signature(features=(LUNCH, GENDER, SCORE)))

    assert reason(tmp_path, content) == (
        "the graph reads 'gender' (string), 'lunch/meal' (string), 'reading score' "
        "(float64); its signature says 'lunch/meal' (string), 'gender' (string), "
        "'reading score' (float64)"
    )


def test_a_golden_row_that_is_not_reproduced_is_refused(tmp_path: Path) -> None:
    wrong = GoldenRow(row=GOLDEN[0].row, predictions=(68.5 + 1e-6,))
    content = make_model(make_signature(golden_rows=(*GOLDEN, wrong)))

    assert reason(tmp_path, content) == (
        "a golden row gives [68.5], scikit-learn gave [68.500001]"
    )


def test_a_graph_whose_rows_depend_on_each_other_is_refused(tmp_path: Path) -> None:
    graph = Graph()
    score = graph.input("reading score", TensorProto.DOUBLE)
    total = graph.add("ReduceSum", score, graph.constant([0], "int64"), keepdims=1)
    same = graph.add("Add", graph.add("Sub", score, score), total)
    graph.output("prediction", same, TensorProto.DOUBLE, ["n_rows", 1])
    golden = GoldenRow(row={"reading score": 80.0}, predictions=(80.0,))
    signature = make_signature(features=(SCORE,), golden_rows=(golden,))

    assert reason(tmp_path, with_signature(graph, signature)) == (
        "a golden row gives [160.0], scikit-learn gave [80.0]"
    )


def test_a_graph_that_is_wrong_for_a_single_row_alone_is_refused(
    tmp_path: Path,
) -> None:
    graph = Graph()
    score = graph.input("reading score", TensorProto.DOUBLE)
    ones = graph.add("Add", graph.add("Sub", score, score), graph.constant([1.0]))
    n_rows = graph.add("ReduceSum", ones, graph.constant([0], "int64"), keepdims=1)
    is_one = graph.add("Equal", n_rows, graph.constant([1.0]))
    prediction = graph.add("Where", is_one, graph.add("Neg", score), score)
    graph.output("prediction", prediction, TensorProto.DOUBLE, ["n_rows", 1])
    golden = GoldenRow(row={"reading score": 80.0}, predictions=(80.0,))
    signature = make_signature(features=(SCORE,), golden_rows=(golden,))

    assert reason(tmp_path, with_signature(graph, signature)) == (
        "a golden row gives [-80.0], scikit-learn gave [80.0]"
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {
                "targets": (TARGET, Target(name="other")),
                "golden_rows": (
                    GoldenRow(row=GOLDEN[0].row, predictions=(68.5, 68.5)),
                ),
            },
            "the output 'prediction' is declared float64 (None, 1); expected "
            "float64 (any number of rows, 2)",
        ),
        (
            {
                "targets": (
                    Target(name="pass", kind="classification", classes=(0, 1)),
                ),
                "golden_rows": (GoldenRow(row=GOLDEN[0].row, predictions=(1,)),),
            },
            "the graph has no output 'label_index'",
        ),
        (
            {"targets": (Target(name="math score"),)},
            "the graph has contributions, its signature no baseline",
        ),
        (
            {"features": (GENDER, SCORE_AS_TEXT, SCORE)},
            "the graph reads 'gender' (string), 'lunch/meal' (string), 'reading score' "
            "(float64); its signature says 'gender' (string), 'lunch/meal' (float64), "
            "'reading score' (float64)",
        ),
        (
            {"golden_rows": ()},
            "the signature is wrong: there are no golden rows, so nothing proves it",
        ),
    ],
)
def test_a_signature_that_the_graph_does_not_keep_is_refused(
    tmp_path: Path, changes: dict[str, Any], why: str
) -> None:
    assert reason(tmp_path, make_model(make_signature(**changes))) == why


@pytest.mark.parametrize("classes", [("no", "yes"), (False, True), (3, 7), (0.5, 1.5)])
def test_a_classifier_answers_with_its_own_labels(
    tmp_path: Path, classes: tuple[Value, ...]
) -> None:
    model = load(tmp_path, make_classifier(classes))

    tensors = model.predict([[20.0, 80.0]], 2)

    assert model.predictions(tensors) == list(classes)
    assert list(tensors[1].values) == [1.0, 0.0, 0.0, 1.0]


def test_a_classifier_may_have_labels_alone(tmp_path: Path) -> None:
    graph = Graph()
    score = graph.input("reading score", TensorProto.DOUBLE)
    passed = graph.add("GreaterOrEqual", score, graph.constant([50.0]))
    index = graph.add("Cast", passed, to=TensorProto.INT64)
    graph.output("label_index", index, TensorProto.INT64, ["n_rows", 1])
    signature = make_signature(
        features=(SCORE,),
        targets=(Target(name="pass", kind="classification", classes=LABELS),),
        golden_rows=(GoldenRow(row={"reading score": 80.0}, predictions=("yes",)),),
    )

    model = load(tmp_path, with_signature(graph, signature))

    assert model.predictions(model.predict([[20.0, 80.0]], 2)) == ["no", "yes"]


def test_a_label_that_is_no_class_is_refused(tmp_path: Path) -> None:
    assert reason(tmp_path, make_classifier(("no", "yes"), shift=-2)) == (
        "label_index is not below 2"
    )


@pytest.mark.parametrize("has_graph", [True, False])
def test_probabilities_that_nothing_proves_are_refused(
    tmp_path: Path, has_graph: bool
) -> None:
    graph = Graph()
    score = graph.input("reading score", TensorProto.DOUBLE)
    index = graph.add("Cast", graph.add("Sub", score, score), to=TensorProto.INT64)
    graph.output("label_index", index, TensorProto.INT64, ["n_rows", 1])
    if has_graph:
        graph.output("probabilities", score, TensorProto.DOUBLE, ["n_rows", 1])
    shares = () if has_graph else (1.0,)
    golden = GoldenRow(
        row={"reading score": 1.0}, predictions=("no",), probabilities=shares
    )
    target = Target(name="pass", kind="classification", classes=("no",))
    signature = make_signature(
        features=(SCORE,), targets=(target,), golden_rows=(golden,)
    )

    assert reason(tmp_path, with_signature(graph, signature)) == (
        "the graph or the golden rows have probabilities and the other has none"
    )


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (
            "1.20.1",
            "this file needs onnxruntime 1.21 or newer, found 1.20.1: install "
            "requirements-inference.txt",
        ),
        ("1.9.0", "this file needs onnxruntime 1.21 or newer, found 1.9.0: install "
         "requirements-inference.txt"),
        ("1.21.0", f"a golden row gives [68.5], scikit-learn gave [70.0]{REMEDY}"),
        ("1.21.0.dev9", f"a golden row gives [68.5], scikit-learn gave [70.0]{REMEDY}"),
        ("2.0.0", f"a golden row gives [68.5], scikit-learn gave [70.0]{REMEDY}"),
    ],
)  # fmt: skip
def test_a_runtime_that_is_too_old_is_told_and_not_the_file(
    found: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.model.version", lambda: found)
    wrong = GoldenRow(row=GOLDEN[0].row, predictions=(70.0,))

    with pytest.raises(UnservableModel) as refusal:
        Model.from_content(make_model(make_signature(golden_rows=(wrong,))))

    assert str(refusal.value) == why


def test_what_the_runtime_says_is_one_line() -> None:
    model = onnx.load_from_string(make_model())
    node = model.graph.node[0]
    node.domain, node.op_type, node.name = "", "Neg", "No\nSuch\nNumber"
    del node.attribute[:]

    with pytest.raises(UnservableModel) as refusal:
        Model.from_content(write_model_file(model, make_signature()))

    assert "No Such Number" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_golden_probabilities_may_differ_by_the_tolerance(tmp_path: Path) -> None:
    content = make_classifier(LABELS, probabilities=(9e-10, 1 - 9e-10))
    model = load(tmp_path, content)

    assert model.predictions(model.predict([[80.0]], 1)) == ["yes"]


@pytest.mark.parametrize("probabilities", [(0.0, 1 - 1.1e-9), (1.1e-9, 1), (1.0, 0.0)])
def test_golden_probabilities_that_are_not_reproduced_are_refused(
    tmp_path: Path, probabilities: tuple[float, ...]
) -> None:
    content = make_classifier(LABELS, probabilities=probabilities)

    assert reason(tmp_path, content) == (
        "the probabilities of the golden rows are not scikit-learn's"
    )


def test_a_golden_label_that_is_not_reproduced_is_refused(tmp_path: Path) -> None:
    assert reason(tmp_path, make_classifier(LABELS, predictions=("no",))) == (
        "a golden row gives ['yes'], scikit-learn gave ['no']"
    )


def test_a_label_index_equal_to_the_number_of_classes_is_refused(
    tmp_path: Path,
) -> None:
    assert reason(tmp_path, make_classifier(("no", "yes"), shift=1)) == (
        "label_index is not below 2"
    )


@pytest.mark.parametrize(
    ("op", "inputs", "n_rows"),
    [("Concat", ("score", "score"), 2), ("Gather", ("score", "none"), 0)],
)
def test_a_graph_that_gives_more_or_fewer_rows_than_it_got_is_refused(
    tmp_path: Path, op: str, inputs: tuple[str, ...], n_rows: int
) -> None:
    graph = Graph()
    score = graph.input("reading score", TensorProto.DOUBLE)
    names = {"score": score, "none": graph.constant([], np.int64)}
    prediction = graph.add(op, *(names[name] for name in inputs), axis=0)
    graph.output("prediction", prediction, TensorProto.DOUBLE, ["n_others", 1])
    golden = GoldenRow(row={"reading score": 80.0}, predictions=(80.0,))
    signature = make_signature(features=(SCORE,), golden_rows=(golden,))

    assert reason(tmp_path, with_signature(graph, signature)) == (
        f"prediction has {n_rows} rows for 1 that were fed"
    )


def test_a_run_is_checked_as_the_replay_is() -> None:
    graph = Graph()
    score = graph.input("reading score", TensorProto.DOUBLE)
    doubled = graph.add("Concat", score, score, axis=0)
    graph.output("prediction", doubled, TensorProto.DOUBLE, ["n_others", 1])
    signature = make_signature(features=(SCORE,))
    with Session(with_signature(graph, signature)) as session:
        model = Model(session, signature)

        with pytest.raises(RuntimeFault, match=r"^prediction has 6 rows for 3 that"):
            model.predict([[1.0, 2.0, 3.0]], 3)


NOTE = Feature(name="note", input="note", kind="text", typical="a b")


def make_text_model() -> bytes:
    """Return a model file: how often a text says "a", by the operators for texts."""
    graph = Graph()
    flat = graph.add(
        "Reshape", graph.input("note", TensorProto.STRING), _shape(graph, -1)
    )
    words = graph.add(
        "Tokenizer",
        flat,
        domain="com.microsoft",
        mark=0,
        mincharnum=1,
        pad_value="#",
        tokenexp="[a-z]+",
    )
    counts = graph.add(
        "TfIdfVectorizer",
        words,
        max_gram_length=1,
        max_skip_count=0,
        min_gram_length=1,
        mode="TF",
        ngram_counts=[0],
        ngram_indexes=[0],
        pool_strings=["a"],
    )
    prediction = graph.add("Cast", counts, to=TensorProto.DOUBLE)
    graph.output("prediction", prediction, TensorProto.DOUBLE, ["n_rows", 1])
    golden = GoldenRow(row={"note": "a b a"}, predictions=(2.0,))
    target = (Target(name="n"),)
    signature = make_signature(features=(NOTE,), targets=target, golden_rows=(golden,))
    return with_signature(graph, signature)


def _shape(graph: Graph, *lengths: int) -> Any:
    return graph.constant(lengths, np.int64)


@pytest.mark.parametrize("place", [0, 1, 500, 998, 999])
def test_a_long_text_is_run_with_few_others(
    monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    """Each row is padded to as many words as the longest of its run has."""
    model = Model.from_content(make_text_model())
    texts = ["a" if row % 3 else "b a a" for row in range(1000)]
    texts[place] = "a " * 200_000
    runs = []
    predict = model.session.predict

    def spied(outputs: Any, columns: Any, n_rows: int) -> Any:
        runs.append((n_rows, max(map(len, columns[0]))))
        return predict(outputs, columns, n_rows)

    monkeypatch.setattr(model.session, "predict", spied)
    (tensor,) = model.predict([texts], 1000)

    assert tensor.shape == (1000, 1)
    assert list(tensor.values) == [float(text.count("a")) for text in texts]
    assert sum(n_rows for n_rows, _ in runs) == 1000
    assert all(n_rows == 1 or n_rows * most <= 500_000 for n_rows, most in runs)
    assert len(runs) <= 11


def test_short_texts_are_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model.from_content(make_text_model())
    monkeypatch.setattr(Model, "_in_halves", None)

    (tensor,) = model.predict([["a" * 500] * 1000], 1000)

    assert list(tensor.values) == [0.0] * 1000
