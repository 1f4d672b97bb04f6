"""Refuses pipelines of which a part predicts in a way that its library does not.

The graph is made from what a library's class learns and from how that class predicts.
A subclass, a mixin before it, or a function that was put in the place of one of its
methods may add a rule that no row at hand shows. What is not looked through does not
count here: another's transformer is asked for its values, another's estimator has no
emitter.
"""

import inspect
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.feature_selection import SelectorMixin

from convert.errors import Unsupported, listed
from convert.fitted.own import is_search, unwrap

LIBRARIES = {"sklearn", "imblearn", "lightgbm", "xgboost", "catboost"}
"""Whose classes are known to predict as the emitters and lowerings say."""

HARMLESS = (
    *("fit", "_fit", "partial_fit", "score", "plot", "set_", "get_params"),
    *(
        "get_feature_names_out",
        "get_metadata",
        "_get_metadata",
        "_get_default_requests",
    ),
    *("get_support", "_get_support_mask", "_parameter_constraints", "_validate_params"),
    *("_more_tags", "_get_tags", "_get_param", "_estimator_type", "_required_param"),
    *("_repr", "_doc_link", "_sklearn_auto_wrap", "_abc_impl", "_build_request"),
    *("_run_search", "_select_best", "_format_results", "_get_scorers", "_get_routed"),
    *("_check_refit", "_check_input_parameters", "_check_scorers", "_log_message"),
    *("_html", "_sk_visual", "_init_callback", "_get_doc", "_get_fitted", "_get_class"),
    *("save", "load", "to_", "copy", "_can_", "_validate_estimator", "_validate_y"),
)
"""How the names of what shapes no prediction of a fitted estimator begin."""

SHAPING = {"__getattribute__", "__getattr__", "__class__", "__call__", "__len__"}
SHAPING |= {"__getitem__", "__iter__"}
"""The only names of Python's own that do shape one."""

ASKED = {"predict", "predict_proba", "decision_function", "transform"}
ASKED |= {"inverse_transform", "score_samples", "fit_resample"}
"""What a caller looks for, also where the library has none."""

PREDICTING = ("predict", "decision", "raw_predict")
"""How the names begin that a library's own subclass changes if it predicts otherwise."""


def refuse_overrides(pipeline: Any) -> None:
    """Refuse a fitted pipeline if any part of it predicts in a way of its own.

    Raises
    ------
    Refusal
        It names the class and its methods, or whose function stands in their place.
    """
    seen: set[int] = set()
    found = [pipeline]
    while found:
        part = found.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, type):
            continue
        if type(part) in {list, set} or isinstance(part, tuple):
            found += part
        elif isinstance(part, dict):
            found += part.values()
        elif isinstance(part, np.ndarray):
            found += part.ravel().tolist() if part.dtype == object else []
        elif _can_predict(type(part)):
            found += _checked(part)


def changed(estimator_class: type, base: type) -> list[str]:
    """Return what of a base's way to predict a class replaces, sorted."""
    is_library = _root(estimator_class.__module__) in LIBRARIES
    names = {name for each in estimator_class.__mro__ for name in vars(each)}
    return sorted(
        name
        for name in names
        if _shapes(name)
        and (not is_library or name.lstrip("_").startswith(PREDICTING))
        and _is_changed(name, estimator_class, base)
    )


def _can_predict(estimator_class: type) -> bool:
    names = ("fit", "predict", "transform", "__call__")  # a kernel is called
    return any(hasattr(estimator_class, name) for name in names)


def _checked(part: Any) -> list[Any]:
    """Refuse one object that changes its class; return what it holds."""
    kind: type = type(part)
    base = _library_class(kind)
    if base is not None and (kind is base or is_followed(base)):
        check_class(kind, base)
        _check_attributes(part)
    elif unwrap(part) is part:
        _check_search(part)
        return []
    attributes = getattr(part, "__dict__", {})
    if is_search(part):  # what it tried, and did not choose, predicts nothing
        return [attributes.get("best_estimator_")]
    return list(attributes.values())


def _check_search(part: Any) -> None:
    if hasattr(part, "best_estimator_") and hasattr(type(part), "predict"):
        raise Unsupported(
            f"{type(part).__name__} is nobody's search that is known here, and may "
            "change what its best_estimator_ predicts: save that instead"
        )


def _library_class(estimator_class: type) -> type | None:
    """Return the nearest class of a library that is more than a base to inherit."""
    for base in estimator_class.__mro__:
        if _root(base.__module__) in LIBRARIES and base.__module__ != "sklearn.base":
            return base
    return None


def is_followed(base: type) -> bool:
    """Tell whether a subclass is lowered as its base; a transformer's is asked."""
    return hasattr(base, "predict") or issubclass(
        base, CountVectorizer | HashingVectorizer | SelectorMixin
    )


@cache
def check_class(estimator_class: type, base: type) -> None:
    """Refuse a class that predicts in another way than the base which is known.

    Raises
    ------
    Unsupported
        If the class changes a method of the base, or one of the base was replaced by a
        function from elsewhere.
    """
    if own := changed(estimator_class, base):
        raise Unsupported(
            f"{estimator_class.__name__} changes {listed(own)} of {base.__name__}, "
            f"which no graph can follow: use {base.__name__}"
        )
    for name, function in _methods(base):
        source = _source(function)
        known = LIBRARIES | sys.stdlib_module_names | {"numpy"}
        if _root(source) not in known and not source.startswith("_cython"):
            raise Unsupported(
                f"{name} of {base.__name__} was replaced by a function of {source}, "
                f"which no graph can follow: leave {base.__name__} as it is"
            )


def _check_attributes(part: Any) -> None:
    kind = type(part)
    for name in getattr(part, "__dict__", ()):
        method = inspect.getattr_static(kind, name, None)
        is_method = hasattr(method, "__get__") and not hasattr(method, "__set__")
        replaces = _shapes(name) and is_method
        if replaces or (name in ASKED and callable(vars(part)[name])):
            raise Unsupported(
                f"{name} of this {kind.__name__} was replaced on the object itself, "
                f"which no graph can follow: save a {kind.__name__} without that"
            )


def _methods(base: type) -> Iterator[tuple[str, Any]]:
    """Yield the functions of a class and of what it inherits, also those it hides."""
    for each in base.__mro__:
        if _root(each.__module__) in LIBRARIES:
            yield from (
                (name, _function(found))
                for name, found in vars(each).items()
                if _shapes(name)
            )


def _function(found: Any) -> Any:
    """Return what is in a property, a static method or what shows a method at times."""
    inside = (getattr(found, name, None) for name in ("__func__", "fget", "fn", "func"))
    held = next((each for each in inside if each is not None), None)
    return found if held is None else _function(held)


def _source(function: Any) -> str:
    """Return the module that a function was written in, or that of a callable."""
    if not hasattr(function, "__globals__"):
        return type(function).__module__
    # functools.wraps copies the name of a module, not the names that it knows
    return str(function.__globals__.get("__name__") or function.__module__)


def _shapes(name: str) -> bool:
    if name.startswith("__") and name.endswith("__"):
        return name in SHAPING
    return not name.startswith(HARMLESS)


def _is_changed(name: str, estimator_class: type, base: type) -> bool:
    absent = object()
    own = inspect.getattr_static(estimator_class, name, absent)
    theirs = inspect.getattr_static(base, name, absent)
    if theirs is not absent or name in SHAPING:
        return own is not theirs
    is_learnt = name.endswith("_") and hasattr(own, "__get__")
    return is_learnt or name in ASKED


def _root(module: str) -> str:
    return module.partition(".")[0]
