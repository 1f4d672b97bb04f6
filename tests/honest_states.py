"""Fits everything that its scikit-learn has, and says what the fitted objects hold.

``python honest_states.py KINDS STATES`` loads the module of kinds from the file
KINDS and writes to STATES, as JSON, each class with the kinds of its attributes. It knows
no other file and runs on Python 3.9 and scikit-learn 1.0.
"""

import contextlib
import copy
import importlib.util
import inspect
import io
import itertools
import json
import resource
import signal
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse
import sklearn
from sklearn import (
    compose,
    decomposition,
    feature_selection,
    linear_model,
    model_selection,
    naive_bayes,
    neighbors,
    pipeline,
    preprocessing,
    svm,
    tree,
)
from sklearn.base import clone
from sklearn.experimental import (  # noqa: F401
    enable_halving_search_cv,
    enable_iterative_imputer,
)
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.gaussian_process import kernels
from sklearn.utils import all_estimators

N_ROWS = 36
FIT_LIMIT_S = 0.5
CLASS_LIMIT_S = 6
"""Of the processor's time: a busy machine does not change the table."""
MEMORY_LIMIT_BYTES = 4 << 30
"""Some values of some parameters ask for all there is."""
LIBRARIES = (
    "sklearn",
    "_loss",
    "scipy",
    "xgboost",
    "lightgbm",
    "catboost",
    "_catboost",
)
METRICS = ("euclidean", "manhattan", "chebyshev", "minkowski", "haversine", "canberra")
CONFIGURED = ("sklearn.compose", "sklearn.model_selection")
"""Modules with classes that hold what a person gave them, and are no estimators."""
UNSWEPT = {"n_jobs", "verbose", "memory", "pre_dispatch", "input", "copy", "cache_size"}
"""Parameters that change nothing that is kept, or that print, write or read files."""

Data = tuple[Any, Any]
Found = dict[str, dict[str, Any]]


def main(kinds_path: str, states_path: str) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    kinds = load(kinds_path)
    observer = Observer(kinds)
    for part in parts():
        observer.observe(part)
    started = time.monotonic()
    classes = every_class()
    for number, (name, cls) in enumerate(classes, 1):
        n_fitted, since = 0, time.process_time()
        for fitted in fits(name, cls):
            observer.observe(fitted)
            n_fitted += 1
            if time.process_time() - since > CLASS_LIMIT_S:
                break
        seconds = time.monotonic() - started
        sys.stderr.write(
            f"{sklearn.__version__} {number}/{len(classes)} {name}: {n_fitted} fitted "
            f"({seconds:.0f} s)\n"
        )
        sys.stderr.flush()
        if number % 10 and number != len(classes):
            continue
        Path(states_path).write_text(
            json.dumps(observer.found, indent=1, sort_keys=True)
        )


def load(path: str) -> Any:
    """Import a module from its file, whatever package it is in."""
    spec: Any = importlib.util.spec_from_file_location("kinds", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["kinds"] = module
    spec.loader.exec_module(module)
    return module


class Observer:
    """Collects the kinds of every attribute of every object in what it is shown."""

    def __init__(self, kinds: Any) -> None:
        self.kinds = kinds
        self.found: Found = {}
        self.unions: dict[str, dict[str, Any]] = {}

    def observe(self, fitted: Any) -> None:
        for value, state, _ in walk(fitted):
            cls = type(value)
            key = f"{cls.__module__} {cls.__qualname__}"
            if key not in self.found:
                role = self.kinds.role_of(cls)
                self.found[key] = {"role": role, "attributes": {}, "parameters": []}
                self.unions[key] = {}
            entry, unions = self.found[key], self.unions[key]
            for name in parameters_of(value):
                if name not in entry["parameters"]:
                    entry["parameters"].append(name)
            for name, held in state.items():
                union = self.kinds.kinds_in(held)
                before = unions.get(name)
                if before is None or not self.kinds.is_within(union, before):
                    unions[name] = self.kinds.merge(before or {}, union)
                    entry["attributes"][name] = self.kinds.spell(unions[name])


def walk(value: Any, place: str = "it") -> Iterator[tuple[Any, dict[str, Any], str]]:
    """Yield each object of a library in a value, with its state and its place."""
    waiting = [(value, place)]
    seen: dict[int, Any] = {}
    while waiting:
        each, place = waiting.pop()
        if id(each) in seen or each is None or isinstance(each, (str, int, float)):
            continue
        seen[id(each)] = each
        if is_ours(each):
            state = state_of(each)
            if state is not None:
                yield each, state, place
                waiting += [(part, f"{place}.{name}") for name, part in state.items()]
        waiting += parts_of(each, place)


def is_ours(value: Any) -> bool:
    return type(value).__module__.split(".")[0] in LIBRARIES and not isinstance(
        value, type
    )


def parts_of(value: Any, place: str) -> list[tuple[Any, str]]:
    if isinstance(value, dict):
        return [(part, f"{place}[{key!r}]") for key, part in value.items()]
    if isinstance(value, np.ndarray) and value.dtype.kind == "O":
        value = value.ravel().tolist()
    if isinstance(value, (list, tuple, set, frozenset)):
        return [(part, f"{place}[{i}]") for i, part in enumerate(value)]
    return []


def state_of(value: Any) -> Any:
    """Return what pickle would give to a new object of its class, by name."""
    if isinstance(value, tuple):
        fields = getattr(value, "_fields", ())
        return {name: getattr(value, name) for name in fields}
    if isinstance(value, dict) or scipy.sparse.issparse(value):
        return None
    try:
        reduced = value.__reduce_ex__(4)
    except (TypeError, NotImplementedError):
        return None
    if isinstance(reduced, str):
        return None
    state = reduced[2] if len(reduced) > 2 else None
    if isinstance(state, tuple):
        return {str(number): part for number, part in enumerate(state)}
    return {} if state is None else state


def parameters_of(value: Any) -> list[str]:
    cls = type(value)
    named = getattr(value, "_get_param_names", None) or getattr(
        value, "get_params", None
    )
    if named is None and not cls.__module__.startswith(CONFIGURED):
        return []
    try:
        names = list(named()) if named else []
    except (TypeError, RuntimeError, AttributeError):
        names = []
    signature = inspect.signature(cls.__init__)
    names += [
        name
        for name, each in signature.parameters.items()
        if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)
    ]
    return sorted({*names} - {"self"})


