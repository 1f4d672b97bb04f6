"""Follows the columns of the user's frame through the steps of a fitted pipeline."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline

from convert.fitted.columns import chosen_columns
from convert.fitted.columnwise import is_encoder
from convert.fitted.own import is_sampler, passes, unwrap


class Flow(NamedTuple):
    """A fitted transformer that does something itself, and what may reach it.

    Parameters
    ----------
    reads
        Columns of the frame that the transformer's input depends on; too many where
        it is not known which.
    raw
        Of these, the columns that no encoder has read before.
    """

    transformer: Any
    reads: tuple[str, ...]
    raw: frozenset[str]


def flows(preprocessor: Any, columns: list[str]) -> tuple[list[Flow], frozenset[str]]:
    """Return the transformers in a fitted preprocessor, and what is raw behind it."""
    return _follow(preprocessor, columns, frozenset(columns), is_frame=True)


def _follow(
    step: Any, columns: list[str], raw: frozenset[str], is_frame: bool
) -> tuple[list[Flow], frozenset[str]]:
    """Return the flows of one step, and what is raw behind it.

    Parameters
    ----------
    is_frame
        Whether the step is given the columns themselves, in this order.
    """
    if not columns:
        return [], frozenset()  # nothing was fitted
    step = unwrap(step)
    if isinstance(step, Pipeline):
        return _follow_steps(step, columns, raw, is_frame)
    if type(step) is FeatureUnion:
        parts = [(each, columns) for _, each in step.transformer_list]
        return _follow_parts(parts, raw, is_frame)
    if type(step) is ColumnTransformer:
        parts = [
            (each, chosen_columns(step, columns, chosen) if is_frame else columns)
            for _, each, chosen in step.transformers_
        ]
        return _follow_parts(parts, raw, is_frame)
    if passes(step) or is_sampler(step):
        return [], raw & set(columns)
    raw = raw & set(columns)
    behind = frozenset[str]() if is_encoder(step) else raw
    return [Flow(step, tuple(columns), raw)], behind


def _follow_steps(
    pipeline: Pipeline, columns: list[str], raw: frozenset[str], is_frame: bool
) -> tuple[list[Flow], frozenset[str]]:
    found: list[Flow] = []
    for _, each in pipeline.steps:
        made, raw = _follow(each, columns, raw, is_frame)
        found += made
        is_frame = is_frame and _keeps_columns(each)
    return found, raw


def _follow_parts(
    parts: list[tuple[Any, list[str]]], raw: frozenset[str], is_frame: bool
) -> tuple[list[Flow], frozenset[str]]:
    found: list[Flow] = []
    behind: frozenset[str] = frozenset()
    for each, columns in parts:
        if not isinstance(each, str) or each != "drop":
            made, left = _follow(each, columns, raw, is_frame)
            found += made
            behind |= left
    return found, behind


def _keeps_columns(step: Any) -> bool:
    """Tell whether a step hands on as many columns as it is given, in their order."""
    step = unwrap(step)
    if passes(step) or is_sampler(step):
        return True
    if type(step) is not SimpleImputer or getattr(step, "indicator_", None) is not None:
        return False
    statistics = np.asarray(step.statistics_, object)
    return bool((statistics == statistics).all())  # NaN: the column was dropped
