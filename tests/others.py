"""Pipelines as other people write them, fitted on `tests.pairs.make_homes`."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn import (
    calibration,
    compose,
    decomposition,
    ensemble,
    feature_selection,
    impute,
    linear_model,
    model_selection,
    neighbors,
    preprocessing,
    svm,
    tree,
)
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union

from tests.pairs import NUMBERS, TEXTS, make_homes, with_gaps

p = preprocessing
Maker = Callable[[pd.DataFrame], tuple[Any, list[str], str]]
"""The table → an unfitted pipeline, the columns that it reads, and its target."""


def _selectors(homes: pd.DataFrame) -> tuple[Any, list[str], str]:
    made = compose.make_column_transformer(
        (p.StandardScaler(), compose.make_column_selector(dtype_include=np.number)),
        (
            p.OneHotEncoder(handle_unknown="ignore"),
            compose.make_column_selector(dtype_exclude=np.number),
        ),
    )
    return (
        make_pipeline(made, linear_model.Ridge()),
        [*NUMBERS, *TEXTS, "lift"],
        "price",
    )


def _grid_search(homes: pd.DataFrame) -> tuple[Any, list[str], str]:
    made = Pipeline([("scale", p.StandardScaler()), ("svc", svm.SVC())])
    grid = {"svc__C": [1, 10], "svc__kernel": ["rbf", "linear"]}
    return model_selection.GridSearchCV(made, grid, cv=3), NUMBERS, "sold"


def _random_search_forest(homes: pd.DataFrame) -> tuple[Any, list[str], str]:
    made = make_pipeline(
        compose.make_column_transformer(
            (p.OrdinalEncoder(), TEXTS), remainder="passthrough"
        ),
        ensemble.RandomForestClassifier(10, random_state=0),
    )
    space = {"randomforestclassifier__max_depth": [3, 5, None]}
    search = model_selection.RandomizedSearchCV(made, space, n_iter=2, random_state=0)
    return search, [*NUMBERS, *TEXTS, "lift"], "band"


def _log_target(homes: pd.DataFrame) -> tuple[Any, list[str], str]:
    inner = make_pipeline(p.PowerTransformer(), linear_model.ElasticNet(alpha=0.01))
    made = compose.TransformedTargetRegressor(
        inner, func=np.log1p, inverse_func=np.expm1
    )
    return made, ["area / m²", "distance"], "price"


def _tuned_threshold(homes: pd.DataFrame) -> tuple[Any, list[str], str]:
    made = make_pipeline(p.StandardScaler(), linear_model.LogisticRegression())
    return model_selection.TunedThresholdClassifierCV(made), NUMBERS, "sold"


def _calibrated(homes: pd.DataFrame) -> tuple[Any, list[str], str]:
    made = make_pipeline(p.MinMaxScaler(), svm.LinearSVC())
    return calibration.CalibratedClassifierCV(made, cv=3), NUMBERS, "band"


def _titanic(homes: pd.DataFrame) -> tuple[Any, list[str], str]:
    numbers = Pipeline(
        [
            ("imputer", impute.SimpleImputer(strategy="median")),
            ("scaler", p.StandardScaler()),
        ]
    )
    words = Pipeline(
        [
            ("encoder", p.OneHotEncoder(handle_unknown="ignore")),
            (
                "selector",
                feature_selection.SelectPercentile(
                    feature_selection.chi2, percentile=50
                ),
            ),
        ]
    )
    made = compose.ColumnTransformer([("num", numbers, NUMBERS), ("cat", words, TEXTS)])
    classifier = linear_model.LogisticRegression()
    return (
        Pipeline(steps=[("preprocessor", made), ("classifier", classifier)]),
        [*NUMBERS, *TEXTS],
        "sold",
    )


def _positions(homes: pd.DataFrame) -> tuple[Any, list[str], str]:
    made = compose.ColumnTransformer(
        [
            ("a", p.RobustScaler(), slice(0, 2)),
            ("b", p.OneHotEncoder(), [3]),
            ("c", "drop", [4]),
        ],
        remainder=p.KBinsDiscretizer(
            3, encode="ordinal", quantile_method="averaged_inverted_cdf"
        ),
    )
    columns = ["area / m²", "distance", "built", "town", "heating"]
    return (
        make_pipeline(made, tree.DecisionTreeRegressor(max_depth=5)),
        columns,
        "price",
    )


def _nested(homes: pd.DataFrame) -> tuple[Any, list[str], str]:
    inner = compose.make_column_transformer(
        (p.StandardScaler(), ["distance"]), remainder="passthrough"
    )
    made = compose.make_column_transformer(
        (inner, NUMBERS),
        (p.TargetEncoder(random_state=0), ["town"]),
        verbose_feature_names_out=False,
    )
    return (
        make_pipeline(made, ensemble.ExtraTreesRegressor(8)),
        [*NUMBERS, "town"],
        "price",
    )


def _pandas_output(homes: pd.DataFrame) -> tuple[Any, list[str], str]:
    made = make_pipeline(p.StandardScaler(), decomposition.PCA(2), linear_model.Lasso())
    return made.set_output(transform="pandas"), NUMBERS, "price"


def _union(homes: pd.DataFrame) -> tuple[Any, list[str], str]:
    both = make_union(
        p.SplineTransformer(),
        make_pipeline(p.StandardScaler(), p.PolynomialFeatures(3)),
    )
    return make_pipeline(both, linear_model.RidgeCV()), NUMBERS, "price"


def _indicator(homes: pd.DataFrame) -> tuple[Any, list[str], str]:
    both = FeatureUnion(
        [
            ("value", impute.SimpleImputer()),
            ("gap", impute.MissingIndicator(features="all")),
        ]
    )
    return (
        make_pipeline(both, ensemble.GradientBoostingRegressor(n_estimators=9)),
        NUMBERS,
        "price",
    )


def _gaps_native(homes: pd.DataFrame) -> tuple[Any, list[str], str]:
    made = compose.make_column_transformer(
        (
            p.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan),
            TEXTS,
        ),
        remainder="passthrough",
        verbose_feature_names_out=False,
    )
    forest = ensemble.HistGradientBoostingClassifier(
        categorical_features=[0, 1], max_iter=20
    )
    return make_pipeline(made, forest), [*TEXTS, *NUMBERS], "band"


def _dates_of_years(homes: pd.DataFrame) -> tuple[Any, list[str], str]:
    made = compose.make_column_transformer(
        (p.FunctionTransformer(np.sqrt, feature_names_out="one-to-one"), ["area / m²"]),
        (p.QuantileTransformer(n_quantiles=20), ["built"]),
    )
    return (
        make_pipeline(made, neighbors.KNeighborsRegressor(weights="distance")),
        NUMBERS,
        "price",
    )


def _words(homes: pd.DataFrame) -> tuple[Any, list[str], str]:
    made = compose.ColumnTransformer(
        [
            ("text", TfidfVectorizer(ngram_range=(1, 2)), "remark"),
            ("n", p.MaxAbsScaler(), NUMBERS),
        ]
    )
    return (
        make_pipeline(made, linear_model.SGDClassifier(loss="log_loss")),
        ["remark", *NUMBERS],
        "sold",
    )


def _words_alone(homes: pd.DataFrame) -> tuple[Any, list[str], str]:
    made = compose.ColumnTransformer([("text", CountVectorizer(binary=True), "remark")])
    return make_pipeline(made, svm.LinearSVC()), ["remark"], "band"


def _stack(homes: pd.DataFrame) -> tuple[Any, list[str], str]:
    import lightgbm
    import xgboost

    members = [
        ("x", xgboost.XGBRegressor(n_estimators=9)),
        ("l", lightgbm.LGBMRegressor(n_estimators=9, verbose=-1)),
    ]
    made = ensemble.StackingRegressor(members, linear_model.RidgeCV())
    return make_pipeline(p.StandardScaler(), made), NUMBERS, "price"


def _vote_of_pipelines(homes: pd.DataFrame) -> tuple[Any, list[str], str]:
    scaled = make_pipeline(p.StandardScaler(), linear_model.BayesianRidge())
    made = ensemble.VotingRegressor(
        [("a", scaled), ("b", ensemble.RandomForestRegressor(5, random_state=0))]
    )
    return made, NUMBERS, "price"


def _bare_booster(homes: pd.DataFrame) -> tuple[Any, list[str], str]:
    import xgboost

    return xgboost.XGBRegressor(n_estimators=20), [*NUMBERS, "rooms"], "price"


def _bare_catboost(homes: pd.DataFrame) -> tuple[Any, list[str], str]:
    import catboost

    made = catboost.CatBoostClassifier(15, verbose=0, allow_writing_files=False)
    return made, [*NUMBERS, "rooms"], "sold"


def _whole_numbers_as_categories(homes: pd.DataFrame) -> tuple[Any, list[str], str]:
    made = compose.make_column_transformer(
        (p.OneHotEncoder(drop="if_binary"), ["rooms", "lift"]), remainder="passthrough"
    )
    return (
        make_pipeline(made, linear_model.HuberRegressor(max_iter=999)),
        ["rooms", "lift", "distance"],
        "price",
    )


def _selected_by_model(homes: pd.DataFrame) -> tuple[Any, list[str], str]:
    chosen = feature_selection.SelectFromModel(linear_model.Lasso(alpha=0.1))
    made = make_pipeline(
        p.StandardScaler(), chosen, ensemble.AdaBoostRegressor(n_estimators=6)
    )
    return made, [*NUMBERS, "rooms"], "price"


def _one_against_the_rest(homes: pd.DataFrame) -> tuple[Any, list[str], str]:
    from sklearn.multiclass import OneVsRestClassifier

    made = OneVsRestClassifier(linear_model.LogisticRegression(max_iter=999))
    return make_pipeline(p.PowerTransformer(), made), ["area / m²", "distance"], "band"


def _imputed_texts(homes: pd.DataFrame) -> tuple[Any, list[str], str]:
    words = make_pipeline(
        impute.SimpleImputer(strategy="constant", fill_value="missing"),
        p.OneHotEncoder(min_frequency=0.1, handle_unknown="infrequent_if_exist"),
    )
    made = compose.make_column_transformer(
        (words, TEXTS), (impute.SimpleImputer(add_indicator=True), NUMBERS)
    )
    return (
        make_pipeline(made, linear_model.GammaRegressor(max_iter=999)),
        [*TEXTS, *NUMBERS],
        "price",
    )


CONVERTED: list[Maker] = [
    _selectors,
    _grid_search,
    _random_search_forest,
    _log_target,
    _tuned_threshold,
    _calibrated,
    _titanic,
    _positions,
    _nested,
    _pandas_output,
    _union,
    _indicator,
    _gaps_native,
    _dates_of_years,
    _words,
    _words_alone,
    _stack,
    _vote_of_pipelines,
    _bare_booster,
    _bare_catboost,
    _whole_numbers_as_categories,
    _selected_by_model,
    _one_against_the_rest,
    _imputed_texts,
]

WITH_GAPS = {_indicator, _gaps_native, _imputed_texts}


def fit(maker: Maker) -> tuple[Any, pd.DataFrame, str]:
    """Return the fitted pipeline, rows for it, and its target."""
    homes = make_homes()
    pipeline, columns, target = maker(homes)
    X = homes[columns]
    if maker in WITH_GAPS:
        gaps = [name for name in columns if name in (*NUMBERS, *TEXTS)]
        X = with_gaps(X, gaps)
    pipeline.fit(X, homes[target])
    return pipeline, X, target
