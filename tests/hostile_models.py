"""Small model files that want to take much time or memory, as a stranger would write them."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from convert.graph.builder import Graph, Tensor
from server.signature import GoldenRow, Target
from tests.models import SCORE, make_signature, with_signature


def make_loop() -> bytes:
    """Return a bare graph that adds one as often as its input says."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go_on"], ["still"]),
            helper.make_node("Add", ["sum", "one"], ["more"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("sum", TensorProto.INT64, [1]),
        ],
        [
            helper.make_tensor_value_info("still", TensorProto.BOOL, []),
            helper.make_tensor_value_info("more", TensorProto.INT64, [1]),
        ],
    )
    graph = helper.make_graph(
        [
            helper.make_node("Loop", ["x", "true", "zero"], ["total"], body=body),
            helper.make_node("Identity", ["total"], ["y"]),
        ],
        "loop",
        [helper.make_tensor_value_info("x", TensorProto.INT64, ["n_rows"])],
        [helper.make_tensor_value_info("y", TensorProto.INT64, ["n"])],
        [
            numpy_helper.from_array(np.array(True), "true"),
            numpy_helper.from_array(np.zeros(1, np.int64), "zero"),
            numpy_helper.from_array(np.ones(1, np.int64), "one"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
    model.ir_version = 10
    return bytes(model.SerializeToString())


def make_slow(n_products: int, n_inner: int, is_folded: bool = False) -> bytes:
    """Return a small model file that answers with the score, after long work.

    Each product of matrices costs 2 · `n_inner`³ operations. Where it `is_folded`, the
    work is on constants: onnxruntime does it at the load.
    """
    graph = Graph()
    score = graph.input("reading score", TensorProto.DOUBLE)
    column = graph.constant(np.ones((n_inner, 1)))
    line = graph.constant(np.ones((1, n_inner)))
    square = graph.add("Add", column, line)
    if not is_folded:
        square = graph.add("Mul", square, graph.add("ReduceSum", score, keepdims=1))
    for _ in range(n_products):
        square = graph.add("MatMul", square, square)
    return _answering(graph, graph.add("ReduceSum", square, keepdims=1), score)


def make_quadratic(n_products: int, n_inner: int) -> bytes:
    """Return one whose work grows with the square of the number of rows."""
    graph = Graph()
    score = graph.input("reading score", TensorProto.DOUBLE)
    wide = graph.add("Add", score, graph.constant(np.ones((1, n_inner))))
    tall = graph.add("Reshape", wide, graph.constant([n_inner, -1], np.int64))
    for _ in range(n_products):
        square = graph.add("MatMul", wide, tall)
        size = graph.add("ReduceSum", square, keepdims=1)
        wide = graph.add("Add", wide, size)
    return _answering(graph, size, score)


def _answering(graph: Graph, asked: Tensor, score: Tensor) -> bytes:
    """Return the file that answers with the score, whatever was `asked`."""
    either = graph.add(
        "Where", graph.add("IsNaN", asked), score, graph.add("Abs", score)
    )
    graph.output("prediction", either, TensorProto.DOUBLE, ["n_rows", 1])
    golden = GoldenRow(row={"reading score": 80.0}, predictions=(80.0,))
    target = (Target(name="maths"),)
    signature = make_signature(features=(SCORE,), targets=target, golden_rows=(golden,))
    return with_signature(graph, signature)
