"""Fits one of everything, to see what the pickles of it import.

`python -m tests.every_estimator` prints the imports that `convert.saved.names` lacks under
the libraries that are installed. A class comes into the table of states, a function
that is called into `convert.saved.makers`, and what stands for itself must be harmless.
"""

import io
import itertools
import pickle
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import cloudpickle  # type: ignore[import-untyped]
import dill
import joblib
import numpy as np
import pandas as pd
from sklearn import model_selection
from sklearn.compose import make_column_selector
from sklearn.experimental import (  # noqa: F401
    enable_halving_search_cv,
    enable_iterative_imputer,
)
from sklearn.feature_selection import (
    chi2,
    f_classif,
    f_regression,
    mutual_info_classif,
    mutual_info_regression,
    r_regression,
)
from sklearn.gaussian_process import kernels
from sklearn.metrics import get_scorer, get_scorer_names
from sklearn.model_selection import (
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    ParameterGrid,
)
from sklearn.utils import all_estimators

from convert.saved.kinds import ELEMENTWISE
from convert.saved.scan import is_allowed, read_pickle
from tests.students import make_students

N_ROWS = 90
SCORES = ["reading_score", "writing_score"]
DTYPES = [bool, int, float, complex, str, object, "float32", np.dtype("int64")]
METRICS = [
    *["euclidean", "manhattan", "chebyshev", "minkowski", "canberra", "braycurtis"],
    *["cosine", "hamming", "haversine", "jaccard", "nan_euclidean", "cityblock"],
]
LOSSES = [
    *["squared_error", "absolute_error", "poisson", "gamma", "quantile", "huber"],
    *["log_loss", "exponential", "hinge", "modified_huber", "squared_hinge"],
    *["perceptron", "epsilon_insensitive", "squared_epsilon_insensitive"],
]
SCORE_FUNCTIONS = [
    *[chi2, f_classif, f_regression, r_regression],
    *[mutual_info_classif, mutual_info_regression],
]
CLASSES = {
    **dict(all_estimators()),
    "HalvingGridSearchCV": HalvingGridSearchCV,
    "HalvingRandomSearchCV": HalvingRandomSearchCV,
}


def make(name: str, **parameters: Any) -> Any:
    return CLASSES[name](**parameters)


def grids() -> Iterator[tuple[str, dict[str, list[Any]]]]:
    """Yield a class and the parameters to vary; what does not fit is skipped."""
    for kind in ("Regressor", "Classifier"):
        yield "GradientBoosting" + kind, {"loss": LOSSES, "n_estimators": [3]}
        yield (
            "HistGradientBoosting" + kind,
            {
                "loss": LOSSES,
                "quantile": [0.5],
                "max_iter": [3],
            },
        )
        yield (
            "HistGradientBoosting" + kind,
            {
                "categorical_features": [None, [0], "from_dtype"],
                "early_stopping": [True],
                "max_iter": [3],
            },
        )
        yield (
            "SGD" + kind,
            {
                "loss": LOSSES,
                "average": [True],
                "early_stopping": [True],
            },
        )
        yield (
            "MLP" + kind,
            {
                "solver": ["adam", "sgd", "lbfgs"],
                "early_stopping": [True, False],
                "hidden_layer_sizes": [(3,)],
                "max_iter": [3],
            },
        )
        yield (
            "KNeighbors" + kind,
            {
                "metric": METRICS,
                "algorithm": ["ball_tree", "kd_tree", "brute"],
                "p": [3],
            },
        )
        for metric, value in (("seuclidean", np.ones(6)), ("mahalanobis", np.eye(6))):
            yield (
                "KNeighbors" + kind,
                {
                    "metric": [metric],
                    "metric_params": [{"V": value}],
                    "algorithm": ["ball_tree", "brute"],
                },
            )
        yield "GaussianProcess" + kind, {"kernel": list(_kernels())}
        yield (
            "RandomForest" + kind,
            {
                "random_state": [np.random.RandomState(0)],
                "n_estimators": [3],
            },
        )
    for name in ("SVR", "SVC", "NuSVR", "NuSVC"):
        yield name, {"kernel": ["linear", "poly", "sigmoid"]}
    yield "SVC", {"probability": [True]}
    yield "LinearDiscriminantAnalysis", {"solver": ["svd", "lsqr", "eigen"]}
    yield from _preprocessing()
    yield from _nested()
    yield from _searches()


def _kernels() -> Iterator[Any]:
    for name in dir(kernels):
        kernel = getattr(kernels, name)
        is_kernel = isinstance(kernel, type) and issubclass(kernel, kernels.Kernel)
        if is_kernel and not _required(kernel):
            yield kernel()
            yield (kernels.ConstantKernel() * kernel() + kernels.WhiteKernel()) ** 2
    yield kernels.CompoundKernel([kernels.RBF()])


