"""IterativeImputer: its rounds are a fixed sequence of linear predictions."""

from typing import Any

import numpy as np
from sklearn.linear_model import (
    ARDRegression,
    BayesianRidge,
    ElasticNet,
    HuberRegressor,
    Lasso,
    LinearRegression,
    Ridge,
    RidgeCV,
)

from convert.fitted.missing import keeps_empty
from convert.graph.arithmetic import clip
from convert.graph.blocks import Matrix, all_owners, select
from convert.graph.builder import Graph, Tensor
from convert.lowering.preprocessing.impute import (
    impute_matrix,
    kept_columns,
    missing_mask,
    with_indicator,
)
from convert.lowering.registry import lowers
from convert.lowering.step import Step, refuse

LINEAR = (
    ARDRegression,
    BayesianRidge,
    ElasticNet,
    HuberRegressor,
    Lasso,
    LinearRegression,
    Ridge,
    RidgeCV,
)


@lowers("sklearn.IterativeImputer")
def lower_iterative(graph: Graph, step: Step, matrix: Matrix) -> Matrix:
    """Repeat the rounds of the imputation, each a linear prediction of one column.

    van Buuren and Groothuis-Oudshoorn (2011), mice, J. Statistical Software 45 (3).

    Raises
    ------
    Unsupported
        It draws at random, predicts with no linear model, or keeps empty columns.
    """
    imputer = step.transformer
    _check(step)
    start = imputer.initial_imputer_
    kept = select(graph, matrix, kept_columns(start))
    mask = missing_mask(graph, kept.tensor, imputer.missing_values)
    filled = impute_matrix(graph, step._replace(transformer=start), matrix).tensor
    for turn in imputer.imputation_sequence_:
        filled = _impute_one(graph, imputer, turn, filled, mask, kept.n_columns)
    owners = (all_owners(kept),) * kept.n_columns
    return with_indicator(graph, imputer, Matrix(filled, owners), matrix)


def _check(step: Step) -> None:
    imputer = step.transformer
    if imputer.sample_posterior:
        raise refuse(step, "sample_posterior draws at random; set it to False")
    empty = np.asarray(getattr(imputer, "_is_empty_feature", [False]))
    if keeps_empty(imputer) and empty.any():
        raise refuse(step, "it keeps columns that were empty; drop them before it")
    for turn in imputer.imputation_sequence_:
        if type(turn.estimator) not in LINEAR:
            raise refuse(
                step,
                f"it predicts with {type(turn.estimator).__name__}; use a linear one "
                f"such as BayesianRidge, its default",
            )


def _impute_one(
    graph: Graph, imputer: Any, turn: Any, filled: Tensor, mask: Tensor, n_columns: int
) -> Tensor:
    """Predict one column from the others, and write it where it was missing."""
    estimator = turn.estimator
    weights = np.zeros((n_columns, 1))
    weights[turn.neighbor_feat_idx, 0] = np.ravel(estimator.coef_)
    product = graph.add("MatMul", filled, graph.constant(weights))
    intercept = float(np.ravel(estimator.intercept_)[0])
    predicted = graph.add("Add", product, graph.constant(intercept))
    low, high = imputer._min_value[turn.feat_idx], imputer._max_value[turn.feat_idx]
    if np.isfinite(low) or np.isfinite(high):
        predicted = clip(graph, predicted, low, high)
    here = np.zeros((1, n_columns), bool)
    here[0, turn.feat_idx] = True
    replaced = graph.add("And", mask, graph.constant(here, bool))
    return graph.add("Where", replaced, predicted, filled)
