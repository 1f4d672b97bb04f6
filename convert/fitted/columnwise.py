"""Tells which of scikit-learn's transformers work on each column by itself.

Random rows do not show whether columns act together: the one pair in 1,600 on which
an interaction was fitted is found by no sample. What a class does is known of the class.
"""

from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer

from convert.fitted.missing import is_missing
from convert.fitted.overrides import changed
from convert.fitted.own import (
    LINES,
    is_known,
    is_own,
    is_sampler,
    is_selector,
    passes,
    unwrap,
)

SCALERS = {"StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler"}

FILLERS = {"SimpleImputer", "MissingIndicator"}
"""They treat one value, their marker, in its own way."""

ENCODERS = {"OneHotEncoder", "OrdinalEncoder", "TargetEncoder"}
"""They know their categories, and treat all other values alike."""

CURVES = {
    *("Binarizer", "KBinsDiscretizer", "PowerTransformer"),
    *("QuantileTransformer", "SplineTransformer"),
}

COLUMNWISE = SCALERS | FILLERS | ENCODERS | CURVES


def is_columnwise(transformer: Any) -> bool:
    """Tell whether each output of a transformer depends on one column at most.

    False also where it is not known, as of what is not scikit-learn's.
    """
    transformer = unwrap(transformer)
    parts = _parts(transformer)
    if parts is not None:
        return all(map(is_columnwise, parts))
    return (
        passes(transformer)
        or is_sampler(transformer)
        or is_selector(transformer)
        or own_class(transformer) in COLUMNWISE
        or _is_elementwise(transformer)
    )


def is_straight(transformer: Any) -> bool:
    """Tell whether a transformer of single columns makes a straight line of numbers."""
    if passes(transformer) or is_sampler(transformer) or is_selector(transformer):
        return True
    if type(transformer) is FunctionTransformer:
        return _is_elementwise(transformer) and transformer.func in LINES
    kind = own_class(transformer)
    if kind in FILLERS:
        return is_missing(transformer.missing_values)
    return kind in SCALERS and not getattr(transformer, "clip", False)


def is_encoder(transformer: Any) -> bool:
    return own_class(transformer) in ENCODERS


def own_class(transformer: Any) -> str:
    """Return the name of scikit-learn's class that a transformer works like, or ""."""
    for base in type(transformer).__mro__:
        if base.__module__.startswith("sklearn.") and base.__name__ in COLUMNWISE:
            is_same = base is type(transformer)
            return (
                base.__name__ if is_same or not changed(type(transformer), base) else ""
            )
    return ""


def _is_elementwise(transformer: Any) -> bool:
    return (
        type(transformer) is FunctionTransformer
        and is_own(transformer)
        and is_known(transformer.func)
    )


def _parts(transformer: Any) -> list[Any] | None:
    """Return what a transformer is made of; None for one that does something itself."""
    if isinstance(transformer, Pipeline):
        return [step for _, step in transformer.steps]
    if type(transformer) is FeatureUnion:
        return [step for _, step in transformer.transformer_list]
    if type(transformer) is ColumnTransformer:
        return [step for _, step, _ in transformer.transformers_]
    return None
