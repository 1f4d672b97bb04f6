"""Adds a fitted final estimator to a graph, over its float64 matrix.

Every module of this package is one family.
"""

from typing import Any

from convert.errors import Unsupported
from convert.fitted.own import unwrap
from convert.fitted.structure import fitted_columns
from convert.graph.builder import Graph, Tensor
from convert.lowering.outputs import Outputs
from convert.lowering.registry import EMITTERS, class_name


def emit(graph: Graph, estimator: Any, matrix: Tensor, n_columns: int) -> Outputs:
    """Add the nodes of a fitted estimator over `matrix`.

    Parameters
    ----------
    estimator
        Or a search that found it.
    matrix
        Float64 (n_rows, n_columns), in the order that it was fitted on.

    Raises
    ------
    Unsupported
        Its class, or a setting of it, cannot be said in ONNX without a
        difference.
    """
    estimator = unwrap(estimator)
    expected = fitted_columns(estimator)
    if expected not in (None, n_columns):
        raise Unsupported(
            f"{type(estimator).__name__} was fitted on {expected} columns and gets "
            f"{n_columns}: fit the whole pipeline again and export that"
        )
    emitter = EMITTERS.find(type(estimator))
    if emitter is None:
        raise Unsupported(_unknown(type(estimator)))
    return emitter(graph, estimator, matrix, n_columns)


def _unknown(estimator_class: type) -> str:
    name = class_name(estimator_class)
    if not hasattr(estimator_class, "predict"):
        return f"{name} has no predict: the last step must be a regressor or classifier"
    nearest = "Classifier" if hasattr(estimator_class, "predict_proba") else "Regressor"
    return (
        f"{name} has no emitter: sklearn.HistGradientBoosting{nearest} is the nearest "
        "estimator that has one"
    )
