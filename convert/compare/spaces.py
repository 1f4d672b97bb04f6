"""Where the tuner looks: for each candidate its parameters, and where it starts."""

from typing import NamedTuple

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from convert.training.regressors import Parameter, Parameters


class Axis(NamedTuple):
    """One parameter; the first trial has `start`, the library's default if it can."""

    start: Parameter
    distribution: BaseDistribution


Space = dict[str, Axis]

MAX_NEIGHBORS = 60


def _share(start: float, low: float, high: float) -> Axis:
    return Axis(start, FloatDistribution(low, high))


def _log(start: float, low: float, high: float) -> Axis:
    return Axis(start, FloatDistribution(low, high, log=True))


def _count(start: int, low: int, high: int) -> Axis:
    return Axis(start, IntDistribution(low, high))


def _log_count(start: int, low: int, high: int) -> Axis:
    return Axis(start, IntDistribution(low, high, log=True))


def _one_of(*choices: Parameter) -> Axis:
    return Axis(choices[0], CategoricalDistribution(choices))


_SPACES: dict[str, Space] = {
    "linear": {},
    "ridge": {
        "alpha": _log(1.0, 1e-3, 1e3),
        "scale_categories": _one_of(False, True),
    },
    "lasso": {
        "alpha": _log(1.0, 1e-3, 10.0),
        "scale_categories": _one_of(False, True),
    },
    "neighbors": {
        "n_neighbors": _log_count(5, 1, MAX_NEIGHBORS),
        "weights": _one_of("uniform", "distance"),
        "p": _one_of(2, 1),
        "scale_categories": _one_of(False, True),
    },
    "tree": {
        "max_depth": _count(16, 2, 16),
        "min_samples_leaf": _log_count(1, 1, 50),
    },
    "forest": {
        "n_estimators": _log_count(100, 50, 300),
        "max_depth": _count(16, 3, 16),
        "min_samples_leaf": _log_count(1, 1, 20),
        "max_features": _share(1.0, 0.2, 1.0),
    },
    "adaboost": {
        "n_estimators": _log_count(50, 20, 200),
        "learning_rate": _log(1.0, 0.03, 2.0),
        "loss": _one_of("linear", "square", "exponential"),
    },
    "xgboost": {
        "n_estimators": _log_count(100, 50, 400),
        "learning_rate": _log(0.3, 0.01, 0.3),
        "max_depth": _count(6, 2, 8),
        "min_child_weight": _log(1.0, 1.0, 20.0),
        "subsample": _share(1.0, 0.5, 1.0),
        "colsample_bytree": _share(1.0, 0.5, 1.0),
    },
    "catboost": {
        "iterations": _log_count(300, 50, 600),
        "learning_rate": _log(0.05, 0.02, 0.3),
        "depth": _count(6, 3, 8),
        "l2_leaf_reg": _log(3.0, 1.0, 10.0),
    },
}


def space_of(name: str, n_fitted_rows: int) -> Space:
    """Return the space of a candidate of `convert.training.regressors.CANDIDATES`."""
    space = dict(_SPACES[name])
    if "n_neighbors" in space:
        most = min(MAX_NEIGHBORS, n_fitted_rows)
        space["n_neighbors"] = _log_count(min(5, most), 1, most)
    return space


def start(space: Space) -> Parameters:
    return {name: axis.start for name, axis in space.items()}


def distributions(space: Space) -> dict[str, BaseDistribution]:
    return {name: axis.distribution for name, axis in space.items()}
