"""Feature selection: every class that chooses columns and changes none."""

import numpy as np

from convert.graph.blocks import Matrix, select
from convert.graph.builder import Graph
from convert.lowering.step import Step


def lower_selector(graph: Graph, step: Step, matrix: Matrix) -> Matrix:
    support = np.flatnonzero(step.transformer.get_support())
    return select(graph, matrix, [int(position) for position in support])