# ---- what is fitted


def every_class() -> list[tuple[str, Any]]:
    return [*all_estimators(), *booster_classes()]


def booster_classes() -> Iterator[tuple[str, Any]]:
    for library, names in (
        (
            "xgboost",
            "XGBRegressor XGBClassifier XGBRanker XGBRFRegressor XGBRFClassifier",
        ),
        ("lightgbm", "LGBMRegressor LGBMClassifier LGBMRanker"),
        ("catboost", "CatBoostRegressor CatBoostClassifier CatBoostRanker CatBoost"),
    ):
        try:
            module = importlib.import_module(library)
        except ImportError:
            continue
        yield from ((name, getattr(module, name)) for name in names.split())


def fits(name: str, cls: Any) -> Iterator[Any]:
    """Yield a class fitted in every way that is tried."""
    working: list[tuple[Any, list[Data]]] = []
    for estimator in instances(name, cls):
        for some in (few_tables(), tables()):
            tried = suited(estimator, some)
            fitted = [(d, each) for d in tried for each in fit(estimator, d, used=True)]
            yield from (each for _, each in fitted)
            if fitted:
                working.append((estimator, [data for data, _ in fitted]))
                break
    for estimator, taken in working[:1] + working[1:][-1:]:
        for parameter, values in swept(cls, estimator):
            for value in values:
                changed = with_parameter(estimator, parameter, value)
                taken = [*taken[1:], *taken[:1]]
                yield from fit_one(changed, taken if changed is not None else [])
    for estimator, taken in working[:1]:
        for changed in configured(estimator):
            for data in taken:
                yield from fit(changed, data, used=False)
        for data in suited(estimator, tables()):
            yield from fit(estimator, data, used=True)


def fit_one(estimator: Any, tables: list[Data]) -> Iterator[Any]:
    """Yield it fitted on the first table that it takes."""
    for data in tables:
        for fitted in fit(estimator, data, used=False):
            yield fitted
            return


def suited(estimator: Any, data: list[Data]) -> list[Data]:
    """Return the tables with a target that such an estimator may be fitted on."""
    kind = getattr(estimator, "_estimator_type", None) or tagged(estimator)
    if kind == "classifier":
        return [(X, y) for X, y in data if y is not None and not is_continuous(y)]
    if kind == "regressor":
        return [(X, y) for X, y in data if y is not None and is_number(y)]
    if kind in ("clusterer", "outlier_detector", "density_estimator"):
        return [(X, y) for X, y in data if y is None]
    return data


def tagged(estimator: Any) -> Any:
    try:
        from sklearn.utils import get_tags

        return get_tags(estimator).estimator_type
    except Exception:
        return None


def is_continuous(y: Any) -> bool:
    values = y if scipy.sparse.issparse(y) else np.asarray(y)
    return values.dtype.kind == "f" and len(np.unique(values)) > N_ROWS // 2


def is_number(y: Any) -> bool:
    return scipy.sparse.issparse(y) or np.asarray(y).dtype.kind in "biuf"


def configured(estimator: Any) -> Iterator[Any]:
    """Yield it with what people set beside parameters: the output and metadata."""
    with contextlib.suppress(Exception):
        yield clone(estimator).set_output(transform="pandas")
    with contextlib.suppress(Exception):
        sklearn.set_config(enable_metadata_routing=True)
        try:
            changed = clone(estimator).set_fit_request(sample_weight=True)
        finally:
            sklearn.set_config(enable_metadata_routing=False)
        yield changed