def _preprocessing() -> Iterator[tuple[str, dict[str, list[Any]]]]:
    encoders = ("OneHotEncoder", "OrdinalEncoder", "KBinsDiscretizer", "SimpleImputer")
    for name in (*encoders, "CountVectorizer", "TfidfVectorizer", "HashingVectorizer"):
        yield name, {"dtype": DTYPES}
    yield (
        "OrdinalEncoder",
        {
            "handle_unknown": ["use_encoded_value"],
            "unknown_value": [np.nan, -1],
        },
    )
    yield (
        "SimpleImputer",
        {
            "strategy": ["most_frequent"],
            "missing_values": [np.nan, None, pd.NA],
            "add_indicator": [True],
        },
    )
    yield "SimpleImputer", {"strategy": ["constant"], "fill_value": [np.int64(3), "x"]}
    yield "SplineTransformer", {"extrapolation": ["periodic", "linear"]}
    yield "FunctionTransformer", {"func": [np.log1p], "inverse_func": [np.expm1]}
    for name in (
        "SelectKBest",
        "SelectPercentile",
        "SelectFpr",
        "SelectFdr",
        "SelectFwe",
    ):
        yield name, {"score_func": SCORE_FUNCTIONS}


def _nested() -> Iterator[tuple[str, dict[str, list[Any]]]]:
    regressors = [make("Ridge"), make("DecisionTreeRegressor")]
    classifiers = [make("LogisticRegression"), make("DecisionTreeClassifier")]
    named = [list(zip("ab", pair, strict=True)) for pair in (regressors, classifiers)]
    scalers = [("a", make("StandardScaler")), ("b", make("PCA"))]
    for name, cls in CLASSES.items():
        required = getattr(cls, "_required_parameters", [])
        for first in ("estimator", "regressor", "base_estimator", *required):
            yield name, {first: [*regressors, *classifiers]}
        yield name, {"estimators": named}
    yield "Pipeline", {"steps": [[*scalers, *pair] for pair in named]}
    yield "Pipeline", {"steps": [[("p", "passthrough"), ("m", regressors[0])]]}
    yield "FeatureUnion", {"transformer_list": [scalers]}
    yield (
        "CalibratedClassifierCV",
        {
            "estimator": [make("LinearSVC"), make("GaussianNB")],
            "method": ["sigmoid", "isotonic", "temperature"],
        },
    )
    yield "GradientBoostingRegressor", {"init": ["zero", regressors[0]]}
    yield (
        "TransformedTargetRegressor",
        {"transformer": [make("PowerTransformer"), make("QuantileTransformer")]},
    )
    yield from _frames()


def _searches() -> Iterator[tuple[str, dict[str, list[Any]]]]:
    folds = [3, *filter(None, map(_splitter, model_selection.__all__))]
    for fold in folds:
        for name, grid in (
            ("Ridge", {"alpha": [1.0]}),
            ("LogisticRegression", {"C": [1.0]}),
        ):
            yield (
                "GridSearchCV",
                {
                    "estimator": [make(name)],
                    "param_grid": [grid],
                    "cv": [fold],
                },
            )
    for name, space in (("Grid", "param_grid"), ("Random", "param_distributions")):
        for prefix in ("", "Halving"):
            cls = (
                prefix
                + name
                + ("ized" if name + prefix == "Random" else "")
                + "SearchCV"
            )
            yield (
                cls,
                {
                    "estimator": [make("Ridge")],
                    space: [{"alpha": [1, 2, 3], "solver": ["auto", "svd"]}],
                    "cv": [3],
                },
            )


def _splitter(name: str) -> Any:
    cls = getattr(model_selection, name)
    return cls() if hasattr(cls, "split") and not _required(cls) else None


def _frames() -> Iterator[tuple[str, dict[str, list[Any]]]]:
    """Yield pipelines that choose their columns in every way that people use."""
    words = make_students(N_ROWS).select_dtypes(exclude="number").columns
    choices = [
        (list(words), SCORES),
        (words, pd.Index(SCORES)),
        (pd.Index(words.to_list(), dtype=object), pd.Index(SCORES, dtype=object)),
        (words.to_numpy(), np.array(SCORES)),
        (range(5), slice(6, 8)),
        ([True] * 5 + [False] * 3, np.array([False] * 6 + [True] * 2)),
        (
            make_column_selector(dtype_exclude=np.number),
            make_column_selector("_score", dtype_include="number"),
        ),
        (pd.Series(list(words)), pd.Series(SCORES)),
        (pd.RangeIndex(5), pd.Index([6, 7])),
    ]
    encoders = ("OneHotEncoder", "OrdinalEncoder", "TargetEncoder")
    outputs = ("default", "pandas")
    for choice, encoder, output in itertools.product(choices, encoders, outputs):
        if encoder in CLASSES:
            words, numbers = choice
            yield "Pipeline", {"steps": [_mixed(words, numbers, encoder, output)]}


