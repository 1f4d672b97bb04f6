"""Estimators made of estimators."""

from typing import Any

import numpy as np
import pytest
from sklearn import calibration, dummy, ensemble, multiclass, multioutput
from sklearn.compose import TransformedTargetRegressor
from sklearn.feature_selection import RFE
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils import all_estimators

from convert.errors import Refusal
from convert.graph.builder import Graph
from convert.lowering.estimators import emit
from convert.lowering.registry import EMITTERS, class_name
from tests.emission import (
    DOUBLE as DOUBLE_TENSOR,
)
from tests.emission import (
    build,
    discrepancy,
    edge_rows,
    make_labels,
    make_matrix,
    make_target,
)

DOUBLE = 1e-9

NUMBERS = [
    ("linear", LinearRegression()),
    ("tree", DecisionTreeRegressor(max_depth=3)),
    ("near", KNeighborsRegressor(weights="distance")),
]
LABELS = [
    ("logistic", LogisticRegression(max_iter=1000)),
    ("tree", DecisionTreeClassifier(max_depth=3)),
    ("bayes", GaussianNB()),
]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def identity(value: Any) -> Any:
    return value


@pytest.mark.parametrize(
    "estimator",
    [
        ensemble.VotingRegressor(NUMBERS),
        ensemble.VotingRegressor(NUMBERS, weights=[1, 2, 3]),
        ensemble.StackingRegressor(NUMBERS, cv=3),
        ensemble.StackingRegressor(
            NUMBERS, DecisionTreeRegressor(max_depth=4), cv=3, passthrough=True
        ),
        ensemble.BaggingRegressor(max_features=0.5, random_state=0),
        ensemble.BaggingRegressor(LinearRegression(), random_state=0),
        GridSearchCV(Ridge(), {"alpha": [1, 2]}),
        RFE(Ridge(), n_features_to_select=2),
        dummy.DummyRegressor(strategy="median"),
        TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1),
        TransformedTargetRegressor(Ridge(), func=np.log, inverse_func=np.exp),
        TransformedTargetRegressor(Ridge(), func=np.sqrt, inverse_func=np.square),
        TransformedTargetRegressor(Ridge(), transformer=StandardScaler()),
        TransformedTargetRegressor(Ridge(), transformer=MinMaxScaler()),
        TransformedTargetRegressor(Ridge(), transformer=RobustScaler()),
        TransformedTargetRegressor(Ridge(), transformer=MaxAbsScaler()),
        TransformedTargetRegressor(
            Ridge(), transformer=QuantileTransformer(n_quantiles=10)
        ),
    ],
    ids=repr,
)
def test_regressor(estimator: Any) -> None:
    matrix, rows = make_matrix(), make_matrix(seed=77)
    estimator.fit(matrix, make_target(matrix))

    assert discrepancy(estimator, rows) < DOUBLE
    assert discrepancy(estimator, edge_rows(estimator, rows)) < DOUBLE


@pytest.mark.parametrize(
    "estimator",
    [
        multioutput.MultiOutputRegressor(DecisionTreeRegressor(max_depth=4)),
        multioutput.RegressorChain(Ridge(), order=[1, 0]),
        dummy.DummyRegressor(),
    ],
    ids=repr,
)
def test_regressor_of_two_targets(estimator: Any) -> None:
    matrix = make_matrix()
    target = make_target(matrix)
    estimator.fit(matrix, np.column_stack([target, np.sqrt(target)]))

    assert discrepancy(estimator, make_matrix(seed=77)) < DOUBLE


@pytest.mark.parametrize("out_of_bounds", ["clip", "nan"])
@pytest.mark.parametrize("increasing", [True, False])
def test_isotonic_regression(out_of_bounds: str, increasing: bool) -> None:
    matrix = make_matrix(n_columns=1)
    estimator = IsotonicRegression(
        increasing=increasing, out_of_bounds=out_of_bounds
    ).fit(matrix, np.arange(300) % 17)
    rows = np.vstack([matrix, make_matrix(n_columns=1, seed=77) * 3])

    assert discrepancy(estimator, rows) < DOUBLE


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "estimator",
    [
        ensemble.VotingClassifier(LABELS),
        ensemble.VotingClassifier(LABELS, voting="soft", weights=[1, 2, 1]),
        ensemble.StackingClassifier(LABELS, cv=3),
        ensemble.StackingClassifier(LABELS, cv=3, stack_method="predict"),
        ensemble.StackingClassifier(
            [*LABELS, ("svc", LinearSVC())], cv=3, passthrough=True
        ),
        ensemble.BaggingClassifier(max_features=0.6, random_state=0),
        ensemble.BaggingClassifier(LogisticRegression(), random_state=0),
        ensemble.BaggingClassifier(LinearSVC(), random_state=0),
        multiclass.OneVsRestClassifier(LogisticRegression()),
        multiclass.OneVsRestClassifier(LinearSVC()),
        multiclass.OneVsRestClassifier(DecisionTreeClassifier(max_depth=3)),
        multiclass.OneVsOneClassifier(LogisticRegression()),
        multiclass.OneVsOneClassifier(GaussianNB()),
        calibration.CalibratedClassifierCV(LinearSVC()),
        calibration.CalibratedClassifierCV(GaussianNB(), ensemble=False),
        calibration.CalibratedClassifierCV(SVC(), method="isotonic"),
        calibration.CalibratedClassifierCV(
            ensemble.RandomForestClassifier(10, random_state=0), method="isotonic"
        ),
        calibration.CalibratedClassifierCV(LogisticRegression(), method="temperature"),
        calibration.CalibratedClassifierCV(GaussianNB(), method="temperature"),
        dummy.DummyClassifier(),
        dummy.DummyClassifier(strategy="most_frequent"),
    ],
    ids=repr,
)
def test_classifier(estimator: Any, n_classes: int) -> None:
    matrix = make_matrix()
    estimator.fit(matrix, make_labels(matrix, n_classes))
    rows = np.vstack([matrix, make_matrix(seed=77)])

    assert discrepancy(estimator, rows) < DOUBLE