def with_parameter(estimator: Any, parameter: str, value: Any) -> Any:
    try:
        return fresh(estimator).set_params(**{parameter: value})
    except Exception:
        return None


def fit(estimator: Any, data: Data, used: bool) -> Iterator[Any]:
    """Yield an estimator fitted, and as it is after what people do with it."""
    X, y = copy.deepcopy(data)  # some fit in place
    try:
        made = fresh(estimator)
        with limited():
            made.fit(X, y, **groups(made)) if y is not None else made.fit(X)
    except (Exception, TimeUp):
        return
    yield made
    if not used:
        return
    for use in ("predict", "transform"):
        with contextlib.suppress(Exception, TimeUp), limited():
            getattr(made, use)(X)
            yield made
    if hasattr(type(made), "partial_fit"):
        labels = {"classes": np.unique(y)} if "Class" in str(type(made)) else {}
        again = fresh(estimator)
        with contextlib.suppress(Exception, TimeUp), limited():
            again.partial_fit(X, y, **labels)
            again.partial_fit(X, y)
            yield again


def fresh(estimator: Any) -> Any:
    try:
        return clone(estimator)
    except (TypeError, RuntimeError):  # CatBoost has parameters of its own kind
        return copy.deepcopy(estimator)


def groups(estimator: Any) -> dict[str, Any]:
    """Return what a ranker wants to know beside."""
    name = type(estimator).__name__
    if not name.endswith("Ranker"):
        return {}
    return {"group_id": [0] * N_ROWS} if "Cat" in name else {"group": [N_ROWS]}


class TimeUp(BaseException):
    """A fit took too long."""


@contextlib.contextmanager
def limited() -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise TimeUp

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, FIT_LIMIT_S)
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


# ---- estimators


def instances(name: str, cls: Any) -> Iterator[Any]:
    made = list(itertools.chain(checked_instances(cls), own_instances(name, cls)))
    for each in made:
        if name.startswith("CatBoost"):
            each.set_params(iterations=2, verbose=0, allow_writing_files=False)
        elif name.startswith(("XGB", "LGBM")):
            each.set_params(n_estimators=2)
            if name.startswith("LGBM"):
                each.set_params(verbosity=-1, min_child_samples=2)
        yield each


def checked_instances(cls: Any) -> Iterator[Any]:
    """Yield what scikit-learn's own checks make of a class."""
    try:
        from sklearn.utils._test_common.instance_generator import _construct_instances

        yield from _construct_instances(cls)
        return
    except ImportError:
        pass
    except Exception:
        return
    from sklearn.utils import estimator_checks

    try:
        made = estimator_checks._construct_instance(cls)
        estimator_checks._set_checking_parameters(made)
    except Exception:
        return
    yield made


def own_instances(name: str, cls: Any) -> Iterator[Any]:
    with contextlib.suppress(TypeError):
        yield cls()
    for parameters in OWN.get(name, ()):
        with contextlib.suppress(TypeError):
            yield cls(**parameters)
    for parameter, inner in itertools.product(nested(cls), few_estimators()):
        with contextlib.suppress(TypeError):
            yield cls(**{parameter: inner})


def nested(cls: Any) -> list[str]:
    """Return the parameter of a class that must be an estimator, if there is one."""
    given = inspect.signature(cls.__init__).parameters
    required = {name for name, each in given.items() if each.default is each.empty}
    return [name for name in ("estimator", "base_estimator") if name in required]


def few_estimators() -> list[Any]:
    return [
        linear_model.Ridge(),
        linear_model.LogisticRegression(max_iter=50),
        tree.DecisionTreeRegressor(max_depth=3),
        tree.DecisionTreeClassifier(max_depth=3),
        naive_bayes.GaussianNB(),
        pipeline.make_pipeline(preprocessing.StandardScaler(), svm.LinearSVC()),
    ]


def fitted_estimators() -> Iterator[Any]:
    for each in few_estimators():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield each.fit(np.eye(4), [0, 1, 0, 1])


def _named(*made: Any) -> list[tuple[str, Any]]:
    return list(zip("abc", made))  # noqa: B905 - not in Python 3.9


