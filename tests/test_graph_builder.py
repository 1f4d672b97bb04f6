"""Of the graph that is built node by node: its names and its constants."""

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper

from convert.graph.builder import IR_VERSION, TARGET_OPSET, Graph
from tests.models import make_model


def nodes(graph: GraphProto) -> Iterator[NodeProto]:
    """Yield every node of a graph and of the graphs inside of it."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from nodes(inner)


def foreign() -> onnx.ModelProto:
    """Return a graph with a branch, whose nodes have no names."""
    branches = {
        name: helper.make_graph(
            [helper.make_node(op, ["x"], ["y"])],
            name,
            [],
            [helper.make_tensor_value_info("y", TensorProto.DOUBLE, None)],
        )
        for name, op in {"then_branch": "Neg", "else_branch": "Abs"}.items()
    }
    return helper.make_model(
        helper.make_graph(
            [helper.make_node("If", ["condition"], ["z"], **branches)],
            "foreign",
            [
                helper.make_tensor_value_info("x", TensorProto.DOUBLE, ["n_rows", 1]),
                helper.make_tensor_value_info("condition", TensorProto.BOOL, []),
            ],
            [helper.make_tensor_value_info("z", TensorProto.DOUBLE, ["n_rows", 1])],
        ),
        opset_imports=[helper.make_opsetid("", TARGET_OPSET)],
        ir_version=IR_VERSION,
    )


def test_every_node_has_a_name_of_its_own() -> None:
    graph = Graph()
    score = graph.input("score", TensorProto.DOUBLE)
    first, second = graph.add_many("Split", score, n_outputs=2, axis=1, num_outputs=2)
    feed = {"x": first, "condition": graph.constant(True, bool)}
    (chosen,) = graph.splice(foreign(), feed)
    graph.output("prediction", chosen, TensorProto.DOUBLE, ["n_rows", 1])
    graph.output("second", second, TensorProto.DOUBLE, ["n_rows", 1])

    names = [node.name for node in nodes(graph.model().graph)]

    assert len(names) == 6
    assert all(names)
    assert len(set(names)) == len(names)


def test_the_same_graph_has_the_same_bytes() -> None:
    assert make_model() == make_model()


def test_a_constant_is_in_double_unless_another_type_is_said() -> None:
    graph = Graph()
    made = [
        graph.constant([1]),
        graph.constant([1], np.int64),
        graph.constant(np.array([1], np.float32)),
    ]
    for name, tensor, dtype in zip("abc", made, (11, 7, 11), strict=True):
        graph.output(name, tensor, dtype, [1])

    constants = [numpy_helper.to_array(t) for t in graph.model().graph.initializer]

    assert [str(array.dtype) for array in constants] == ["float64", "int64"]
    assert made[0] == made[2] != made[1]
