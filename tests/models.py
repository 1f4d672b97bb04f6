"""Builds small ONNX model files, so that the server's tests need no scikit-learn."""

import math
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from convert.graph.builder import Graph, Tensor
from convert.model_file import write_model_file
from server import signature as signatures
from server.signature import (
    MISSING_TEXT,
    Feature,
    GoldenRow,
    Signature,
    Target,
    Value,
)

GENDERS = {"female": 1.0, "male": 2.0}
LUNCHES = {"free/reduced": -3.0, "standard": 3.0, MISSING_TEXT: 0.5}

GENDER = Feature(
    name="gender",
    input="gender",
    kind="category",
    required=True,
    categories=tuple(GENDERS),
    typical="female",
)
LUNCH = Feature(
    name="lunch/meal",
    input="lunch/meal",
    kind="category",
    categories=("free/reduced", "standard"),
    unknown="ignore",
    typical="standard",
)
SCORE = Feature(
    name="reading score",
    input="reading score",
    kind="number",
    minimum=0.0,
    maximum=100.0,
    observed=(17.0, 100.0),
    imputed=70.0,
    typical=70.0,
    unit="points",
)
TARGET = Target(name="math score", baseline=66.0, unit="points")
GOLDEN = (
    GoldenRow(
        row={"gender": "male", "lunch/meal": None, "reading score": None},
        predictions=(68.5,),
    ),
)


def make_signature(**changes: Any) -> Signature:
    """Return the signature of `make_model`'s graph, with `changes`."""
    fields: dict[str, Any] = {
        "protocol": signatures.PROTOCOL,
        "name": "student",
        "version": "0123456789ab",
        "title": "Maths score",
        "features": (GENDER, LUNCH, SCORE),
        "targets": (TARGET,),
        "golden_rows": GOLDEN,
        "golden_tolerance": 1e-9,
    }
    return Signature(**(fields | changes))


def make_model(signature: Signature | None = None, baseline: float = 66.0) -> bytes:
    """Return a model file: gender + lunch + score − a centre of 70, plus `baseline`.

    A missing score counts 70, a missing lunch 0.5, an unknown one 0.
    """
    graph = Graph()
    gender = _lookup(
        graph, graph.input("gender", TensorProto.STRING), GENDERS, math.nan
    )
    lunch = _lookup(graph, graph.input("lunch/meal", TensorProto.STRING), LUNCHES, 0.0)
    score = graph.input("reading score", TensorProto.DOUBLE)
    present = graph.add(
        "Where", graph.add("IsNaN", score), graph.constant([70.0]), score
    )
    centred = graph.add("Sub", present, graph.constant([70.0]))
    contributions = graph.add("Concat", gender, lunch, centred, axis=1)
    total = graph.add(
        "ReduceSum", contributions, graph.constant([1], "int64"), keepdims=1
    )
    prediction = graph.add("Add", total, graph.constant([baseline]))
    graph.output("prediction", prediction, TensorProto.DOUBLE, ["n_rows", 1])
    graph.output("contributions", contributions, TensorProto.DOUBLE, ["n_rows", 3])
    return with_signature(graph, signature or make_signature())


def make_classifier(
    classes: tuple[Value, ...], shift: int = 0, name: str = "student", **golden: Any
) -> bytes:
    """Return a model file: the second class from a score of 50 on, for 0 a doubt.

    The probabilities of a score of 0 are not numbers.
    The label index is off by `shift`; `golden` changes fields of the golden row.
    """
    graph = Graph()
    score = graph.input("reading score", TensorProto.DOUBLE)
    passed = graph.add("GreaterOrEqual", score, graph.constant([50.0]))
    index = graph.add("Cast", passed, to=TensorProto.INT64)
    shifted = graph.add("Add", index, graph.constant([shift], "int64"))
    sure = graph.add("Cast", passed, to=TensorProto.DOUBLE)
    sure = graph.add("Mul", sure, graph.add("Div", score, score))
    other = graph.add("Sub", graph.constant([1.0]), sure)
    probabilities = graph.add("Concat", other, sure, axis=1)
    graph.output("label_index", shifted, TensorProto.INT64, ["n_rows", 1])
    graph.output("probabilities", probabilities, TensorProto.DOUBLE, ["n_rows", 2])
    fields: dict[str, Any] = {
        "row": {"reading score": 80.0},
        "predictions": classes[1:],
        "probabilities": (0.0, 1.0),
    }
    golden_row = GoldenRow(**(fields | golden))
    target = Target(name="pass", kind="classification", classes=classes)
    return with_signature(
        graph,
        make_signature(
            name=name, features=(SCORE,), targets=(target,), golden_rows=(golden_row,)
        ),
    )


def make_two_targets(name: str = "student") -> bytes:
    """Return a model file: the score, and one divided by it, infinite for 0."""
    graph = Graph()
    score = graph.input("reading score", TensorProto.DOUBLE)
    both = graph.add("Concat", score, graph.add("Reciprocal", score), axis=1)
    graph.output("prediction", both, TensorProto.DOUBLE, ["n_rows", 2])
    golden = GoldenRow(row={"reading score": 80.0}, predictions=(80.0, 0.0125))
    targets = (Target(name="maths"), Target(name="one / score"))
    return with_signature(
        graph,
        make_signature(
            name=name, features=(SCORE,), targets=targets, golden_rows=(golden,)
        ),
    )


def with_signature(graph: Graph, signature: Signature) -> bytes:
    """Return the file of `graph` that carries `signature`."""
    return write_model_file(graph.model(), signature)


def make_unsealed_model() -> bytes:
    """Return a model file as they were written before there was a digest."""
    model = onnx.load_from_string(make_model())
    (entry,) = model.metadata_props
    entry.value = signatures.write(make_signature())
    return bytes(model.SerializeToString())


def make_row(**changes: Any) -> dict[str, Any]:
    """Return a row that `make_model` accepts, with `changes` (`_` for space)."""
    row: dict[str, Any] = {
        "gender": "female",
        "lunch/meal": "standard",
        "reading score": 80,
    }
    return row | {name.replace("_", " "): value for name, value in changes.items()}


def _lookup(
    graph: Graph, tensor: Tensor, table: dict[str, float], other: float
) -> Tensor:
    return graph.add(
        "LabelEncoder",
        tensor,
        domain="ai.onnx.ml",
        keys_tensor=numpy_helper.from_array(np.array(list(table), object)),
        values_tensor=numpy_helper.from_array(np.array(list(table.values()))),
        default_tensor=numpy_helper.from_array(np.array([other])),
    )
