"""What a graph may be made of: the operators that the converter writes, and no others.

onnxruntime has about three hundred. Among them are `Loop`, `Scan` and `If`, which run
graphs within the graph, and `Range`, `Expand`, `ConstantOfShape`, `Tile` or `Resize`,
whose outputs are as large as the value of an input says. What is made of the operators
below is as large as the rows that are fed times what stands in the file.
"""

import re
from collections.abc import Iterator

from server.model_file.protobuf import fields

OPERATORS = {
    "": frozenset(
        (
            *("Abs", "Add", "And", "ArgMax", "ArgMin", "Cast", "Ceil", "Clip"),
            *("Concat", "Cos", "CumSum", "Div", "Equal", "Exp", "Floor", "Gather"),
            *("GatherElements", "GatherND", "Gemm", "Greater", "GreaterOrEqual"),
            *("Identity", "IsInf", "IsNaN", "Less", "LessOrEqual", "Log", "MatMul"),
            *("Max", "Mod", "Mul", "Neg", "Not", "Or", "Pow", "Reciprocal", "ReduceL1"),
            *("ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean"),
            *("ReduceSum", "RegexFullMatch", "Relu", "Reshape", "Round", "Sign", "Sin"),
            *("Softmax", "Sqrt", "StringNormalizer", "Sub", "Sum", "Tanh"),
            *("TfIdfVectorizer", "TopK", "Transpose", "Unsqueeze", "Where"),
        )
    ),
    "ai.onnx.ml": frozenset(
        ("ArrayFeatureExtractor", "LabelEncoder", "SVMClassifier", "TreeEnsemble")
    ),
    "com.microsoft": frozenset(("Tokenizer",)),
}
"""Domain → operators. `tests/test_operators.py` holds it equal to what is written."""

_GRAPH, _TRAINING, _FUNCTIONS = 7, 20, 25  # of ModelProto
_NODE = 1  # of GraphProto
_OPERATOR, _ATTRIBUTE, _DOMAIN = 4, 5, 7  # of NodeProto
_SUBGRAPHS = (6, 11)  # of AttributeProto

NUMBERS = re.compile(rb"(?:\x3d.{4}|\x40[\x80-\xff]*+[\x00-\x7f])++", re.DOTALL)
"""An attribute's floats and integers, a field each: millions in a large forest."""


def foreign_parts(content: bytes) -> Iterator[str]:
    """Yield what stands in a model file's graph that the converter never writes.

    Raises
    ------
    NotProtobuf
    """
    for part in fields(content, 0, len(content)):
        if part.number in (_TRAINING, _FUNCTIONS):
            yield "functions or a training of its own"
        if part.number == _GRAPH:
            for node in fields(content, part.start, part.stop):
                if node.number == _NODE:
                    yield from _of_node(content, node.start, node.stop)


def _of_node(content: bytes, start: int, stop: int) -> Iterator[str]:
    names: dict[int, list[str]] = {_OPERATOR: [], _DOMAIN: []}
    for field in fields(content, start, stop):
        if field.number in names:
            text = content[field.start : field.stop].decode(errors="replace")
            names[field.number].append(text)
        elif field.number == _ATTRIBUTE:
            for inner in fields(content, field.start, field.stop, NUMBERS):
                if inner.number in _SUBGRAPHS:
                    yield "a graph within its graph"
    operators, domains = names[_OPERATOR], names[_DOMAIN] or [""]
    if len(operators) != 1 or len(domains) != 1:  # another reader takes another one
        yield "a node that has not one operator"
    elif operators[0] not in OPERATORS.get(domains[0], ()):
        yield f"the operator {operators[0]!r}"