def _own() -> dict[str, list[dict[str, Any]]]:
    regressors = _named(linear_model.Ridge(), tree.DecisionTreeRegressor())
    classifiers = _named(naive_bayes.GaussianNB(), tree.DecisionTreeClassifier())
    scalers = _named(preprocessing.StandardScaler(), decomposition.PCA())
    grids = {"Ridge": {"alpha": [1.0, 2]}, "LogisticRegression": {"C": [1.0, 2.0]}}
    ridge, logistic = linear_model.Ridge(), linear_model.LogisticRegression()
    searches: dict[str, list[dict[str, Any]]] = {}
    for search, space in (
        ("GridSearchCV", "param_grid"),
        ("HalvingGridSearchCV", "param_grid"),
        ("RandomizedSearchCV", "param_distributions"),
        ("HalvingRandomSearchCV", "param_distributions"),
    ):
        searches[search] = [
            {"estimator": ridge, space: grids["Ridge"], "cv": 3},
            {"estimator": ridge, space: [grids["Ridge"], {"tol": [0.1]}], "cv": 3},
            {"estimator": logistic, space: grids["LogisticRegression"], "cv": 3},
            {
                "estimator": pipeline.Pipeline(
                    _named(preprocessing.StandardScaler(), logistic)
                ),
                space: {
                    "b__C": [1.0, 2.0],
                    "a": ["passthrough", preprocessing.MinMaxScaler()],
                },
                "cv": 3,
            },
            {
                "estimator": tree.DecisionTreeClassifier(),
                space: {"max_depth": [None, 3], "class_weight": [None, "balanced"]},
                "cv": 3,
                "scoring": ["accuracy", "f1_macro"],
                "refit": "accuracy",
            },
        ]
    transformers = [
        ("t", preprocessing.StandardScaler(), slice(0, 2)),
        ("d", "drop", [2]),
        ("p", "passthrough", [3]),
    ]
    named = [
        ("t", preprocessing.StandardScaler(), ["one", "two"]),
        ("p", pipeline.make_pipeline(preprocessing.MinMaxScaler()), ["three"]),
    ]
    return {
        "Pipeline": [{"steps": [*scalers, ("m", inner)]} for inner in few_estimators()]
        + [{"steps": _named("passthrough", ridge)}, {"steps": scalers}],
        "FeatureUnion": [
            {"transformer_list": scalers},
            {"transformer_list": scalers, "transformer_weights": {"a": 2.0}},
            {"transformer_list": [*scalers, ("d", "drop"), ("p", "passthrough")]},
        ],
        "ColumnTransformer": [
            {"transformers": transformers},
            {"transformers": transformers, "remainder": "passthrough"},
            {
                "transformers": transformers[:2],
                "remainder": preprocessing.MinMaxScaler(),
            },
            {"transformers": named},
            {
                "transformers": [
                    ("t", CountVectorizer(analyzer="char"), "word"),
                    ("n", preprocessing.StandardScaler(), ["one"]),
                ]
            },
            {"transformers": named, "remainder": "passthrough"},
            {"transformers": named[:1], "remainder": preprocessing.MinMaxScaler()},
            {
                "transformers": [
                    ("t", preprocessing.StandardScaler(), np.array(["one"]))
                ]
            },
            {
                "transformers": [
                    ("t", preprocessing.StandardScaler(), pd.Index(["one"]))
                ]
            },
            {
                "transformers": [
                    ("t", preprocessing.StandardScaler(), pd.Series(["one"]))
                ]
            },
            {
                "transformers": [
                    ("t", preprocessing.StandardScaler(), [True, False, True, False])
                ]
            },
            {
                "transformers": [
                    (
                        "t",
                        preprocessing.StandardScaler(),
                        np.array([True, False, True, False]),
                    )
                ]
            },
            {"transformers": [("t", preprocessing.StandardScaler(), range(2))]},
            {
                "transformers": [
                    ("t", preprocessing.StandardScaler(), slice("one", "two"))
                ]
            },
            {
                "transformers": [
                    (
                        "n",
                        preprocessing.StandardScaler(),
                        compose.make_column_selector(dtype_include=np.number),
                    ),
                    (
                        "w",
                        preprocessing.OneHotEncoder(),
                        compose.make_column_selector(
                            "o", dtype_exclude=["number", float]
                        ),
                    ),
                    (
                        "k",
                        preprocessing.OneHotEncoder(),
                        compose.make_column_selector(
                            dtype_include=["category"], dtype_exclude=np.number
                        ),
                    ),
                ]
            },
            {
                "transformers": [("t", preprocessing.OneHotEncoder(), ["word"])],
                "sparse_threshold": 0,
            },
        ],
        "TunedThresholdClassifierCV": [{"estimator": logistic, "cv": 3}],
        "VotingRegressor": [
            {"estimators": regressors},
            {"estimators": [*regressors, ("d", "drop")]},
        ],
        "VotingClassifier": [
            {"estimators": classifiers},
            {"estimators": classifiers, "voting": "soft"},
            {"estimators": [*classifiers, ("d", "drop")]},
        ],
        "StackingRegressor": [
            {"estimators": regressors, "cv": 3},
            {"estimators": [*regressors, ("d", "drop")], "cv": 3},
        ],
        "StackingClassifier": [
            {"estimators": classifiers, "cv": 3},
            {"estimators": _named(naive_bayes.GaussianNB(), svm.LinearSVC()), "cv": 3},
            {
                "estimators": _named(
                    naive_bayes.GaussianNB(), linear_model.RidgeClassifier()
                ),
                "cv": 3,
            },
        ],
        "SparseCoder": [{"dictionary": np.eye(4)}],
        "TransformedTargetRegressor": [
            {"func": np.log1p, "inverse_func": np.expm1},
            {"transformer": preprocessing.PowerTransformer()},
            {
                "transformer": preprocessing.QuantileTransformer(n_quantiles=5),
                "regressor": ridge,
            },
        ],
        "FunctionTransformer": [
            {"func": np.log1p, "inverse_func": np.expm1},
            {"func": np.log1p, "feature_names_out": "one-to-one"},
        ],
        "GaussianProcessRegressor": [{"kernel": each} for each in own_kernels()],
        "GaussianProcessClassifier": [{"kernel": each} for each in own_kernels()],
        "KNeighborsRegressor": own_neighbors(),
        "KNeighborsClassifier": own_neighbors(),
        "NearestNeighbors": own_neighbors(),
        "RegressorChain": [
            {"estimator": ridge, "order": [1, 0]},
            {"base_estimator": ridge, "cv": 2},
        ],
        "ClassifierChain": [
            {"base_estimator": logistic},
            {"base_estimator": logistic, "order": "random"},
        ],
        "SimpleImputer": [
            {"strategy": "constant", "fill_value": "x"},
            {"strategy": "constant", "fill_value": 3},
            {"strategy": "most_frequent", "missing_values": None},
            {"strategy": "most_frequent", "missing_values": pd.NA},
            {"add_indicator": True},
            {"strategy": "most_frequent", "add_indicator": True},
        ],
        "OneHotEncoder": [
            {"handle_unknown": "ignore"},
            {"handle_unknown": "ignore", "min_frequency": 5},
            {"handle_unknown": "ignore", "max_categories": 2},
            {"drop": "first"},
            {"categories": [["a", "b", "c"]] * 4},
        ],
        "OrdinalEncoder": [
            {"handle_unknown": "use_encoded_value", "unknown_value": -1},
            {"handle_unknown": "use_encoded_value", "unknown_value": np.nan},
            {
                "handle_unknown": "use_encoded_value",
                "unknown_value": -1,
                "min_frequency": 5,
            },
            {"categories": [["a", "b", "c"]] * 4},
        ],
        "HistGradientBoostingRegressor": [
            {"max_iter": 3, "min_samples_leaf": 2},
            {"max_iter": 3, "early_stopping": True},
            {"max_iter": 3, "categorical_features": [0]},
            {"max_iter": 3, "categorical_features": "from_dtype"},
            {"max_iter": 3, "loss": "quantile", "quantile": 0.5},
        ],
        "HistGradientBoostingClassifier": [
            {"max_iter": 3, "min_samples_leaf": 2},
            {"max_iter": 3, "early_stopping": True},
            {"max_iter": 3, "categorical_features": [0]},
            {"max_iter": 3, "categorical_features": "from_dtype"},
        ],
        "FrozenEstimator": [{"estimator": each} for each in fitted_estimators()],
        "CatBoost": [{"params": {"loss_function": "RMSE"}}],
        **searches,
    }


