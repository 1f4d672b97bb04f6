"""Feature selection: every class that chooses columns and changes none."""

import numpy as np
from sklearn.feature_selection import SelectorMixin

from convert.graph import Graph
from convert.preprocessing.blocks import Matrix, take
from convert.preprocessing.registry import Step


def is_selector(transformer: object) -> bool:
    """Tell whether a transformer only takes the columns of its ``get_support``."""
    return (
        isinstance(transformer, SelectorMixin)
        and type(transformer).transform is SelectorMixin.transform
    )


def lower_selector(step: Step, matrix: Matrix, graph: Graph) -> Matrix:
    support = np.flatnonzero(step.transformer.get_support())
    return take(matrix, [int(position) for position in support], graph)
