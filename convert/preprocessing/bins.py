"""KBinsDiscretizer."""

from collections.abc import Sequence

import numpy as np
from onnx import TensorProto
from sklearn.preprocessing import KBinsDiscretizer

from convert.graph import Graph
from convert.preprocessing.blocks import Matrix, take
from convert.preprocessing.elementwise import is_number, or_nan, row
from convert.preprocessing.intervals import count_at_most
from convert.preprocessing.registry import Step, lowers


@lowers(KBinsDiscretizer)
def lower_bins(step: Step, matrix: Matrix, graph: Graph) -> Matrix:
    bins = step.transformer
    inner_edges = [np.asarray(edges, np.float64)[1:-1] for edges in bins.bin_edges_]
    index = count_at_most(matrix.tensor, inner_edges, graph)
    known = is_number(graph, matrix.tensor)
    number = graph.add("Cast", index, to=TensorProto.DOUBLE)
    ordinal = matrix._replace(tensor=or_nan(graph, known, number))
    if bins.encode == "ordinal":
        return ordinal
    return _one_hot(ordinal, bins.n_bins_, graph)


def _one_hot(ordinal: Matrix, n_bins: Sequence[int], graph: Graph) -> Matrix:
    positions = [p for p, n in enumerate(n_bins) for _ in range(n)]
    spread = take(ordinal, positions, graph)
    codes = row(graph, np.concatenate([np.arange(n) for n in n_bins]))
    equal = graph.add("Equal", spread.tensor, codes)
    ones = graph.add("Cast", equal, to=TensorProto.DOUBLE)
    known = is_number(graph, spread.tensor)
    return spread._replace(tensor=or_nan(graph, known, ones))
