"""Tells scikit-learn's own transformers from other people's.

Of scikit-learn's own it is known what they look at: an encoder looks its values up
among its fitted categories, an imputer knows its markers. A class or a function of
anybody else may answer any value in its own way.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.feature_selection import SelectorMixin
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer

LINES = {None, np.positive, np.asarray, np.array, np.negative, np.deg2rad, np.rad2deg}
"""Functions that make a straight line of numbers."""

FUNCTIONS = LINES | {
    *(np.abs, np.fabs, np.cbrt, np.ceil, np.cos, np.exp, np.exp2, np.expm1, np.floor),
    *(np.log, np.log10, np.log1p, np.log2, np.reciprocal, np.rint, np.round, np.sign),
    *(np.sin, np.sqrt, np.square, np.tan, np.tanh),
}
"""Those of which it is known what they make of any number."""

LIBRARIES = {"sklearn", "imblearn"}
SEARCHES = {"optuna", "optuna_integration"}
"""Whose search objects are not scikit-learn's and hand on to what they found, too."""
HASHERS = "sklearn.feature_extraction"
"""Whose classes make something of the letters of a text, as a user's function may."""


def unwrap(transformer: Any) -> Any:
    """Return what a search object found, or what a frozen estimator holds."""
    if is_search(transformer) and hasattr(transformer, "best_estimator_"):
        return unwrap(transformer.best_estimator_)
    kind = type(transformer)
    if kind.__name__ == "FrozenEstimator" and kind.__module__.startswith("sklearn."):
        return unwrap(transformer.estimator)
    return transformer


def is_search(estimator: Any) -> bool:
    """Tell whether it tries several estimators and hands on to the best."""
    library = type(estimator).__module__.partition(".")[0]
    return isinstance(estimator, BaseSearchCV) or library in SEARCHES


def passes(transformer: Any) -> bool:
    """Tell whether a step hands its columns on unchanged."""
    if transformer is None or isinstance(transformer, str):
        return True
    return type(transformer) is FunctionTransformer and transformer.func is None


def keeps_values(transformer: Any) -> bool:
    """Tell whether each value that comes out went in, or fills a gap."""
    transformer = unwrap(transformer)
    is_imputer = type(transformer) in {SimpleImputer, KNNImputer}
    return passes(transformer) or is_imputer or is_sampler(transformer)


def is_sampler(step: Any) -> bool:
    """Tell whether a step, as imbalanced-learn's, works only while fitting."""
    return hasattr(step, "fit_resample") and not hasattr(step, "transform")


def is_own(transformer: Any) -> bool:
    """Tell whether a transformer is exactly one of scikit-learn's.

    A subclass is not: it may compute something else. Neither is a vectorizer or a
    hasher where its column is tabulated, nor what calls a function that we do not know.
    """
    if type(transformer) is FunctionTransformer:
        return is_known(transformer.func) and not transformer.kw_args
    if is_vectorizer(transformer):
        return True
    module = type(transformer).__module__
    return module.partition(".")[0] in LIBRARIES and not module.startswith(HASHERS)


def foreign_steps(transformer: Any) -> Iterator[Any]:
    """Yield the transformers in a fitted preprocessor that are not scikit-learn's."""
    transformer = unwrap(transformer)
    if isinstance(transformer, Pipeline):
        inner = [step for _, step in transformer.steps]
    elif type(transformer) is FeatureUnion:
        inner = [step for _, step in transformer.transformer_list]
    elif type(transformer) is ColumnTransformer:
        inner = [step for _, step, _ in transformer.transformers_]
    else:
        is_step = not passes(transformer) and hasattr(transformer, "transform")
        if is_step and not is_own(transformer):
            yield transformer
        return
    for step in inner:
        yield from foreign_steps(step)


def name_of(transformer: Any) -> str:
    """Return the name of a class, or of the function that a transformer calls."""
    if type(transformer) is not FunctionTransformer:
        return type(transformer).__name__
    function = transformer.func
    while isinstance(function, partial):
        function = function.func
    name: str = getattr(function, "__name__", type(function).__name__)
    return "a lambda" if name == "<lambda>" else name


def is_vectorizer(transformer: Any) -> bool:
    return isinstance(transformer, CountVectorizer | HashingVectorizer)


def is_selector(transformer: object) -> bool:
    """Tell whether a transformer only takes the columns of its ``get_support``."""
    return (
        isinstance(transformer, SelectorMixin)
        and type(transformer).transform is SelectorMixin.transform
    )


def is_known(function: Any) -> bool:
    return function is None or (callable(function) and function in FUNCTIONS)
