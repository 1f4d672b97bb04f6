import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.cluster import BisectingKMeans, KMeans
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
)
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeRegressor

from convert.errors import Refusal
from convert.saved.bounds import check_bounds

RNG = np.random.default_rng(3)
X = np.c_[RNG.integers(0, 4, 60), RNG.normal(size=(60, 2))]
Y = X.sum(axis=1)
LABELS = (X[:, 0] % 3).astype(int)
WORDS = ["one two three", "two three", "three"]

FITTED: dict[str, Any] = {
    "tree": DecisionTreeRegressor(max_depth=3).fit(X, Y),
    "stages": GradientBoostingRegressor(n_estimators=3).fit(X, Y),
    "histograms": HistGradientBoostingRegressor(
        max_iter=3, min_samples_leaf=2, categorical_features=[0]
    ).fit(X, Y),
    "svc": SVC().fit(X, LABELS),
    "svr": SVR().fit(X, Y),
    "neighbours": KNeighborsClassifier().fit(X, LABELS),
    "means": KMeans(3, n_init=1).fit(X),
    "bisecting": BisectingKMeans(3, n_init=1).fit(X),
    "words": CountVectorizer().fit(WORDS),
    "hashes": HashingVectorizer(),
    "one hot": OneHotEncoder(drop="first", min_frequency=12).fit(X[:, :1]),
}


@pytest.mark.parametrize("name", list(FITTED))
def test_what_scikit_learn_fitted_is_within_bounds(name: str) -> None:
    check_bounds(FITTED[name])
    check_bounds(pickle.loads(pickle.dumps(FITTED[name])))


def with_attribute(name: str, value: Any) -> Callable[[Any], None]:
    return lambda estimator: setattr(estimator, name, value)


def _predictor(estimator: Any) -> Any:
    return estimator._predictors[0][0]


def _further_feature(estimator: Any) -> None:
    _predictor(estimator).nodes["feature_idx"] = 3


def _number_as_category(estimator: Any) -> None:
    inner = _predictor(estimator).nodes["is_leaf"] == 0
    _predictor(estimator).nodes["is_categorical"][inner] = 1
    _predictor(estimator).nodes["feature_idx"][inner] = 1


def _first_class_only(estimator: Any) -> None:
    estimator.init_.constant_ = np.zeros((1, 2))
    estimator.init_.n_outputs_ = 2


@pytest.mark.parametrize(
    ("name", "bend", "sentence"),
    [
        ("tree", with_attribute("n_features_in_", 2), "a tree of other features"),
        ("stages", with_attribute("estimators_", np.empty((0, 1))), "without trees"),
        ("stages", _first_class_only, "first estimator does not go with its trees"),
        ("histograms", _further_feature, "asks for more than 3 features"),
        ("histograms", _number_as_category, "takes a number for a category"),
        ("histograms", with_attribute("_in_fit", True), "the middle of its fit"),
        ("histograms", with_attribute("n_features_in_", 2), "bins of other features"),
        ("histograms", with_attribute("n_trees_per_iteration_", 2), "rounds of"),
        (
            "histograms",
            lambda e: e._preprocessor.transformers_.pop(0),
            "another encoder than its own",
        ),
        ("svc", with_attribute("_n_support", np.array([9, 9, 9], "i4")), "than its"),
        ("svc", with_attribute("_dual_coef_", np.zeros((2, 3))), "coefficients"),
        ("svc", with_attribute("_intercept_", np.zeros(1)), "coefficients"),
        ("svc", with_attribute("support_vectors_", np.zeros((2, 3))), "other features"),
        ("svc", with_attribute("_probB", np.zeros(1)), "probabilities"),
        ("svr", with_attribute("_n_support", np.array([3], "i4")), "how many support"),
        ("svr", with_attribute("support_", np.zeros(3, "i4")), "coefficients"),
        ("svr", with_attribute("_gamma", -1.0), "gamma is no number from 0 on"),
        ("neighbours", with_attribute("_fit_X", np.zeros((60, 2))), "other neighbours"),
        ("neighbours", with_attribute("_y", np.zeros(3, int)), "one target for each"),
        ("neighbours", with_attribute("_y", np.full(60, 7)), "classes that it does"),
        ("means", with_attribute("cluster_centers_", np.zeros((3, 2))), "centres of"),
        (
            "bisecting",
            lambda e: setattr(e._bisecting_tree.left, "center", np.zeros(2)),
            "a centre of other features",
        ),
        ("words", with_attribute("vocabulary_", {"a": 0, "b": 9}), "number its words"),
        ("words", with_attribute("vocabulary_", ["a"]), "number its words"),
        ("hashes", with_attribute("n_features", 0), "no number of features"),
        ("one hot", with_attribute("_n_features_outs", [99]), "other columns"),
        ("one hot", with_attribute("categories_", [np.array([2.0, 1.0])]), "order"),
        (
            "one hot",
            with_attribute("_drop_idx_after_grouping", np.array([9], object)),
            "drops a category",
        ),
        (
            "one hot",
            with_attribute("_default_to_infrequent_mappings", [np.array([0, 1, 9, 9])]),
            "groups categories that it does not have",
        ),
    ],
    ids=map(str, range(28)),
)
def test_what_compiled_code_would_read_beyond_is_refused(
    name: str, bend: Callable[[Any], Any], sentence: str
) -> None:
    estimator = copy.deepcopy(FITTED[name])
    bend(estimator)

    with pytest.raises(Refusal, match=sentence):
        check_bounds(estimator)


def test_a_tree_that_has_no_more_leaves_is_refused() -> None:
    predictor = copy.deepcopy(_predictor(FITTED["histograms"]))
    predictor.nodes["left"] = 0

    with pytest.raises(Refusal, match="do not come after"):
        check_bounds(predictor)
