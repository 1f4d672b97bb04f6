"""Of the graph that is built node by node: its names."""

from collections.abc import Iterator

import onnx
from onnx import GraphProto, NodeProto, TensorProto, helper

from convert.graph import IR_VERSION, TARGET_OPSET, Graph
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
    feed = {"x": first, "condition": graph.constant(True)}
    (chosen,) = graph.splice(foreign(), feed)
    graph.output("prediction", chosen, TensorProto.DOUBLE, ["n_rows", 1])
    graph.output("second", second, TensorProto.DOUBLE, ["n_rows", 1])

    names = [node.name for node in nodes(graph.model().graph)]

    assert len(names) == 6
    assert all(names)
    assert len(set(names)) == len(names)


def test_the_same_graph_has_the_same_bytes() -> None:
    assert make_model() == make_model()