@pytest.mark.parametrize(
    "estimator",
    [
        TunedThresholdClassifierCV(LogisticRegression(), scoring="f1_macro"),
        FixedThresholdClassifier(LogisticRegression(), threshold=0.2),
        FixedThresholdClassifier(LogisticRegression(), threshold=0.2, pos_label="a"),
        FixedThresholdClassifier(LinearSVC(), threshold=0.5, pos_label="a"),
        FixedThresholdClassifier(LinearSVC()),
    ],
    ids=repr,
)
def test_label_follows_the_threshold_and_not_the_largest_probability(
    estimator: Any,
) -> None:
    matrix = make_matrix()
    estimator.fit(matrix, make_labels(matrix, 2))
    rows = np.vstack([matrix, make_matrix(seed=77)])

    assert discrepancy(estimator, rows) < DOUBLE


@pytest.mark.parametrize(
    ("estimator", "reason"),
    [
        (dummy.DummyClassifier(strategy="uniform"), "draws at random"),
        (
            TransformedTargetRegressor(Ridge(), func=identity, inverse_func=identity),
            "inverse_func is 'identity'",
        ),
        (
            TransformedTargetRegressor(
                Ridge(), transformer=Normalizer(), check_inverse=False
            ),
            "transformed with Normalizer",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_no_graph_can_hold_is_refused(estimator: Any, reason: str) -> None:
    matrix = make_matrix()
    estimator.fit(matrix, np.arange(300) % 2)

    with pytest.raises(Refusal, match=reason):
        build(estimator, 5)


def test_several_labels_a_row_are_refused() -> None:
    matrix = make_matrix()
    labels = matrix[:, :2] > 0
    estimator = DecisionTreeClassifier().fit(matrix, labels)

    with pytest.raises(Refusal, match="one classifier for each label"):
        build(estimator, 5)


def test_unknown_class_is_named_with_the_nearest_that_works() -> None:
    class Mine:
        def predict(self, rows: Any) -> Any:
            return rows[:, 0]

    with pytest.raises(Refusal, match=r"Mine has no emitter: .*HistGradientBoosting"):
        build(Mine(), 5)


def test_transformer_at_the_end_is_no_estimator() -> None:
    with pytest.raises(Refusal, match="StandardScaler has no predict"):
        build(StandardScaler().fit(make_matrix()), 5)


def test_subclass_with_a_predict_of_its_own_is_refused() -> None:
    class Clipped(Ridge):  # type: ignore[misc]
        def predict(self, rows: Any) -> Any:
            return super().predict(rows).clip(0, 100)

    matrix = make_matrix()
    estimator = Clipped().fit(matrix, make_target(matrix))

    with pytest.raises(Refusal, match="Clipped changes predict of Ridge"):
        build(estimator, 5)


def test_subclass_that_only_has_another_name_is_emitted() -> None:
    class Renamed(Ridge):  # type: ignore[misc]
        pass

    matrix = make_matrix()

    assert discrepancy(Renamed().fit(matrix, make_target(matrix)), matrix) < DOUBLE


def test_wrong_number_of_columns_is_refused() -> None:
    matrix = make_matrix()
    estimator = Ridge().fit(matrix, make_target(matrix))

    with pytest.raises(Refusal, match="fitted on 5 columns and gets 4"):
        build(estimator, 4)


def test_pipeline_without_preprocessing_is_its_last_step() -> None:
    matrix = make_matrix()
    estimator = make_pipeline("passthrough", Ridge()).fit(matrix, make_target(matrix))

    assert discrepancy(estimator, matrix) < DOUBLE


def test_regressor_adds_only_a_prediction() -> None:
    matrix = make_matrix()
    graph = Graph()
    outputs = emit(
        graph,
        Ridge().fit(matrix, make_target(matrix)),
        graph.input("matrix", DOUBLE_TENSOR),
        5,
    )

    assert outputs._replace(prediction=None) == (None, None, None, None)
    assert outputs.prediction is not None


def test_every_regressor_and_classifier_is_emitted_or_known_not_to_be() -> None:
    found = all_estimators(type_filter=["regressor", "classifier"])
    names = {class_name(one) for _, one in found}

    assert names - set(EMITTERS.names()) == {
        "sklearn.GaussianProcessClassifier",
        "sklearn.LabelPropagation",
        "sklearn.LabelSpreading",
        "sklearn.OutputCodeClassifier",
        "sklearn.RadiusNeighborsClassifier",
        "sklearn.SelfTrainingClassifier",
    }