def _mixed(words: Any, numbers: Any, encoder: str, output: str) -> list[Any]:
    dense = {"sparse_output": False} if encoder == "OneHotEncoder" else {}
    preprocessor = make(
        "ColumnTransformer",
        transformers=[
            ("words", make(encoder, **dense), words),
            ("numbers", make("StandardScaler"), numbers),
            ("nothing", "drop", slice(0, 1)),
        ],
        remainder="passthrough" if isinstance(words, range) else "drop",
    )
    return [("p", preprocessor.set_output(transform=output)), ("m", make("Ridge"))]


def boosters() -> Iterator[Any]:
    """Yield the three libraries' estimators, unfitted, where they are installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import catboost
        import lightgbm
        import xgboost

    for cls in (xgboost.XGBRegressor, xgboost.XGBClassifier):
        for booster in ("gbtree", "gblinear", "dart"):
            yield cls(n_estimators=2, booster=booster)
    yield xgboost.XGBRFRegressor(n_estimators=2)
    yield xgboost.XGBRFClassifier(n_estimators=2)
    for boosting in ("gbdt", "dart"):
        yield lightgbm.LGBMRegressor(
            n_estimators=2, boosting_type=boosting, verbosity=-1
        )
        yield lightgbm.LGBMClassifier(
            n_estimators=2, boosting_type=boosting, verbosity=-1
        )
    quiet = {"iterations": 2, "verbose": 0, "allow_writing_files": False}
    yield catboost.CatBoostRegressor(**quiet)
    yield catboost.CatBoostClassifier(**quiet)
    yield catboost.CatBoost({**quiet, "loss_function": "RMSE"})


def parts() -> Iterator[Any]:
    """Yield what people hand to estimators: functions, types, scorers."""
    named = [getattr(np, name) for name in dir(np) if not name.startswith("_")]
    yield from (part for part in named if getattr(part, "__name__", "") in ELEMENTWISE)
    yield from (part for part in named if _is_scalar_type(part))
    yield from (get_scorer(name) for name in get_scorer_names())


def _is_scalar_type(part: Any) -> bool:
    return isinstance(part, type) and issubclass(part, np.generic)


def fitted() -> Iterator[Any]:
    """Yield everything, fitted on the first table that it takes."""
    yield from parts()
    unfitted = [cls() for cls in CLASSES.values() if not _required(cls)]
    for name, grid in grids():
        for parameters in ParameterGrid(grid):
            try:
                unfitted.append(make(name, **parameters))
            except TypeError:
                continue
    for estimator in [*unfitted, *boosters()]:
        yield from _fits(estimator)


def _required(cls: Any) -> bool:
    try:
        cls()
    except TypeError:
        return True
    return False


def _fits(estimator: Any) -> Iterator[Any]:
    for X, y in _tables():
        try:
            yield estimator.fit(X, y)
        except Exception:
            continue


def _tables() -> Iterator[tuple[Any, Any]]:
    """Yield rows and targets; each has few values, for all are classes to a classifier."""
    frame = make_students(N_ROWS)
    matrix = np.random.default_rng(3).uniform(0.1, 3, (N_ROWS, 6))
    fifths = frame["math_score"] // 20
    target = fifths.to_numpy(float)
    yield frame[SCORES], fifths
    yield matrix, target
    yield matrix, target > target.mean()
    yield matrix, np.c_[target, target]
    yield matrix, np.c_[target, target] > target.mean()
    yield matrix[:, 0], target
    yield frame["lunch"], target
    yield frame, target
    yield frame[SCORES].to_dict("records"), target
    yield (target > target.mean()).astype(int), None
    yield matrix[:6] @ matrix[:6].T, None


def pickles(estimator: Any) -> Iterator[bytes]:
    """Yield what each pickler writes, where it can."""
    for pickler in (pickle, dill, cloudpickle, joblib):
        file = io.BytesIO()
        try:
            pickler.dump(estimator, file)
        except (pickle.PicklingError, TypeError, AttributeError):
            continue
        yield file.getvalue()
    yield pickle.dumps(estimator, protocol=2)


def missing() -> list[str]:
    """Return the imports, "module name", that the list lacks."""
    imports: set[tuple[str, str]] = set()
    for estimator in fitted():
        for pickled in pickles(estimator):
            imports.update(read_pickle(pickled).imports)
    return sorted(" ".join(name) for name in imports if not is_allowed(name))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.stdout.write("".join(line + "\n" for line in missing()))
