"""IterativeImputer: its rounds are a fixed sequence of linear predictions."""

from typing import Any

import numpy as np
from sklearn.experimental import enable_iterative_imputer  # noqa: F401  (its class hides)
from sklearn.impute import IterativeImputer
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

from convert.graph import Graph
from convert.preprocessing.blocks import Matrix, all_owners, take
from convert.preprocessing.elementwise import scalar
from convert.preprocessing.impute import (
    kept_columns,
    lower_imputer,
    missing_mask,
    with_indicator,
)
from convert.preprocessing.missing import keeps_empty
from convert.preprocessing.registry import Step, lowers, refuse

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


@lowers(IterativeImputer)
def lower_iterative(step: Step, matrix: Matrix, graph: Graph) -> Matrix:
    imputer = step.transformer
    _check(step)
    start = imputer.initial_imputer_
    kept = take(matrix, kept_columns(start), graph)
    mask = missing_mask(kept.tensor, imputer.missing_values, graph)
    filled = lower_imputer(step._replace(transformer=start), matrix, graph).tensor
    for turn in imputer.imputation_sequence_:
        filled = _impute_one(imputer, turn, filled, mask, kept.n_columns, graph)
    owners = (all_owners(kept),) * kept.n_columns
    return with_indicator(imputer, Matrix(filled, owners), matrix, graph)


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
    imputer: Any, turn: Any, filled: str, mask: str, n_columns: int, graph: Graph
) -> str:
    """Predict one column from the others, and write it where it was missing."""
    estimator = turn.estimator
    weights = np.zeros((n_columns, 1))
    weights[turn.neighbor_feat_idx, 0] = np.ravel(estimator.coef_)
    product = graph.add("MatMul", filled, graph.constant(weights))
    intercept = float(np.ravel(estimator.intercept_)[0])
    predicted = graph.add("Add", product, scalar(graph, intercept))
    low, high = imputer._min_value[turn.feat_idx], imputer._max_value[turn.feat_idx]
    if np.isfinite(low) or np.isfinite(high):
        bounds = scalar(graph, float(low)), scalar(graph, float(high))
        predicted = graph.add("Clip", predicted, *bounds)
    here = np.zeros((1, n_columns), bool)
    here[0, turn.feat_idx] = True
    replaced = graph.add("And", mask, graph.constant(here))
    return graph.add("Where", replaced, predicted, filled)
