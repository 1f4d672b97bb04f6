"""XGBoost, LightGBM and CatBoost."""

import json
import pickle
from typing import Any

import catboost
import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.linear_model import LinearRegression

from convert.errors import Refusal
from convert.fitted.structure import fitted_columns
from tests.emission import (
    build,
    discrepancy,
    edge_rows,
    make_labels,
    make_matrix,
    make_target,
    with_missing,
)
from tests.every_estimator import boosters

DOUBLE = 1e-9
SINGLE = 1e-6

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

QUIET: dict[str, Any] = {"verbose": -1, "n_estimators": 20}
SILENT: dict[str, Any] = {"verbose": 0, "allow_writing_files": False, "iterations": 30}

XGBOOST = [
    {},
    {"objective": "count:poisson"},
    {"objective": "reg:gamma"},
    {"objective": "reg:tweedie"},
    {"objective": "reg:absoluteerror"},
    {"objective": "reg:logistic"},
    {"base_score": 3.0},
    {"booster": "dart", "rate_drop": 0.3},
    {"booster": "dart", "rate_drop": 0.3, "num_parallel_tree": 2},
    {"rate_drop": 0.3},
    {"booster": "gblinear"},
    {"missing": 2.0},
    {"enable_categorical": True, "feature_types": ["q"] * 4 + ["c"]},
]
LIGHTGBM = [
    {},
    {"objective": "poisson"},
    {"objective": "quantile"},
    {"objective": "mae"},
    {"boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.5},
    {"boosting_type": "dart"},
    {"reg_sqrt": True},
    {"use_missing": False},
    {"zero_as_missing": True},
    {"categorical_feature": [4], "min_data_per_group": 1, "cat_smooth": 1},
]
CATBOOST: list[dict[str, Any]] = [
    {},
    {"loss_function": "Poisson"},
    {"loss_function": "MAE"},
    {"nan_mode": "Max"},
    {"depth": 1},
]


def check(estimator: Any, matrix: Any, rows: Any, tolerance: float) -> None:
    for part in (matrix, rows, edge_rows(estimator, rows)):
        assert discrepancy(estimator, part) < tolerance


@pytest.mark.parametrize("settings", XGBOOST, ids=str)
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_xgboost_regressor(settings: dict[str, Any], missing: float) -> None:
    matrix = with_missing(make_matrix(), missing)
    target = make_target(matrix)
    if settings.get("objective") == "reg:logistic":
        target /= target.max()
    estimator = xgboost.XGBRegressor(n_estimators=20, **settings).fit(matrix, target)

    check(estimator, matrix, with_missing(make_matrix(seed=77)), SINGLE)


def test_xgboost_trees_add_up_to_the_last_bit() -> None:
    matrix = make_matrix()
    estimator = xgboost.XGBRegressor(n_estimators=300).fit(matrix, make_target(matrix))

    assert discrepancy(estimator, make_matrix(seed=77)) == 0.0


@pytest.mark.parametrize("place", ["around the trees", "with the trees"])
def test_xgboost_weights_after_dropout_are_read_in_either_place(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    matrix = make_matrix()
    estimator = xgboost.XGBRegressor(n_estimators=20, booster="dart", rate_drop=0.3)
    estimator.fit(matrix, make_target(matrix))
    saved = json.loads(estimator.get_booster().save_raw("json"))
    booster = saved["learner"]["gradient_booster"]
    trees = booster.get("gbtree", booster)["model"]
    holder = booster if "weight_drop" in booster else trees
    weights = holder.pop("weight_drop")
    if place == "with the trees":  # XGBoost 3.3 and newer
        moved = {"name": "gbtree", "model": trees | {"weight_drop": weights}}
    else:
        gbtree = {"name": "gbtree", "model": trees}
        moved = {"name": "dart", "gbtree": gbtree, "weight_drop": weights}
    saved["learner"]["gradient_booster"] = moved
    content = json.dumps(saved)
    monkeypatch.setattr(xgboost.Booster, "save_raw", lambda *_: content)

    assert min(weights) < 1
    check(estimator, matrix, make_matrix(seed=77), SINGLE)


@pytest.mark.filterwarnings("ignore:`XGBRFRegressor` is deprecated:FutureWarning")
def test_xgboost_forest_and_two_targets() -> None:
    matrix = make_matrix()
    target = make_target(matrix)
    forest = xgboost.XGBRFRegressor(n_estimators=20).fit(matrix, target)
    both = xgboost.XGBRegressor(n_estimators=5)
    both.fit(matrix, np.column_stack([target, np.sqrt(target)]))

    check(forest, matrix, make_matrix(seed=77), SINGLE)
    check(both, matrix, make_matrix(seed=77), SINGLE)


def test_xgboost_stops_at_its_best_iteration() -> None:
    matrix = make_matrix()
    target = make_target(matrix)
    noise = np.random.default_rng(0).normal(size=100) * 5
    estimator = xgboost.XGBRegressor(n_estimators=100, early_stopping_rounds=3)
    held_out = [(matrix[:100], target[:100] + noise)]
    estimator.fit(matrix, target, eval_set=held_out, verbose=False)

    assert estimator.best_iteration < 99
    check(estimator, matrix, make_matrix(seed=77), SINGLE)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "settings",
    [{}, {"booster": "dart", "rate_drop": 0.3}, {"booster": "gblinear"}],
    ids=str,
)
def test_xgboost_classifier(settings: dict[str, Any], n_classes: int) -> None:
    matrix = with_missing(make_matrix())
    labels = np.unique(make_labels(matrix, n_classes), return_inverse=True)[1]
    estimator = xgboost.XGBClassifier(n_estimators=10, n_jobs=1, **settings)
    estimator.fit(matrix, labels)

    check(estimator, matrix, with_missing(make_matrix(seed=77)), SINGLE)


@pytest.mark.parametrize("settings", LIGHTGBM, ids=str)
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_lightgbm_regressor(settings: dict[str, Any], missing: float) -> None:
    matrix = with_missing(make_matrix(), missing)
    estimator = lightgbm.LGBMRegressor(**QUIET, **settings)
    estimator.fit(matrix, make_target(matrix))
    rows = with_missing(make_matrix(seed=77))
    rows[:20, 4] = [-1, -0.5, 0.5, 1.5, 31, 32, 99, 1e9, -1e9, 6] * 2

    check(estimator, matrix, rows, DOUBLE)


@pytest.mark.parametrize(
    ("objective", "n_classes"), [("binary", 2), ("multiclass", 3), ("multiclassova", 3)]
)
def test_lightgbm_classifier(objective: str, n_classes: int) -> None:
    matrix = with_missing(make_matrix())
    estimator = lightgbm.LGBMClassifier(**QUIET, objective=objective)
    estimator.fit(matrix, make_labels(matrix, n_classes))

    check(estimator, matrix, with_missing(make_matrix(seed=77)), DOUBLE)


@pytest.mark.parametrize("settings", CATBOOST, ids=str)
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_catboost_regressor(settings: dict[str, Any], missing: float) -> None:
    matrix = with_missing(make_matrix(), missing)
    estimator = catboost.CatBoostRegressor(**SILENT, **settings)
    estimator.fit(matrix, make_target(matrix))
    rows = with_missing(make_matrix(seed=77))
    borders = [
        (column, np.float32(border))
        for column, limits in estimator.get_borders().items()
        for border in limits
    ]
    edges = np.repeat(rows[:1], 3 * len(borders), axis=0)
    for position, (column, border) in enumerate(borders):
        around = [np.nextafter(border, np.float32(side)) for side in (-1e9, 1e9)]
        edges[3 * position : 3 * position + 3, column] = [border, *around]

    check(estimator, matrix, rows, DOUBLE)
    assert discrepancy(estimator, edges) < DOUBLE


@pytest.mark.parametrize("n_classes", [2, 3])
def test_catboost_classifier(n_classes: int) -> None:
    matrix = with_missing(make_matrix())
    estimator = catboost.CatBoostClassifier(**SILENT)
    estimator.fit(matrix, make_labels(matrix, n_classes))

    check(estimator, matrix, with_missing(make_matrix(seed=77)), DOUBLE)


def test_catboost_of_two_targets() -> None:
    matrix = make_matrix()
    target = make_target(matrix)
    estimator = catboost.CatBoostRegressor(**SILENT, loss_function="MultiRMSE")
    estimator.fit(matrix, np.column_stack([target, np.sqrt(target)]))

    check(estimator, matrix, make_matrix(seed=77), DOUBLE)


def test_catboost_uses_the_threshold_that_was_set() -> None:
    matrix = make_matrix()
    estimator = catboost.CatBoostClassifier(**SILENT)
    estimator.fit(matrix, make_labels(matrix, 2))
    estimator.set_probability_threshold(0.2)

    check(estimator, matrix, make_matrix(seed=77), DOUBLE)


@pytest.mark.parametrize(
    ("estimator", "reason"),
    [
        (catboost.CatBoostRegressor(**SILENT, cat_features=[4]), "cat_features"),
        (catboost.CatBoostRegressor(**SILENT, grow_policy="Lossguide"), "symmetric"),
        (lightgbm.LGBMRegressor(**QUIET, linear_tree=True), "linear_tree"),
        (xgboost.XGBRegressor(n_estimators=2, objective="binary:hinge"), "objective"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_onnx_cannot_hold_is_refused(estimator: Any, reason: str) -> None:
    matrix: Any = make_matrix()
    if reason == "cat_features":
        matrix = matrix.astype(object)
        matrix[:, 4] = matrix[:, 4].astype(int)
    estimator.fit(matrix, np.arange(300) % 2)

    with pytest.raises(Refusal, match=reason):
        build(estimator, 5)


@pytest.mark.parametrize("estimator", [*boosters(), LinearRegression()], ids=repr)
@pytest.mark.parametrize("named", [False, True])
def test_a_loaded_estimator_says_how_many_columns_it_was_fitted_on(
    estimator: Any, named: bool
) -> None:
    matrix = make_matrix()
    rows = pd.DataFrame(matrix).add_prefix("column") if named else matrix
    target = make_target(matrix)
    fitted = estimator.fit(rows, (target > np.median(target)).astype(int))

    assert fitted_columns(pickle.loads(pickle.dumps(fitted))) == matrix.shape[1]
