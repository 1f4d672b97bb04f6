"""KBinsDiscretizer."""

from collections.abc import Sequence

import numpy as np
from onnx import TensorProto

from convert.graph.arithmetic import is_number, or_nan, row
from convert.graph.blocks import Matrix, select
from convert.graph.builder import Graph
from convert.graph.intervals import count_at_most
from convert.lowering.registry import lowers
from convert.lowering.step import Step


@lowers("sklearn.KBinsDiscretizer")
def lower_bins(graph: Graph, step: Step, matrix: Matrix) -> Matrix:
    bins = step.transformer
    inner_edges = [np.asarray(edges, np.float64)[1:-1] for edges in bins.bin_edges_]
    index = count_at_most(graph, matrix.tensor, inner_edges)
    known = is_number(graph, matrix.tensor)
    number = graph.add("Cast", index, to=TensorProto.DOUBLE)
    ordinal = matrix._replace(tensor=or_nan(graph, known, number))
    if bins.encode == "ordinal":
        return ordinal
    return _one_hot(graph, ordinal, bins.n_bins_)


def _one_hot(graph: Graph, ordinal: Matrix, n_bins: Sequence[int]) -> Matrix:
    positions = [p for p, n in enumerate(n_bins) for _ in range(n)]
    spread = select(graph, ordinal, positions)
    codes = row(graph, np.concatenate([np.arange(n) for n in n_bins]))
    equal = graph.add("Equal", spread.tensor, codes)
    ones = graph.add("Cast", equal, to=TensorProto.DOUBLE)
    known = is_number(graph, spread.tensor)
    return spread._replace(tensor=or_nan(graph, known, ones))
