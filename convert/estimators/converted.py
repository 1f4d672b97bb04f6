"""Estimators that skl2onnx converts faithfully, over float32 columns."""

from typing import Any

from onnx import TensorProto

from convert.estimators import Outputs, emits
from convert.estimators.links import from_probabilities
from convert.foreign import skl2onnx_graph
from convert.graph import Graph


@emits("sklearn.CategoricalNB")
def emit_categorical(
    estimator: Any, graph: Graph, matrix: str, n_columns: int
) -> Outputs:
    return from_probabilities(graph, probabilities(estimator, graph, matrix, n_columns))


def probabilities(estimator: Any, graph: Graph, matrix: str, n_columns: int) -> str:
    """Splice what skl2onnx makes of a classifier; return its probabilities."""
    model = skl2onnx_graph(estimator, n_columns)
    single = graph.add("Cast", matrix, to=TensorProto.FLOAT)
    outputs = graph.splice(model, {model.graph.input[0].name: single})
    return graph.add("Cast", outputs[1], to=TensorProto.DOUBLE)
