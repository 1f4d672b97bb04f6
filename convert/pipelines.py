"""Lowers a whole fitted pipeline: what comes before the estimator, then the estimator."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline

from convert.estimators import Outputs, emit
from convert.estimators.boosting import refuse_texts
from convert.estimators.catboost import refuse_categories
from convert.graph import Graph
from convert.hoist import hoist, members_of
from convert.lower import inner_steps, lower, names_of
from convert.preprocessing.blocks import Column, Matrix
from convert.preprocessing.inverse import invert
from convert.preprocessing.lookup import add_lookup
from convert.preprocessing.own import unwrap
from convert.refusal import Refusal

Steps = list[tuple[str, Any]]


def lower_pipeline(
    pipeline: Any, columns: Sequence[Column], graph: Graph, sample: pd.DataFrame
) -> Outputs:
    """Add a fitted pipeline, from the raw columns to what it predicts.

    Parameters
    ----------
    pipeline
        A pipeline, an estimator alone, or a search or a
        TransformedTargetRegressor around either.
    columns, sample
        As for `convert.lower.lower`.

    Raises
    ------
    Refusal
        A step or the estimator has no exact form in ONNX.
    """
    steps, estimator = split(pipeline)
    if not isinstance(estimator, TransformedTargetRegressor):
        estimator, matrix = lower_steps(steps, estimator, columns, graph, sample)
        return emit(estimator, graph, matrix.tensor, matrix.n_columns)
    inner = Pipeline([*steps, ("regressor", estimator.regressor_)])
    outputs = lower_pipeline(inner, columns, graph, sample)
    if outputs.prediction is None:
        raise AssertionError("TransformedTargetRegressor holds a regressor")
    return Outputs(invert(estimator.transformer_, graph, outputs.prediction))


def lower_steps(
    steps: Steps,
    estimator: Any,
    columns: Sequence[Column],
    graph: Graph,
    sample: pd.DataFrame,
) -> tuple[Any, Matrix]:
    """Return the matrix that the estimator reads, and the estimator that reads it."""
    refuse_texts(estimator)
    if steps:
        return estimator, lower(Pipeline(steps), columns, graph, sample)
    members = members_of(estimator)
    if not members:
        fitted = _as_fitted(estimator, columns, graph, sample)
        return estimator, lower("passthrough", fitted, graph, sample)

    def lower_member(member: Any) -> tuple[Matrix, Any]:
        inner, last = split(member)
        last, matrix = lower_steps(inner, last, columns, graph, sample)
        return matrix, last

    return hoist(estimator, members, lower_member, graph)


def split(pipeline: Any) -> tuple[Steps, Any]:
    """Return the steps before the estimator, those of inner pipelines too, and it."""
    pipeline = unwrap(pipeline)
    if not isinstance(pipeline, Pipeline):
        return [], pipeline
    *steps, (name, last) = pipeline.steps
    inner, estimator = split(last)
    before = inner_steps(Pipeline(steps)) if steps else []
    return before + [(f"{name} / {step}", each) for step, each in inner], estimator


def fitted_names(pipeline: Any) -> list[str] | None:
    """Return the columns of the frame that was fitted on; None for an array."""
    steps, estimator = split(pipeline)
    names = names_of(Pipeline(steps) if steps else estimator)
    if names is None and not steps:
        names = getattr(estimator, "feature_names_", None)  # CatBoost
        members = members_of(estimator)
        if members:
            return fitted_names(members[0])
    if names is None or _are_made_up(names):
        return None
    return list(names)


def _are_made_up(names: Sequence[str]) -> bool:
    """Tell the names that LightGBM and CatBoost give to the columns of an array."""
    positions = range(len(names))
    return list(names) in (
        [f"Column_{position}" for position in positions],
        [str(position) for position in positions],
    )


def _as_fitted(
    estimator: Any, columns: Sequence[Column], graph: Graph, sample: pd.DataFrame
) -> list[Column]:
    """Return the columns as an estimator without preprocessing reads them."""
    if hasattr(estimator, "get_cat_feature_indices"):
        refuse_categories(estimator)
    ordered = _in_fitted_order(estimator, columns)
    booster = getattr(estimator, "booster_", None)
    known = getattr(booster, "pandas_categorical", None)
    return _category_codes(ordered, known, graph, sample) if known else ordered


def _category_codes(
    columns: list[Column], known: list[list[Any]], graph: Graph, sample: pd.DataFrame
) -> list[Column]:
    """Put LightGBM's codes in the place of its category columns; NaN for the rest."""
    is_category = [
        isinstance(sample[column.name].dtype, pd.CategoricalDtype) for column in columns
    ]
    if sum(is_category) != len(known):
        raise Refusal(
            f"LightGBM was fitted on {len(known)} category columns and the sample has "
            f"{sum(is_category)}: give it the dtypes of the training frame"
        )
    categories = iter(known)
    return [
        _codes(column, next(categories), graph) if encoded else column
        for column, encoded in zip(columns, is_category, strict=True)
    ]


def _codes(column: Column, categories: list[Any], graph: Graph) -> Column:
    codes = [*range(len(categories)), np.nan, np.nan]
    rows = np.array(codes, np.float64)[:, None]
    return column._replace(
        tensor=add_lookup(column, categories, rows, graph), text=False
    )


def _in_fitted_order(estimator: Any, columns: Sequence[Column]) -> list[Column]:
    """Order the columns as an estimator without preprocessing was fitted on them."""
    names = fitted_names(estimator)
    if names is None:
        return list(columns)
    # LightGBM writes an underscore for a space
    by_name = {column.name.replace(" ", "_"): column for column in columns}
    missing = [name for name in names if name.replace(" ", "_") not in by_name]
    if missing:
        raise Refusal(
            f"the estimator was fitted on column {missing[0]!r}, which is not among "
            f"the model's features: add it to the sample"
        )
    return [by_name[name.replace(" ", "_")] for name in names]
