"""The server runs what the converter writes, and no other operator."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from sklearn.naive_bayes import CategoricalNB
from sklearn.svm import SVC, NuSVC

from convert.graph.builder import DEPRECATED
from server.model import Model, UnservableModel
from server.model_file.content import read_signature
from server.model_file.operators import OPERATORS, foreign_parts
from server.signature import METADATA_KEY, UnreadableSignature
from tests.emission import build, make_labels, make_matrix
from tests.hostile_models import make_loop
from tests.models import make_model
from tests.servers import ROOT

SCHEMAS = {each.name for each in onnx.defs.get_all_schemas_with_history()}
CONTRIBUTED = {"Tokenizer"}  # onnxruntime's own
OF_SKL2ONNX = {"ArrayFeatureExtractor", "ReduceLogSumExp", "SVMClassifier", "Transpose"}
"""Of `SVC(probability=True)` and `CategoricalNB`, which come from there."""


def names_in(folder: Path) -> Iterator[str]:
    """Yield every text in a program that is the name of an operator."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and node.value in SCHEMAS | CONTRIBUTED:
                yield str(node.value)


def test_every_operator_that_the_converter_names_is_run_and_no_other() -> None:
    named = {*names_in(ROOT / "convert" / "graph")}
    named |= {*names_in(ROOT / "convert" / "lowering")}

    run = {name for names in OPERATORS.values() for name in names}

    assert named - DEPRECATED | OF_SKL2ONNX == run


@pytest.mark.parametrize("domain", ["", "ai.onnx.ml"])
def test_every_operator_is_one_of_its_domain(domain: str) -> None:
    for name in OPERATORS[domain]:
        assert onnx.defs.has(name, domain)


@pytest.mark.filterwarnings("ignore:The `probability`:FutureWarning")
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "estimator",
    [
        *(SVC(kernel=kind, probability=True) for kind in ("linear", "poly", "sigmoid")),
        SVC(probability=True, decision_function_shape="ovo", class_weight="balanced"),
        NuSVC(nu=0.1, probability=True),
        CategoricalNB(),
    ],
    ids=str,
)
def test_what_skl2onnx_writes_for_us_is_run(estimator: Any, n_classes: int) -> None:
    matrix = make_matrix(90)
    labels = make_labels(matrix, n_classes)
    if isinstance(estimator, CategoricalNB):
        matrix = np.abs(matrix).astype(int) % 4
    model = build(estimator.fit(matrix, labels), matrix.shape[1])

    assert [*foreign_parts(model.SerializeToString())] == []


def test_the_shipped_model_and_that_of_the_tests_are_run() -> None:
    shipped = (ROOT / "models" / "student_performance.onnx").read_bytes()

    assert [*foreign_parts(shipped)] == []
    assert [*foreign_parts(make_model())] == []


LENGTH = numpy_helper.from_array(np.array([1 << 20, 1 << 20]), "length")

LARGE: dict[str, tuple[list[str], dict[str, Any]]] = {
    "ConstantOfShape": (["length"], {}),
    "Expand": (["x", "length"], {}),
    "Tile": (["x", "length"], {}),
    "Range": (["x", "x", "x"], {}),
    "Resize": (["x", "", "", "length"], {}),
    "Pad": (["x", "length"], {}),
    "OneHot": (["x", "x", "x"], {}),
    "RandomNormal": ([], {"shape": [1 << 20, 1 << 20]}),
    "If": (["x"], {"then_branch": onnx.GraphProto(), "else_branch": onnx.GraphProto()}),
    "Scan": (["x"], {"body": onnx.GraphProto(), "num_scan_inputs": 1}),
    "NonZero": (["x"], {}),
}


def spoilt(spoil: Callable[[onnx.ModelProto], object]) -> bytes:
    model = onnx.load_from_string(make_model())
    spoil(model)
    return bytes(model.SerializeToString())


