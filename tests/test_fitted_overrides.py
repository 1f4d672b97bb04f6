from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import (
    AdaBoostRegressor,
    BaggingRegressor,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessRegressor, kernels
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, ParameterGrid
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeRegressor

from convert.errors import Refusal
from convert.export import export
from convert.fitted.oracle import Oracle
from convert.fitted.overrides import check_class, refuse_overrides
from convert.tables.description import Description
from server.model import Model
from server.signature import Provenance

ROOT = __name__.partition(".")[0]
COLUMNS = ["city", "size"]
RNG = np.random.default_rng(0)
TABLE = pd.DataFrame({"city": list("abc") * 30, "size": RNG.normal(80, 20, 90)})
Y = TABLE["size"] * 2 + (TABLE["city"] == "a")


def overriding(base: Any, method: str) -> Any:
    """Return a subclass that has a method of its own, which calls the base's."""

    def own(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(base, method)(self, *args, **kwargs)

    # scikit-learn reads the parameters from the signature of __init__
    own_names = {method: own, "__init__": base.__init__}
    return type(f"My{base.__name__}", (base,), own_names)


def columns(
    kind: Any = ColumnTransformer, scaler: Any = StandardScaler
) -> ColumnTransformer:
    encoder = OneHotEncoder(handle_unknown="ignore")
    return kind([("c", encoder, ["city"]), ("n", scaler(), ["size"])])


def steps(model: Any, kind: Any = Pipeline) -> Any:
    return kind([("columns", columns()), ("model", model)])


MyRidge = overriding(Ridge, "predict")
MyPipeline = overriding(Pipeline, "predict")
MyLogistic = overriding(LogisticRegression, "predict_proba")


class Doubled:
    def predict(self, rows: Any) -> Any:
        return 2 * super().predict(rows)  # type: ignore[misc]


class DoubledRidge(Doubled, Ridge):  # type: ignore[misc]
    """A Ridge whose rule stands in a mixin."""


class Watched(Ridge):  # type: ignore[misc]
    def __getattribute__(self, name: str) -> Any:
        return super().__getattribute__(name)


class Weighed(Ridge):  # type: ignore[misc]
    @property
    def coef_(self) -> Any:
        return self.found

    @coef_.setter
    def coef_(self, coefficients: Any) -> None:
        self.found = coefficients


def search(pipeline: Any, kind: Any = GridSearchCV) -> Any:
    return kind(pipeline, {"model__alpha": [1]}, cv=2)


def own_search() -> Any:
    return search(steps(Ridge()), overriding(GridSearchCV, "predict"))


def open_search() -> Any:
    return GridSearchCV(steps(Ridge()), {"model": [Ridge(), MyRidge(alpha=1e9)]}, cv=2)


OVERRIDING: dict[str, tuple[Callable[[], Any], str]] = {
    "pipeline": (lambda: steps(Ridge(), MyPipeline), "MyPipeline changes predict of"),
    "estimator": (lambda: steps(MyRidge()), "MyRidge changes predict of Ridge"),
    "mixin": (lambda: steps(DoubledRidge()), "DoubledRidge changes predict of Ridge"),
    "getattribute": (lambda: steps(Watched()), "Watched changes __getattribute__ of"),
    "property": (lambda: steps(Weighed()), "Weighed changes coef_ of Ridge"),
    "private": (
        lambda: steps(overriding(HistGradientBoostingRegressor, "_raw_predict")()),
        "changes _raw_predict of HistGradientBoostingRegressor",
    ),
    "forest": (
        lambda: steps(overriding(RandomForestRegressor, "predict")(3)),
        "MyRandomForestRegressor changes predict of RandomForestRegressor",
    ),
    "search": (
        own_search,
        "MyGridSearchCV changes predict of GridSearchCV",
    ),
    "found": (lambda: search(steps(MyRidge())), "MyRidge changes predict of Ridge"),
    "target": (
        lambda: overriding(TransformedTargetRegressor, "predict")(steps(Ridge())),
        "MyTransformedTargetRegressor changes predict of TransformedTargetRegressor",
    ),
    "regressor": (
        lambda: TransformedTargetRegressor(steps(MyRidge())),
        "MyRidge changes predict of Ridge",
    ),
    "inner pipeline": (
        lambda: Pipeline([("inner", steps(Ridge(), MyPipeline))]),
        "MyPipeline changes predict of Pipeline",
    ),
    "preprocessing": (
        lambda: Pipeline(
            [
                ("pre", overriding(Pipeline, "transform")([("c", columns())])),
                ("model", Ridge()),
            ]
        ),
        "MyPipeline changes transform of Pipeline",
    ),
    "frozen": (
        lambda: Pipeline([("model", FrozenEstimator(steps(MyRidge()).fit(TABLE, Y)))]),
        "MyRidge changes predict of Ridge",
    ),
    "frozen search": (
        lambda: Pipeline([("model", FrozenEstimator(own_search().fit(TABLE, Y)))]),
        "MyGridSearchCV changes predict of GridSearchCV",
    ),
    "vote": (
        lambda: VotingRegressor([("a", steps(Ridge(), MyPipeline))]),
        "MyPipeline changes predict of Pipeline",
    ),
    "stack": (
        lambda: StackingRegressor([("a", steps(Ridge()))], MyRidge(), cv=2),
        "MyRidge changes predict of Ridge",
    ),
    "bag": (
        lambda: steps(BaggingRegressor(MyRidge(), n_estimators=2)),
        "MyRidge changes predict of Ridge",
    ),
    "boost": (
        lambda: steps(
            AdaBoostRegressor(overriding(DecisionTreeRegressor, "predict")())
        ),
        "MyDecisionTreeRegressor changes predict of DecisionTreeRegressor",
    ),
}

OVERRIDING_CLASSIFIERS: dict[str, tuple[Callable[[], Any], str]] = {
    "classifier": (
        lambda: steps(MyLogistic()),
        "MyLogisticRegression changes predict_",
    ),
    "decision": (
        lambda: steps(overriding(LogisticRegression, "decision_function")()),
        "changes decision_function of LogisticRegression",
    ),
    "vote": (
        lambda: overriding(VotingClassifier, "predict")(
            [("a", steps(LogisticRegression()))]
        ),
        "MyVotingClassifier changes predict of VotingClassifier",
    ),
    "calibration": (
        lambda: overriding(CalibratedClassifierCV, "predict")(
            steps(LogisticRegression()), cv=2
        ),
        "MyCalibratedClassifierCV changes predict of CalibratedClassifierCV",
    ),
    "calibrated": (
        lambda: CalibratedClassifierCV(steps(MyLogistic()), cv=2),
        "MyLogisticRegression changes predict_proba of LogisticRegression",
    ),
}


@pytest.mark.parametrize("name", OVERRIDING)
def test_regressor_of_which_a_part_predicts_in_its_own_way_is_refused(
    name: str,
) -> None:
    make, said = OVERRIDING[name]
    pipeline = make().fit(TABLE, Y)

    with pytest.raises(Refusal, match=said):
        Oracle(pipeline)


@pytest.mark.parametrize("name", OVERRIDING_CLASSIFIERS)
def test_classifier_of_which_a_part_predicts_in_its_own_way_is_refused(
    name: str,
) -> None:
    make, said = OVERRIDING_CLASSIFIERS[name]
    pipeline = make().fit(TABLE, Y > 160)

    with pytest.raises(Refusal, match=said):
        Oracle(pipeline)


@pytest.mark.parametrize(
    ("part", "method"),
    [
        (lambda pipeline: pipeline, "predict"),
        (lambda pipeline: pipeline[-1], "predict"),
        (lambda pipeline: pipeline[0], "transform"),
        (lambda pipeline: pipeline[0].named_transformers_["n"], "transform"),
        (lambda pipeline: pipeline[0].named_transformers_["c"], "transform"),
    ],
    ids=["pipeline", "model", "columns", "scaler", "encoder"],
)
def test_method_that_was_replaced_on_an_object_is_refused(
    part: Callable[[Any], Any], method: str
) -> None:
    pipeline = steps(Ridge()).fit(TABLE, Y)
    replaced = part(pipeline)
    setattr(replaced, method, lambda rows: rows)

    said = f"{method} of this {type(replaced).__name__} was replaced on the object"
    with pytest.raises(Refusal, match=said):
        refuse_overrides(pipeline)


@pytest.mark.parametrize(
    ("kind", "method"),
    [(Ridge, "predict"), (StandardScaler, "transform"), (Pipeline, "predict")],
)
def test_method_that_was_replaced_on_a_class_is_refused(
    kind: Any, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = steps(Ridge()).fit(TABLE, Y)
    monkeypatch.setattr(kind, method, lambda self, rows: rows)
    check_class.cache_clear()

    said = f"{method} of {kind.__name__} was replaced by a function of {__name__}"
    with pytest.raises(Refusal, match=said):
        refuse_overrides(pipeline)


class Described(Pipeline):  # type: ignore[misc]
    """Adds to a pipeline what no prediction looks at."""

    def fit(self, X: Any, y: Any = None, **params: Any) -> Any:
        self.n_rows = len(X)
        return super().fit(X, y, **params)

    def describe(self) -> str:
        return f"fitted on {self.n_rows} rows"


class Named(Ridge):  # type: ignore[misc]
    pass


class NamedTarget(TransformedTargetRegressor):  # type: ignore[misc]
    pass


class OwnStrategy(BaseSearchCV):  # type: ignore[misc]
    """As libraries for searching write theirs."""

    def __init__(self, estimator: Any, grid: Any, cv: int) -> None:
        super().__init__(estimator, cv=cv)
        self.grid = grid

    def _run_search(self, evaluate_candidates: Any) -> None:
        evaluate_candidates(ParameterGrid(self.grid))


HARMLESS: dict[str, Callable[[], Any]] = {
    "pipeline": lambda: steps(Ridge(), Described),
    "regressor": lambda: steps(Named()),
    "target": lambda: NamedTarget(steps(Ridge()), func=np.log1p, inverse_func=np.expm1),
    "search": lambda: search(steps(Ridge()), type("Search", (GridSearchCV,), {})),
    "search with another strategy": lambda: search(steps(Ridge()), OwnStrategy),
    "not chosen": open_search,
    "not chosen in a vote": lambda: VotingRegressor([("a", open_search())]),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_subclass_that_predicts_as_its_base_is_exported(name: str) -> None:
    pipeline = HARMLESS[name]().fit(TABLE, Y)

    content = export(
        pipeline,
        TABLE,
        TABLE,
        ["price"],
        Description(name="price"),
        Provenance(),
    ).content

    model = Model.from_content(content)
    discrepancy = model.signature.provenance.discrepancy
    assert discrepancy is not None
    assert discrepancy.largest < 1e-9
    model.close()


def test_transformer_of_the_user_is_left_to_be_asked() -> None:
    kinds = (
        overriding(OneHotEncoder, "transform"),
        overriding(SimpleImputer, "transform"),
    )
    union = FeatureUnion([(kind.__name__, kind()) for kind in kinds[:1]])
    pipeline = Pipeline(
        [
            (
                "c",
                ColumnTransformer(
                    [("c", union, ["city"]), ("n", kinds[1](), ["size"])]
                ),
            ),
            ("model", Ridge()),
        ]
    ).fit(TABLE, Y)

    refuse_overrides(pipeline)


def test_kernel_and_first_guess_are_known_by_more_than_their_names() -> None:
    sizes = TABLE[["size"]].to_numpy() / 100
    names = {"__init__": kernels.RBF.__init__, "__module__": __name__}
    kernel = type("RBF", (kernels.RBF,), names)
    process = GaussianProcessRegressor(kernel(), alpha=1.0, optimizer=None)
    guess = type("DummyRidge", (BaseEstimator,), {"fit": fit, "predict": double})
    boosting = GradientBoostingRegressor(init=guess(), n_estimators=2)

    for model, said in ((process, f"the kernel {ROOT}.RBF"), (boosting, "DummyRidge")):
        fitted = Pipeline([("model", model)]).fit(sizes, Y)
        frame = pd.DataFrame(sizes, columns=["size"])
        with pytest.raises(Refusal, match=said):
            export(fitted, frame, frame, ["y"], Description(name="y"), Provenance())


def fit(model: Any, X: Any, y: Any) -> Any:
    return model


def double(model: Any, X: Any) -> Any:
    return 2 * X[:, 0].astype(float)


def test_transformer_that_also_resamples_is_not_left_out() -> None:
    class Halved(StandardScaler):  # type: ignore[misc]
        def transform(self, X: Any, copy: Any = None) -> Any:
            return super().transform(X, copy) / 2

        def fit_resample(self, X: Any, y: Any) -> Any:
            return X, y

    pipeline = Pipeline([("half", Halved()), ("model", RandomForestRegressor(3))])
    sizes = TABLE[["size"]]

    with pytest.raises(Refusal, match=r"step 'half' \(Halved\) cannot be said"):
        export(
            pipeline.fit(sizes, Y),
            sizes,
            sizes,
            ["price"],
            Description(name="price"),
            Provenance(),
        )


def test_vectorizer_that_splits_in_its_own_way_is_refused() -> None:
    split = overriding(TfidfVectorizer, "build_analyzer")(token_pattern=".")
    pipeline = Pipeline([("words", split), ("model", Ridge())]).fit(TABLE["city"], Y)

    with pytest.raises(Refusal, match="MyTfidfVectorizer changes build_analyzer of"):
        Oracle(pipeline)


def test_what_only_looks_like_a_search_is_not_followed() -> None:
    class Best(RegressorMixin, BaseEstimator):  # type: ignore[misc]
        def fit(self, X: Any, y: Any) -> Any:
            self.best_estimator_ = steps(Ridge()).fit(X, y)
            return self

        def predict(self, X: Any) -> Any:
            return np.minimum(self.best_estimator_.predict(X), 1e6)

    with pytest.raises(Refusal, match="Best is nobody's search that is known"):
        Oracle(Best().fit(TABLE, Y))
