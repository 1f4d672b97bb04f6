"""Preprocessing and estimators to export together, fitted on a made-up table of homes."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn import (
    calibration,
    compose,
    decomposition,
    discriminant_analysis,
    dummy,
    ensemble,
    feature_extraction,
    feature_selection,
    gaussian_process,
    impute,
    kernel_ridge,
    linear_model,
    model_selection,
    multioutput,
    naive_bayes,
    neighbors,
    neural_network,
    preprocessing,
    svm,
    tree,
)
from sklearn.base import clone
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline

NUMBERS = ["area / m²", "distance", "built"]
TEXTS = ["town", "heating"]
N_ROWS = 240
NO_GAPS = ("GradientBoostingRegressor", "AdaBoostRegressor")


def make_homes(n_rows: int = N_ROWS, seed: int = 3) -> pd.DataFrame:
    """Return homes: numbers and texts with gaps, whole numbers, booleans, remarks."""
    rng = np.random.default_rng(seed)
    words = ["garden", "lift", "balcony", "près", "renovated", "12", "quiet", "a"]
    homes = pd.DataFrame(
        {
            "area / m²": rng.gamma(9, 9, n_rows).round(1),
            "distance": rng.lognormal(1, 1, n_rows).round(2),
            "built": rng.integers(1900, 2026, n_rows),
            "rooms": rng.integers(1, 7, n_rows),
            "town": rng.choice(["Ely", "Nörten (Hdbg.)", "", "St. Ives"], n_rows),
            "heating": rng.choice(["gas", "oil", "none"], n_rows, p=[0.6, 0.3, 0.1]),
            "lift": rng.random(n_rows) < 0.4,
            "remark": [" ".join(rng.choice(words, 4)) for _ in range(n_rows)],
        }
    )
    homes["price"] = (
        3.1 * homes["area / m²"]
        - 4 * np.log1p(homes["distance"])
        + 20 * (homes["heating"] == "gas")
        + 9 * homes["lift"]
        + rng.normal(0, 20, n_rows)
    ).abs().round(1) + 1
    homes["rent"] = (homes["price"] / 30 + rng.normal(0, 1, n_rows)).abs() + 0.5
    homes["sold"] = np.where(homes["price"] > homes["price"].median(), "yes", "no")
    homes["band"] = pd.qcut(homes["price"], 3, labels=False).astype(int)
    return homes


def with_gaps(homes: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    gaps = np.random.default_rng(1).random((len(homes), len(names))) < 0.1
    return homes.assign(**{n: homes[n].mask(gaps[:, i]) for i, n in enumerate(names)})


class Pair(NamedTuple):
    """A pipeline to fit, and the columns that it reads and predicts."""

    preprocessing: str
    estimator: str
    make: Callable[[], Any]
    columns: list[str]
    target: list[str]
    gaps: bool


def fit(pair: Pair) -> tuple[Any, pd.DataFrame]:
    """Return the fitted pipeline, and rows that it was not fitted on."""
    homes = make_homes()
    X = homes[pair.columns]
    if pair.gaps:
        X = with_gaps(X, [name for name in pair.columns if name in (*NUMBERS, *TEXTS)])
    y = homes[pair.target[0] if len(pair.target) == 1 else pair.target]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline = pair.make().fit(X[:180], y[:180])
    return pipeline, X[180:].reset_index(drop=True)


def _scaled() -> Any:
    return _columns(
        make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler()),
        make_pipeline(
            impute.SimpleImputer(strategy="most_frequent"),
            preprocessing.OneHotEncoder(handle_unknown="ignore"),
        ),
    )


def _raw() -> Any:
    encoder = preprocessing.OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=-1,
        encoded_missing_value=-2,
    )
    return _columns("passthrough", encoder)


def _columns(numbers: Any, texts: Any) -> Any:
    return compose.ColumnTransformer(
        [("numbers", numbers, NUMBERS), ("texts", texts, TEXTS)]
    )


def _number_steps() -> dict[str, Any]:
    p, d, f = preprocessing, decomposition, feature_selection
    return {
        "MinMaxScaler": p.MinMaxScaler(clip=True),
        "MaxAbsScaler": p.MaxAbsScaler(),
        "RobustScaler": p.RobustScaler(),
        "Normalizer": p.Normalizer(),
        "PowerTransformer": p.PowerTransformer(),
        "QuantileTransformer": p.QuantileTransformer(n_quantiles=50),
        "QuantileTransformer normal": p.QuantileTransformer(
            n_quantiles=50, output_distribution="normal"
        ),
        "KBinsDiscretizer": p.KBinsDiscretizer(
            4, quantile_method="averaged_inverted_cdf"
        ),
        "KBinsDiscretizer ordinal": p.KBinsDiscretizer(
            4, encode="ordinal", quantile_method="averaged_inverted_cdf"
        ),
        "PolynomialFeatures": make_pipeline(
            p.StandardScaler(), p.PolynomialFeatures(2, include_bias=False)
        ),
        "SplineTransformer": p.SplineTransformer(),
        "Binarizer": p.Binarizer(threshold=50),
        "FunctionTransformer log1p": p.FunctionTransformer(np.log1p),
        "PCA": make_pipeline(p.StandardScaler(), d.PCA(2)),
        "TruncatedSVD": d.TruncatedSVD(2),
        "SelectKBest": f.SelectKBest(f.f_regression, k=2),
        "VarianceThreshold": f.VarianceThreshold(),
        "FeatureUnion": FeatureUnion(
            [("a", p.StandardScaler()), ("b", p.MinMaxScaler())]
        ),
    }


def _gap_steps() -> dict[str, Any]:
    return {
        "SimpleImputer mean": impute.SimpleImputer(),
        "SimpleImputer median + indicator": impute.SimpleImputer(
            strategy="median", add_indicator=True
        ),
        "KNNImputer": impute.KNNImputer(),
        "IterativeImputer": impute.IterativeImputer(max_iter=5, random_state=0),
    }


def _text_steps() -> dict[str, Any]:
    p = preprocessing
    return {
        "OneHotEncoder": p.OneHotEncoder(),
        "OneHotEncoder drop first": p.OneHotEncoder(drop="first"),
        "OneHotEncoder infrequent": p.OneHotEncoder(
            min_frequency=30, handle_unknown="infrequent_if_exist"
        ),
        "OrdinalEncoder": p.OrdinalEncoder(),
        "TargetEncoder": p.TargetEncoder(random_state=0),
    }


REGRESSION = ["price"]


def preprocessing_pairs() -> Iterator[Pair]:
    """Yield every way to prepare numbers and categories, before Ridge and a forest."""
    steps = [(name, step, "words", False) for name, step in _number_steps().items()]
    steps += [(name, step, "words", True) for name, step in _gap_steps().items()]
    for name, step, _, gaps in steps:
        for estimator in (linear_model.Ridge(), _forest()):
            made = compose.ColumnTransformer([("n", step, NUMBERS)])
            yield _pair(name, made, estimator, NUMBERS, REGRESSION, gaps)
    for name, step in _text_steps().items():
        for estimator in (linear_model.Ridge(), _forest()):
            made = _columns(preprocessing.StandardScaler(), step)
            yield _pair(name, made, estimator, [*NUMBERS, *TEXTS], REGRESSION, False)
    text = feature_extraction.text
    for vectorizer in (text.CountVectorizer(), text.TfidfVectorizer()):
        made = compose.ColumnTransformer(
            [("remark", vectorizer, "remark"), ("n", "passthrough", NUMBERS)]
        )
        name = type(vectorizer).__name__
        columns = ["remark", *NUMBERS]
        yield _pair(name, made, linear_model.Ridge(), columns, REGRESSION, False)
        yield _pair(
            name,
            made,
            linear_model.LogisticRegression(max_iter=2000),
            columns,
            ["sold"],
            False,
        )


def regressor_pairs() -> Iterator[Pair]:
    """Yield every regressor behind scaled columns, and trees behind raw ones too."""
    for estimator in regressors():
        yield _pair(
            "scaled", _scaled(), estimator, [*NUMBERS, *TEXTS], REGRESSION, True
        )
    for estimator in tree_regressors():
        if type(estimator).__name__ in NO_GAPS:
            continue
        yield _pair("raw", _raw(), estimator, [*NUMBERS, *TEXTS], REGRESSION, True)
    both = ["price", "rent"]
    for estimator in (
        linear_model.Ridge(),
        _forest(),
        neighbors.KNeighborsRegressor(),
        multioutput.MultiOutputRegressor(
            ensemble.GradientBoostingRegressor(n_estimators=20)
        ),
    ):
        yield _pair(
            "scaled, two targets", _scaled(), estimator, [*NUMBERS, *TEXTS], both, True
        )


def classifier_pairs() -> Iterator[Pair]:
    """Yield every classifier, with two classes that are texts and three numbers."""
    for target in ("sold", "band"):
        for estimator in classifiers():
            if type(estimator).__name__.startswith("XGB") and target == "sold":
                continue  # it takes numbers only
            yield _pair(
                "scaled", _scaled(), estimator, [*NUMBERS, *TEXTS], [target], True
            )


def refused_pairs() -> Iterator[Pair]:
    """Yield what ONNX cannot say."""
    import catboost

    made = compose.ColumnTransformer(
        [("n", preprocessing.FunctionTransformer(lambda X: X**2), NUMBERS)]
    )
    yield _pair("a lambda", made, linear_model.Ridge(), NUMBERS, REGRESSION, False)
    model = catboost.CatBoostRegressor(
        20, cat_features=TEXTS, verbose=0, allow_writing_files=False
    )
    columns = [*NUMBERS, *TEXTS]
    yield Pair(
        "none", "CatBoost cat_features", lambda: model, columns, REGRESSION, False
    )


def all_pairs() -> list[Pair]:
    return [
        *preprocessing_pairs(),
        *regressor_pairs(),
        *classifier_pairs(),
        *refused_pairs(),
    ]


def regressors() -> list[Any]:
    lm, e = linear_model, ensemble
    rbf = gaussian_process.kernels.RBF() + gaussian_process.kernels.WhiteKernel()
    return [
        lm.LinearRegression(),
        lm.Ridge(),
        lm.Lasso(),
        lm.ElasticNet(),
        lm.BayesianRidge(),
        lm.HuberRegressor(max_iter=500),
        lm.SGDRegressor(random_state=0),
        lm.PoissonRegressor(),
        lm.GammaRegressor(),
        lm.TweedieRegressor(power=1.5),
        compose.TransformedTargetRegressor(
            lm.Ridge(), func=np.log, inverse_func=np.exp
        ),
        model_selection.GridSearchCV(lm.Ridge(), {"alpha": [1, 10]}),
        neighbors.KNeighborsRegressor(),
        neighbors.KNeighborsRegressor(weights="distance"),
        svm.SVR(),
        svm.LinearSVR(),
        kernel_ridge.KernelRidge(kernel="rbf"),
        neural_network.MLPRegressor(
            hidden_layer_sizes=(8,), max_iter=300, random_state=0
        ),
        gaussian_process.GaussianProcessRegressor(rbf, normalize_y=True),
        dummy.DummyRegressor(),
        *tree_regressors(),
        e.VotingRegressor([("a", lm.Ridge()), ("b", _forest())], weights=[2, 1]),
        e.StackingRegressor([("a", lm.Ridge()), ("b", _forest())]),
        e.BaggingRegressor(n_estimators=5, random_state=0),
    ]


def tree_regressors() -> list[Any]:
    import catboost
    import lightgbm
    import xgboost

    e = ensemble
    return [
        tree.DecisionTreeRegressor(max_depth=6, random_state=0),
        _forest(),
        e.ExtraTreesRegressor(20, random_state=0),
        e.GradientBoostingRegressor(n_estimators=30),
        e.HistGradientBoostingRegressor(max_iter=30),
        e.AdaBoostRegressor(n_estimators=10, random_state=0),
        xgboost.XGBRegressor(n_estimators=30),
        lightgbm.LGBMRegressor(n_estimators=30, verbose=-1),
        catboost.CatBoostRegressor(30, verbose=0, allow_writing_files=False),
    ]


def classifiers() -> list[Any]:
    import catboost
    import lightgbm
    import xgboost

    lm, e = linear_model, ensemble
    return [
        lm.LogisticRegression(max_iter=2000),
        lm.RidgeClassifier(),
        lm.SGDClassifier(loss="log_loss", random_state=0),
        svm.LinearSVC(),
        svm.SVC(),
        neighbors.KNeighborsClassifier(),
        naive_bayes.GaussianNB(),
        discriminant_analysis.LinearDiscriminantAnalysis(),
        discriminant_analysis.QuadraticDiscriminantAnalysis(reg_param=0.1),
        neural_network.MLPClassifier(
            hidden_layer_sizes=(8,), max_iter=300, random_state=0
        ),
        tree.DecisionTreeClassifier(max_depth=6, random_state=0),
        e.RandomForestClassifier(20, random_state=0),
        e.ExtraTreesClassifier(20, random_state=0),
        e.GradientBoostingClassifier(n_estimators=20),
        e.HistGradientBoostingClassifier(max_iter=20),
        e.AdaBoostClassifier(n_estimators=10, random_state=0),
        e.BaggingClassifier(n_estimators=5, random_state=0),
        calibration.CalibratedClassifierCV(svm.LinearSVC()),
        calibration.CalibratedClassifierCV(
            e.RandomForestClassifier(10, random_state=0), method="isotonic"
        ),
        e.VotingClassifier(
            [
                ("a", lm.LogisticRegression(max_iter=2000)),
                ("b", naive_bayes.GaussianNB()),
            ],
            voting="soft",
        ),
        e.StackingClassifier(
            [
                ("a", lm.LogisticRegression(max_iter=2000)),
                ("b", naive_bayes.GaussianNB()),
            ]
        ),
        xgboost.XGBClassifier(n_estimators=20),
        lightgbm.LGBMClassifier(n_estimators=20, verbose=-1),
        catboost.CatBoostClassifier(20, verbose=0, allow_writing_files=False),
    ]


def _forest() -> Any:
    return ensemble.RandomForestRegressor(20, random_state=0)


def _pair(
    name: str,
    step: Any,
    estimator: Any,
    columns: list[str],
    target: list[str],
    gaps: bool,
) -> Pair:
    return Pair(
        name,
        _name(estimator),
        lambda: clone(Pipeline([("preprocessor", step), ("model", estimator)])),
        columns,
        target,
        gaps,
    )


def _name(estimator: Any) -> str:
    parameters = estimator.get_params(deep=False)
    inner = parameters.get("estimator", parameters.get("regressor"))
    name = type(estimator).__name__
    if getattr(estimator, "weights", None) == "distance":
        name += " distance"
    return f"{name} of {type(inner).__name__}" if inner is not None else name