@pytest.mark.parametrize("operator", LARGE)
def test_an_operator_whose_output_is_as_large_as_a_value_says_is_not_run(
    operator: str,
) -> None:
    inputs, attributes = LARGE[operator]
    node = helper.make_node(operator, inputs, ["much"], **attributes)

    parts = [*foreign_parts(spoilt(lambda model: model.graph.node.append(node)))]

    assert f"the operator {operator!r}" in parts


def test_a_loop_is_refused_before_it_is_opened() -> None:
    looping = onnx.load_from_string(make_loop())
    content = spoilt(lambda model: model.graph.node.extend(looping.graph.node))

    assert [*foreign_parts(content)] == [
        "a graph within its graph",
        "the operator 'Loop'",
    ]


@pytest.mark.parametrize(
    ("node", "part"),
    [
        (helper.make_node("Add", [], [], domain="ai.onnx.ml"), "the operator 'Add'"),
        (helper.make_node("Add", [], [], domain="ai.onnx"), "the operator 'Add'"),
        (helper.make_node("add", [], []), "the operator 'add'"),
        (helper.make_node("", [], []), "the operator ''"),
        (onnx.NodeProto(), "a node that has not one operator"),
        (
            helper.make_node("Add", [], [], body=onnx.GraphProto(name="g")),
            "a graph within its graph",
        ),
        (
            helper.make_node("Add", [], [], bodies=[onnx.GraphProto(name="g")]),
            "a graph within its graph",
        ),
    ],
    ids=range(7),
)
def test_a_node_that_is_only_almost_one_of_ours_is_not_run(
    node: onnx.NodeProto, part: str
) -> None:
    assert [*foreign_parts(spoilt(lambda m: m.graph.node.append(node)))] == [part]


@pytest.mark.parametrize(
    "second",
    [
        b"\x22\x04Loop",  # once more, and that counts
        b"\x25Gemm",  # a number, which protobuf leaves aside
        b"\x3a\x00\x3a\x00",  # two domains
    ],
)
def test_a_node_that_two_readers_would_read_otherwise_is_not_run(second: bytes) -> None:
    """The message of a node, in a graph, in a model, by hand."""
    node = b"\x22\x03Add" + second
    graph = b"\x0a%c" % len(node) + node
    content = b"\x3a%c" % len(graph) + graph

    assert [*foreign_parts(content)] == ["a node that has not one operator"]


def test_functions_and_trainings_are_not_run() -> None:
    function = onnx.FunctionProto(name="Add", domain="")
    of_functions = spoilt(lambda model: model.functions.append(function))
    of_training = spoilt(lambda model: model.training_info.add())

    expected = ["functions or a training of its own"]
    assert [*foreign_parts(of_functions)] == expected
    assert [*foreign_parts(of_training)] == expected


def test_a_file_with_another_operator_is_one_sentence() -> None:
    def spoil(model: onnx.ModelProto) -> None:
        """Let it be as it was before there was a digest, which says as much."""
        (entry,) = model.metadata_props
        before, _, after = entry.value.partition('"sha256":"')
        entry.value = before + after[66:]
        model.graph.node[0].op_type = "Loop"

    content = spoilt(spoil)
    said = "its graph has the operator 'Loop', which the converter never writes"

    assert content.count(METADATA_KEY.encode()) == 1
    with pytest.raises(UnreadableSignature) as refusal:
        read_signature(content)
    with pytest.raises(UnservableModel, match="which the converter never writes; exp"):
        Model.from_content(content)

    assert str(refusal.value) == said


def test_a_graph_within_an_attribute_of_many_numbers_is_found() -> None:
    node = helper.make_node("TreeEnsemble", [], [], domain="ai.onnx.ml", n=[1] * 9)
    node.attribute[0].g.CopyFrom(onnx.GraphProto(name="g"))
    node.attribute[0].floats.extend([0.5] * 9)
    node.attribute.append(helper.make_attribute("t", TensorProto()))

    content = spoilt(lambda model: model.graph.node.append(node))

    assert [*foreign_parts(content)] == ["a graph within its graph"]