def own_kernels() -> list[Any]:
    made: list[Any] = []
    for each in vars(kernels).values():
        is_kernel = isinstance(each, type) and issubclass(each, kernels.Kernel)
        with contextlib.suppress(TypeError):
            if is_kernel:
                made.append(each())
                made.append(
                    (kernels.ConstantKernel() * each() + kernels.WhiteKernel()) ** 2
                )
    made.append(kernels.RBF([1.0, 1.0, 1.0, 1.0]))
    return [
        *made,
        kernels.RBF(length_scale_bounds="fixed"),
        kernels.CompoundKernel([kernels.RBF()]),
    ]


def own_neighbors() -> list[dict[str, Any]]:
    metrics = [
        "euclidean",
        "manhattan",
        "chebyshev",
        "minkowski",
        "canberra",
        "cosine",
        "hamming",
    ]
    swept = itertools.product(["ball_tree", "kd_tree", "brute"], metrics)
    return [
        *(
            {"algorithm": algorithm, "metric": metric, "p": 3}
            for algorithm, metric in swept
        ),
        {"metric": "seuclidean", "metric_params": {"V": np.ones(4)}},
        {"metric": "mahalanobis", "metric_params": {"VI": np.eye(4)}},
        {"metric": "minkowski", "metric_params": {"w": np.ones(4)}},
        {"metric": "precomputed"},
    ]


OWN = _own()


# ---- the values of a parameter


def swept(cls: Any, estimator: Any) -> Iterator[tuple[str, list[Any]]]:
    """Yield parameters and the values that each may have."""
    constraints = getattr(cls, "_parameter_constraints", {})
    for name in parameters_of(estimator):
        if name in UNSWEPT:
            continue
        values = [*PARTS.get(name, ())]
        if isinstance(constraints, dict) and name in constraints:
            stated = constraints[name]
            for constraint in stated if isinstance(stated, list) else []:
                values += values_of(constraint)
        elif cls.__module__.startswith("sklearn"):
            values += values_like(getattr(estimator, name, None))
        yield name, values


