"""Adds a fitted final estimator to a graph, over its float64 matrix.

Every module of this package is one family. Its functions are registered under
the names of the classes that they emit, as ``<distribution>.<class>``, so that
no library is imported for an estimator that is not there, and a private module
may move from one release to the next.
"""

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, TypeVar

from convert.graph import Graph
from convert.overrides import check_class
from convert.refusal import Refusal


class Outputs(NamedTuple):
    """Tensors that an estimator computes; None for what it does not have.

    Parameters
    ----------
    prediction
        Of a regressor: float64 (n_rows, n_targets).
    probabilities
        What `predict_proba` returns: float64 (n_rows, n_classes).
    label_index
        What `predict` returns, as int64 (n_rows, 1) into `classes_`.
    decision
        What `decision_function` returns: float64 (n_rows, 1) for two classes,
        (n_rows, n_classes) for more.
    """

    prediction: str | None = None
    probabilities: str | None = None
    label_index: str | None = None
    decision: str | None = None


Emitter = Callable[[Any, Graph, str, int], Outputs]
AnyEmitter = TypeVar("AnyEmitter", bound=Emitter)

_EMITTERS: dict[str, Emitter] = {}


def emits(*names: str) -> Callable[[AnyEmitter], AnyEmitter]:
    """Register a function for the classes with these `class_name`."""

    def register(emitter: AnyEmitter) -> AnyEmitter:
        taken = _EMITTERS.keys() & set(names)
        if taken:
            raise TypeError(f"{sorted(taken)} already have an emitter")
        _EMITTERS.update(dict.fromkeys(names, emitter))
        return emitter

    return register


def emit(estimator: Any, graph: Graph, matrix: str, n_columns: int) -> Outputs:
    """Add the nodes of a fitted estimator over `matrix`.

    Parameters
    ----------
    matrix
        Tensor, float64 (n_rows, n_columns), in the order that it was fitted on.

    Raises
    ------
    Refusal
        Its class, or a setting of it, cannot be said in ONNX without a
        difference.
    """
    expected = fitted_columns(estimator)
    if expected not in (None, n_columns):
        raise Refusal(
            f"{type(estimator).__name__} was fitted on {expected} columns and gets "
            f"{n_columns}: fit the whole pipeline again and export that"
        )
    return _emitter(estimator)(estimator, graph, matrix, n_columns)


def fitted_columns(estimator: Any) -> int | None:
    """Return how many columns an estimator was fitted on; None where it does not say.

    CatBoost's own count is 0 once it was saved and loaded; its names survive.
    """
    count: int | None = getattr(estimator, "n_features_in_", None)
    return count or len(getattr(estimator, "feature_names_", ())) or None


def emitted_classes() -> tuple[str, ...]:
    """Return every class name that `emit` knows, sorted."""
    _import_families()
    return tuple(sorted(_EMITTERS))


def class_name(estimator_class: type) -> str:
    """Return e.g. ``sklearn.Ridge``, whatever private module defines it."""
    return f"{estimator_class.__module__.partition('.')[0]}.{estimator_class.__name__}"


def _emitter(estimator: Any) -> Emitter:
    _import_families()
    kind: type = type(estimator)
    for base in kind.__mro__:
        if class_name(base) in _EMITTERS:
            check_class(kind, base)
            return _EMITTERS[class_name(base)]
    raise Refusal(_unknown(type(estimator)))


def _unknown(estimator_class: type) -> str:
    name = class_name(estimator_class)
    if not hasattr(estimator_class, "predict"):
        return f"{name} has no predict: the last step must be a regressor or classifier"
    nearest = "Classifier" if hasattr(estimator_class, "predict_proba") else "Regressor"
    return (
        f"{name} has no emitter: sklearn.HistGradientBoosting{nearest} is the nearest "
        "estimator that has one"
    )


@cache
def _import_families() -> None:
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        importlib.import_module(module.name)
