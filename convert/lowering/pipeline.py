"""Lowers a whole fitted pipeline: what comes before the estimator, then the estimator."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline

from convert.errors import Unsupported
from convert.fitted.structure import (
    Steps,
    fitted_names,
    members_of,
    split,
)
from convert.graph.blocks import Column, Matrix
from convert.graph.builder import Graph
from convert.graph.lookup import add_lookup
from convert.lowering.estimators import emit
from convert.lowering.estimators.catboost import refuse_categories
from convert.lowering.estimators.gradient_boosting import refuse_texts
from convert.lowering.hoist import hoist
from convert.lowering.outputs import Outputs
from convert.lowering.transformers import lower


def lower_pipeline(
    graph: Graph, pipeline: Any, columns: Sequence[Column], sample: pd.DataFrame
) -> Outputs:
    """Add a fitted pipeline, from the raw columns to what it predicts.

    Parameters
    ----------
    pipeline
        A pipeline, an estimator alone, or a search or a
        TransformedTargetRegressor around either.
    columns, sample
        As for `convert.lowering.transformers.lower`.

    Raises
    ------
    Refusal
        A step or the estimator has no exact form in ONNX.
    """
    estimator, matrix = lower_steps(graph, *split(pipeline), columns, sample)
    return emit(graph, estimator, matrix.tensor, matrix.n_columns)


def lower_steps(
    graph: Graph,
    steps: Steps,
    estimator: Any,
    columns: Sequence[Column],
    sample: pd.DataFrame,
) -> tuple[Any, Matrix]:
    """Return the matrix that the estimator reads, and the estimator that reads it.

    Raises
    ------
    Unsupported
        A step has no exact form in ONNX, or a column is absent.
    """
    refuse_texts(estimator)
    if isinstance(estimator, TransformedTargetRegressor):
        inner = Pipeline([*steps, ("regressor", estimator.regressor_)])
        regressor, matrix = lower_steps(graph, *split(inner), columns, sample)
        return _with_regressor(estimator, regressor), matrix
    if steps:
        return estimator, lower(graph, Pipeline(steps), columns, sample)
    members = members_of(estimator)
    if not members:
        fitted = _as_fitted(graph, estimator, columns, sample)
        return estimator, lower(graph, "passthrough", fitted, sample)

    def lower_member(member: Any) -> tuple[Matrix, Any]:
        inner, last = split(member)
        last, matrix = lower_steps(graph, inner, last, columns, sample)
        return matrix, last

    return hoist(graph, estimator, members, lower_member)


def _with_regressor(estimator: Any, regressor: Any) -> Any:
    """Return a TransformedTargetRegressor of which the steps before are lowered."""
    changed = copy.copy(estimator)
    changed.regressor_ = regressor
    return changed


def _as_fitted(
    graph: Graph, estimator: Any, columns: Sequence[Column], sample: pd.DataFrame
) -> list[Column]:
    """Return the columns as an estimator without preprocessing reads them."""
    if hasattr(estimator, "get_cat_feature_indices"):
        refuse_categories(estimator)
    ordered = _in_fitted_order(estimator, columns)
    booster = getattr(estimator, "booster_", None)
    known = getattr(booster, "pandas_categorical", None)
    return _category_codes(graph, ordered, known, sample) if known else ordered


def _category_codes(
    graph: Graph, columns: list[Column], known: list[list[Any]], sample: pd.DataFrame
) -> list[Column]:
    """Put LightGBM's codes in the place of its category columns; NaN for the rest.

    Raises
    ------
    Unsupported
        If the sample has more or fewer category columns than LightGBM was fitted on.
    """
    is_category = [
        isinstance(sample[column.name].dtype, pd.CategoricalDtype) for column in columns
    ]
    if sum(is_category) != len(known):
        raise Unsupported(
            f"LightGBM was fitted on {len(known)} category columns and the sample has "
            f"{sum(is_category)}: give it the dtypes of the training frame"
        )
    categories = iter(known)
    return [
        _codes(graph, column, next(categories)) if encoded else column
        for column, encoded in zip(columns, is_category, strict=True)
    ]


def _codes(graph: Graph, column: Column, categories: list[Any]) -> Column:
    codes = [*range(len(categories)), np.nan, np.nan]
    rows = np.array(codes, np.float64)[:, None]
    return column._replace(
        tensor=add_lookup(graph, column, categories, rows), text=False
    )


def _in_fitted_order(estimator: Any, columns: Sequence[Column]) -> list[Column]:
    """Order the columns as an estimator without preprocessing was fitted on them.

    Raises
    ------
    Unsupported
        If it was fitted on a column that is not among these.
    """
    names = fitted_names(estimator)
    if names is None:
        return list(columns)
    # LightGBM writes an underscore for a space
    by_name = {column.name.replace(" ", "_"): column for column in columns}
    missing = [name for name in names if name.replace(" ", "_") not in by_name]
    if missing:
        raise Unsupported(
            f"the estimator was fitted on column {missing[0]!r}, which is not among "
            f"the model's features: add it to the sample"
        )
    return [by_name[name.replace(" ", "_")] for name in names]