def values_of(constraint: Any) -> list[Any]:
    kind = type(constraint).__name__
    if kind == "Hidden":
        return values_of(constraint.constraint)
    if kind in ("StrOptions", "Options"):
        return sorted(constraint.options, key=str)
    if kind == "Interval":
        return _inside(constraint)
    if constraint is None:
        return [None]
    if isinstance(constraint, str):
        return BY_WORD.get(constraint, [])
    if isinstance(constraint, (bool, int, float)):
        return [constraint]
    return []


def _inside(interval: Any) -> list[Any]:
    whole = "ntegral" in str(interval.type) or interval.type is int
    tried = [0, 1, 2, 3] if whole else [0.0, 0.1, 0.5, 1.0, 1.5, 3.0]
    return [value for value in tried if value in interval]


def values_like(default: Any) -> list[Any]:
    if isinstance(default, bool):
        return [not default]
    if isinstance(default, int):
        return [1, 2, 3]
    if isinstance(default, float):
        return [0.1, 0.5, 1.0]
    return []


BY_WORD: dict[str, list[Any]] = {
    "boolean": [True, False],
    "random_state": [0, np.random.RandomState(0)],
    "cv_object": [2, None],
    "array-like": [[0.5, 0.25, 0.125, 0.125], np.ones(4), [[1.0, 2.0]] * 4, [0.3, 0.7]],
    "missing-values": [np.nan, None, 0, "b"],
}
SCORES = [
    feature_selection.chi2,
    feature_selection.f_classif,
    feature_selection.f_regression,
    feature_selection.mutual_info_classif,
    feature_selection.mutual_info_regression,
]
if hasattr(feature_selection, "r_regression"):
    SCORES.append(feature_selection.r_regression)

SPLITTERS = [
    model_selection.KFold(3),
    model_selection.StratifiedKFold(3, shuffle=True, random_state=0),
    model_selection.ShuffleSplit(2),
    model_selection.StratifiedShuffleSplit(2),
    model_selection.TimeSeriesSplit(2),
    model_selection.RepeatedKFold(
        n_splits=2, n_repeats=2, random_state=np.random.RandomState(0)
    ),
    model_selection.RepeatedStratifiedKFold(n_splits=2, n_repeats=1),
    model_selection.LeaveOneOut(),
    model_selection.GroupKFold(2),
    model_selection.LeavePOut(1),
    model_selection.PredefinedSplit(np.arange(N_ROWS) % 2),
]


def parts() -> Iterator[Any]:
    """Yield what is kept in others, without what it takes to get it there."""
    yield from _scorers()
    yield from own_kernels()
    for name in model_selection.__all__:
        cls = getattr(model_selection, name)
        with contextlib.suppress(TypeError):
            yield cls() if hasattr(cls, "split") else None
    yield model_selection.check_cv([([0, 1], [2]), (np.arange(2), np.arange(1))])
    for name in METRICS:
        with contextlib.suppress(ValueError):
            yield neighbors.BallTree(np.eye(2), metric=name)


def _scorers() -> list[Any]:
    from sklearn import metrics

    try:
        names = metrics.get_scorer_names()
    except AttributeError:
        names = sorted(metrics.SCORERS)
    functions = [
        getattr(metrics, name)
        for name in metrics.__all__
        if name.endswith(("_score", "_error", "_loss", "_deviance", "_corrcoef"))
    ]
    made = [metrics.make_scorer(function) for function in functions]
    return [None, *names, *map(metrics.get_scorer, names), *made]


PARTS: dict[str, list[Any]] = {
    "loss": [
        *("ls", "lad", "squared_loss", "squared_error", "absolute_error", "poisson"),
        *("least_squares", "least_absolute_deviation", "gamma", "quantile", "huber"),
        *("log_loss", "log", "deviance", "exponential", "hinge", "modified_huber"),
        *("binary_crossentropy", "categorical_crossentropy", "squared_hinge"),
        *("perceptron", "epsilon_insensitive", "squared_epsilon_insensitive", "auto"),
        *("linear", "square"),
    ],
    "criterion": [
        *("mse", "mae", "friedman_mse", "squared_error", "absolute_error", "poisson"),
        *("gini", "entropy", "log_loss", "aic", "bic"),
    ],
    "solver": [
        *("auto", "svd", "cholesky", "lsqr", "sparse_cg", "sag", "saga", "lbfgs"),
        *("newton-cg", "newton-cholesky", "liblinear", "adam", "sgd", "eigen", "cd"),
        *("mu", "highs", "interior-point", "full", "arpack", "randomized"),
    ],
    "svd_solver": ["full", "arpack", "randomized"],
    "kernel": ["linear", "poly", "rbf", "sigmoid", "cosine", "knn", "precomputed"],
    "algorithm": ["ball_tree", "kd_tree", "brute", "SAMME", "lloyd", "elkan", "full"],
    "strategy": [
        *("mean", "median", "most_frequent", "constant", "uniform", "quantile"),
        *("kmeans", "prior", "stratified"),
    ],
    "multi_class": ["ovr", "multinomial", "crammer_singer"],
    "penalty": ["l1", "l2", "elasticnet", "none", None],
    "method": [
        "sigmoid",
        "isotonic",
        "box-cox",
        "predict_proba",
        "modified",
        "hessian",
    ],
    "encode": ["ordinal", "onehot", "onehot-dense"],
    "covariance_type": ["full", "tied", "diag", "spherical"],
    "selection": ["random"],
    "voting": ["hard", "soft"],
    "affinity": ["nearest_neighbors", "rbf", "precomputed"],
    "linkage": ["ward", "average"],
    "drop": ["first", "if_binary"],
    "average": [True, 2],
    "early_stopping": [True],
    "extrapolation": ["periodic", "linear", "constant", "continue"],
    "decision_function_shape": ["ovo", "ovr"],
    "activation": ["identity", "logistic", "tanh"],
    "output_distribution": ["normal"],
    "mode": ["k_best", "fpr", "fdr", "fwe"],
    "learning_method": ["online"],
    "oob_score": [True],
    "probability": [True],
    "store_covariance": [True],
    "store_cv_values": [True],
    "store_cv_results": [True],
    "compute_score": [True],
    "compute_inverse_transform": [True],
    "fit_inverse_transform": [True],
    "add_indicator": [True],
    "novelty": [True],
    "n_nearest_features": [2],
    "dual": [True, False],
    "bootstrap": [True, False],
    "score_func": SCORES,
    "func": [np.log1p, np.sqrt, np.asarray],
    "inverse_func": [np.expm1],
    "cv": SPLITTERS,
    "scoring": _scorers(),
    "dtype": [
        bool,
        int,
        float,
        np.float32,
        np.int64,
        "float32",
        np.dtype("int64"),
        object,
    ],
    "estimator": few_estimators(),
    "base_estimator": few_estimators(),
    "regressor": few_estimators(),
    "final_estimator": few_estimators(),
    "init": [linear_model.Ridge(), linear_model.LogisticRegression(), "zero"],
    "transformer": [
        preprocessing.StandardScaler(),
        preprocessing.QuantileTransformer(n_quantiles=5),
        preprocessing.FunctionTransformer(np.log1p, np.expm1),
    ],
    "random_state": [0, np.random.RandomState(0)],
    "class_weight": ["balanced", {0: 1.0, 1: 2.0}, {"a": 1, "b": 2}],
    "kw_args": [{"copy": True}],
    "kwargs": [{"nthread": 1}],
    "categorical_features": [
        [0],
        [True, False, False, False],
        ["one"],
        "from_dtype",
        None,
    ],
    "monotonic_cst": [[1, 0, 0, -1], {"one": 1}, np.array([1, 0, 0, 0])],
    "interaction_cst": [[{0, 1}, {2, 3}], "pairwise", "no_interactions"],
    "feature_types": [["q", "q", "q", "q"]],
    "eval_metric": ["rmse", "logloss", ["mae"]],
    "booster": ["gbtree", "gblinear", "dart"],
    "boosting_type": ["gbdt", "dart", "rf"],
    "importance_type": ["gain", "weight", "split"],
    "objective": [
        *("reg:squarederror", "reg:absoluteerror", "binary:logistic", "multi:softmax"),
        *("reg:tweedie", "count:poisson", "rank:ndcg", "reg:quantileerror"),
        *("regression", "binary", "multiclass", "poisson", "quantile", "mape"),
    ],
    "loss_function": ["RMSE", "MAE", "Logloss", "MultiClass", "Poisson", "MultiRMSE"],
    "cat_features": [[0], ["word"]],
    "min_frequency": [2, 0.1],
    "hidden_layer_sizes": [(3,), [3, 2], 4],
    "nan_euclidean": [],
    "knots": ["uniform", "quantile", np.linspace(0, 3, 20).reshape(5, 4)],
    "missing_values": [np.nan, 0, -1, "b", None, pd.NA],
    "fill_value": [0, 1.5, "x", np.int64(3)],
    "vocabulary": [["word", "green"], {"word": 0, "green": 1}, {"word"}],
    "stop_words": ["english", ["the"], None],
    "ngram_range": [(1, 2)],
    "analyzer": ["word", "char", "char_wb"],
    "weights": ["distance", "uniform", [1, 2], np.array([0.5, 0.5])],
    "n_features_to_select": [1, 2, 0.5],
    "metric": ["precomputed", "manhattan", "cosine", "haversine", "nan_euclidean"],
    "precomputed": [],
    "alphas": [[0.1, 1.0], np.array([0.1, 1.0]), 3],
    "Cs": [2, [0.1, 1.0]],
    "l1_ratios": [[0.5, 0.9], (0.5,)],
    "l1_ratio": [0.5, [0.5, 0.9]],
    "priors": [[0.5, 0.5], np.array([0.5, 0.5])],
    "class_prior": [[0.5, 0.5]],
    "classes": [["a", "b", "c"], [0, 1, 2]],
}


# ---- the tables


def few_tables() -> list[Data]:
    return [data for data, is_first in _tables() if is_first]


def tables() -> list[Data]:
    return [data for data, _ in _tables()]


_made: list[tuple[Data, bool]] = []


def _tables() -> list[tuple[Data, bool]]:
    if not _made:
        _made.extend(_make_tables())
    return _made


def _make_tables() -> Iterator[tuple[Data, bool]]:
    rng = np.random.RandomState(0)
    matrix = rng.uniform(0.1, 3, (N_ROWS, 4))
    names = ["one", "two", "three", "four"]
    frame = pd.DataFrame(matrix, columns=names)
    target = matrix @ [1.0, 2, -1, 0.5] + rng.normal(0, 0.3, N_ROWS) + 5
    three = np.array([0, 1, 2])[np.digitize(target, np.quantile(target, [0.3, 0.6]))]
    two = (target > np.median(target)).astype(int)
    letters = np.array(["a", "b", "c"])[three]
    both = np.c_[target, target**2]
    words = np.array(["a", "b", "c"], object)[rng.randint(0, 3, (N_ROWS, 4))]
    gaps = np.where(rng.uniform(size=matrix.shape) < 0.1, np.nan, matrix)
    gaps[:2] = matrix[:2]

    for y in (target, two, letters, both):
        yield (matrix, y), True
    yield (matrix, None), True
    yield (frame, target), True
    yield (frame, letters), True
    yield (words, two), True
    for y in (
        *(three, letters.astype(object), two.astype(bool), two * 2 - 1),
        *(np.c_[two, three > 0].astype(int), np.c_[two, three], target[:, None]),
        *(np.c_[letters, letters], target.astype("float32"), both.astype("float32")),
        *(pd.Series(target, name="price"), pd.Series(letters), two.astype(float)),
        *(list(map(int, two)), pd.DataFrame(both, columns=["p", "q"])),
        *(
            pd.Series(letters).astype("category"),
            pd.Series(two == 1),
            three.astype("int32"),
        ),
        *(np.where(rng.uniform(size=N_ROWS) < 0.2, -1, two), np.round(target)),
        *(
            scipy.sparse.csr_matrix(np.c_[two, three > 0].astype(int)),
            pd.DataFrame({"y": target}),
        ),
    ):
        yield (matrix, y), False
        yield (frame, y), False
    mixed = frame.assign(
        word=words[:, 0],
        kind=pd.Categorical(words[:, 1]),
        flag=two == 1,
        count=three,
        string=pd.Series(words[:, 2]).astype("string"),
    )
    missing = words.copy()
    missing[3, 0], missing[5, 1] = None, np.nan
    counts = rng.randint(0, 3, (N_ROWS, 4))
    numbered = frame.copy()
    numbered.columns = pd.RangeIndex(4)
    dates = np.datetime64("2020-01-01") + rng.randint(0, 3, (N_ROWS, 2))
    square = matrix @ matrix.T
    constant = matrix.copy()
    constant[:, 1] = 1.0
    documents = [
        " ".join(rng.choice(["word", "green", "house", "the"], 5))
        for _ in range(N_ROWS)
    ]
    for X in (
        *(matrix - 1.5, matrix.astype("float32"), np.asfortranarray(matrix), counts),
        *(
            scipy.sparse.csr_matrix(counts.astype(float)),
            scipy.sparse.csc_matrix(matrix),
        ),
        *(
            scipy.sparse.csr_matrix(counts.astype("float32")),
            gaps,
            pd.DataFrame(gaps, columns=names),
        ),
        *(
            matrix[:, :1],
            matrix[:, 0],
            frame[["one"]],
            frame["one"],
            constant,
            matrix > 1,
        ),
        *(
            frame.astype("float32"),
            numbered,
            matrix.tolist(),
            square,
            counts.astype("float32"),
        ),
        *(words[:, 0], pd.DataFrame(words, columns=names), words.astype(str), missing),
        *(
            mixed,
            mixed[["kind", "flag"]],
            mixed[["kind", "one"]],
            mixed[["string", "word"]],
        ),
        *(
            mixed[["flag", "count"]],
            mixed[["word"]],
            mixed.head(N_ROWS).drop(columns="string"),
        ),
        *(
            pd.DataFrame(missing, columns=names),
            dates,
            pd.DataFrame(dates),
            counts == 1,
        ),
        *(
            documents,
            np.array(documents),
            pd.Series(documents),
            [d.split() for d in documents],
        ),
        *(
            frame.to_dict("records"),
            mixed[["word", "one"]].to_dict("records"),
            square / square.max(),
        ),
        *(
            rng.uniform(size=(N_ROWS, 6, 6)),
            np.zeros((N_ROWS, 4)),
            two,
            letters,
            three.astype(float),
        ),
        *(
            [("a", "b"), ("c",)] * (N_ROWS // 2),
            np.c_[two, two == 0],
            gaps > 1,
            matrix[:, :2],
        ),
    ):
        for y in (target, letters, None):
            yield (X, y), False


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(*sys.argv[1:])
