"""What a state may hold: every class of the table, with honest and hostile states."""

import importlib
import warnings
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator
from sklearn.feature_selection import r_regression
from sklearn.linear_model import Ridge
from sklearn.metrics import make_scorer, r2_score
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import all_estimators

from convert.errors import Refusal
from convert.saved.kinds import without_plain
from convert.saved.states import TABLE, check_state, known_classes, state_of
from tests import others, saved_states
from tests.honest_states import walk

FUNCTION = ("sklearn.preprocessing._function_transformer", "FunctionTransformer")
RIDGE = ("sklearn.linear_model._ridge", "Ridge")
LGBM = ("lightgbm.sklearn", "LGBMRegressor")


class Interface:
    """An object that numpy would take an address from."""

    __array_interface__: ClassVar[dict[str, Any]] = {
        "data": (1, False),
        "shape": (9,),
        "typestr": "<f8",
        "version": 3,
    }


class Own(BaseEstimator):  # type: ignore[misc]
    """An estimator that somebody wrote."""


def function() -> None:
    """Stand for code that somebody wrote."""


HOSTILE = {
    "a function": function,
    "a function of Python's": eval,
    "a bound method": Ridge().fit,
    "a partial": partial(np.log1p),
    "an object with an array interface": Interface(),
    "a class": Interface,
    "a module": importlib,
    "an array of seven dimensions and objects": np.full((1,) * 7, Ridge(), object),
    "a structured array": np.zeros(1, [("address", "i8")]),
    "an object in a list": [[Interface()]],
    "a partial in a dictionary": {"a": partial(np.log1p)},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_attribute_of_any_class_may_be(name: str) -> None:
    value = HOSTILE[name]

    accepted = [
        f"{kind}.{attribute}"
        for kind in known_classes()
        for attribute in state_of(kind).attributes
        if not _is_refused(kind, {attribute: value}, f"it.{attribute} ")
    ]

    assert accepted == []


def test_a_scorer_is_kept_only_where_scikit_learn_keeps_one() -> None:
    scorer = make_scorer(r2_score)

    kept = {
        attribute
        for kind in known_classes()
        for attribute in state_of(kind).attributes
        if not _is_refused(kind, {attribute: scorer}, f"it.{attribute} ")
    }

    assert kept <= {"scorer", "scorer_", "scoring", "_scorer", "_curve_scorer", "owner"}


@pytest.mark.parametrize("name", ["__array_interface__", "__class__", "__dict__"])
def test_no_class_has_an_attribute_that_python_itself_reads(name: str) -> None:
    accepted = [
        kind
        for kind in known_classes()
        if not _is_refused(kind, {name: 1.0}, f"it.{name} ")
    ]

    assert accepted == []


def test_only_estimators_have_attributes_that_no_fit_here_has_left() -> None:
    accepted = {
        state_of(kind).role
        for kind in known_classes()
        if not _is_refused(kind, {"unheard_of": 1.0}, "it.")
    }

    assert accepted == {"estimator"}
    assert _is_refused(RIDGE, {"unheard_of": np.log1p}, "it.unheard_of is elementwise")
    assert _is_refused(RIDGE, {"unheard_of": Ridge()}, "it.unheard_of is estimator")
    assert _is_refused(RIDGE, {"_parameter_constraints": {}}, "it._parameter_")


def test_no_attribute_may_replace_a_method() -> None:
    accepted = []
    for name, cls in all_estimators():
        kind = (cls.__module__, name)
        for method in ("fit", "predict", "transform", "get_params", "_more_tags"):
            if hasattr(cls, method) and not _is_refused(kind, {method: "x"}, "it."):
                accepted.append(f"{name}.{method}")

    assert accepted == []


@pytest.mark.parametrize("maker", others.CONVERTED, ids=lambda maker: maker.__name__)
def test_what_people_fit_is_taken(maker: others.Maker) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline, _, _ = others.fit(maker)

    refused = []
    for value, state, place in walk(pipeline):
        kind = (type(value).__module__, type(value).__qualname__)
        if ".".join(kind) in saved_states.OTHERS:
            continue
        try:
            check_state(kind, state, place)
        except Refusal as refusal:
            refused.append(str(refusal))

    assert refused == []


def test_a_refusal_says_what_was_found_and_what_was_expected() -> None:
    with pytest.raises(Refusal) as refusal:
        check_state(FUNCTION, {"func": eval}, "pipeline.steps[0][1]")

    assert str(refusal.value) == (
        "pipeline.steps[0][1].func is function builtins.eval, where a "
        "FunctionTransformer of its library has elementwise, partial "
        "sklearn.utils.validation.check_array, a plain constant: save a pipeline that "
        "was fitted by the library alone"
    )


def test_a_refusal_shows_what_a_rule_forbids_without_its_control_characters() -> None:
    text = ("sklearn.feature_extraction.text", "CountVectorizer")

    with pytest.raises(Refusal) as refusal:
        check_state(text, {"input": "\x1b[2Jfilename"}, "it")

    assert str(refusal.value) == (
        r"it.input is '\x1b[2Jfilename', and a pipeline that reads files for each row "
        "is not converted: use 'content'"
    )


def test_a_function_that_is_trusted_is_taken() -> None:
    name = f"{function.__module__}.{function.__qualname__}"

    check_state(FUNCTION, {"func": function}, "it", [name])

    assert _is_refused(FUNCTION, {"func": function}, "it.func")


def test_parameters_may_be_any_plain_constant_and_fitted_attributes_not() -> None:
    constant = {"a": [1, None, "b", np.zeros((2, 2))]}

    check_state(RIDGE, {"alpha": constant, "max_iter": constant}, "it")

    assert _is_refused(RIDGE, {"coef_": constant}, "it.coef_ ")
    assert _is_refused(RIDGE, {"coef_": np.zeros((2, 2, 2, 2))}, "it.coef_ ")
    assert _is_refused(RIDGE, {"coef_": np.array(["a"])}, "it.coef_ ")


SEARCHED = ("sklearn.neighbors._classification", "KNeighborsClassifier")
LOGISTIC = ("sklearn.linear_model._logistic", "LogisticRegression")
GRID = ("sklearn.model_selection._search", "GridSearchCV")
PIPELINE = ("sklearn.pipeline", "Pipeline")
XGB = ("xgboost.sklearn", "XGBRegressor")
FDR = ("sklearn.feature_selection._univariate_selection", "SelectFdr")


@pytest.mark.parametrize(
    ("kind", "attribute", "value"),
    [
        (RIDGE, "coef_", np.zeros(3)),
        (RIDGE, "coef_", csr_matrix(np.eye(2))),
        (RIDGE, "intercept_", np.zeros((1, 1))),
        (LOGISTIC, "classes_", np.array(["2024-01-01"], "datetime64[D]")),
        (LOGISTIC, "classes_", np.array([True, "a", 1.5], object)),
        (XGB, "booster", "dart"),
        (XGB, "random_state", np.random.RandomState(0)),
        (LGBM, "_other_params", {"drop_rate": 0.5, "metric": ["l1", "l2"]}),
        (LGBM, "_best_score", {"valid_0": {"l2": 0.25}}),
        (FDR, "score_func", r_regression),
        (GRID, "scoring", {"r2": make_scorer(r2_score), "mae": "max_error"}),
        (PIPELINE, "steps", [("a", None), ("b", Ridge())]),
    ],
)
def test_values_of_the_family_that_was_seen_are_taken(
    kind: tuple[str, str], attribute: str, value: Any
) -> None:
    check_state(kind, {attribute: value}, "it")


def test_dimensions_are_kept_where_compiled_code_reads_by_them() -> None:
    assert _is_refused(SEARCHED, {"_fit_X": np.zeros((2, 2, 2))}, "it._fit_X ")


def test_the_rules_of_numbers_look_into_arrays() -> None:
    forest = ("sklearn.ensemble._forest", "RandomForestClassifier")

    check_state(forest, {"n_classes_": np.array([2, 3])}, "it")

    assert _is_refused(forest, {"n_classes_": np.array([2, 10**9])}, "it.n_classes_ ")


def test_a_degree_is_bounded_under_each_name_that_it_has() -> None:
    powers = ("sklearn.preprocessing._polynomial", "PolynomialFeatures")

    check_state(powers, {"degree": 3, "_min_degree": 0, "_max_degree": 3}, "it")

    for name in ("degree", "_min_degree", "_max_degree"):
        assert _is_refused(powers, {name: 10**9}, f"it.{name} ")


def test_a_booster_may_have_plain_attributes_of_any_name() -> None:
    check_state(
        LGBM, {"_other_params": {"max_bin": 9}, "max_bin": 9, "_le": Own()}, "it"
    )

    assert _is_refused(LGBM, {"max_bin": function}, "it.max_bin ")
    assert _is_refused(LGBM, {"fit": 9}, "it.fit ")


def test_what_a_booster_has_learnt_is_of_the_kind_that_was_seen() -> None:
    classifier = ("xgboost.sklearn", "XGBClassifier")

    check_state(classifier, {"n_classes_": 3}, "it")

    assert _is_refused(classifier, {"n_classes_": None}, "it.n_classes_ ")
    assert _is_refused(classifier, {"n_classes_": np.array([2, 3])}, "it.n_classes_ ")


def test_an_unknown_class_is_refused() -> None:
    with pytest.raises(Refusal, match=r"^it is of tests\.Own, which is not known$"):
        check_state(("tests", "Own"), {}, "it")


def test_any_estimator_fits_where_one_does() -> None:
    union = ("sklearn.pipeline", "FeatureUnion")

    check_state(union, {"transformer_list": [("a", FunctionTransformer())]}, "it")


def test_the_table_is_written_as_it_is_read() -> None:
    text = TABLE.read_text("utf-8")

    assert saved_states.table(saved_states.read(text)) == text


def test_parameters_are_listed_with_what_is_not_plain() -> None:
    listed = [
        f"{kind}.{name}"
        for kind in known_classes()
        for name in state_of(kind).parameters
        if state_of(kind).attributes[name].keys()
        != {*without_plain(state_of(kind).attributes[name]), "plain"}
    ]

    assert listed == []


def _is_refused(kind: tuple[str, str], state: dict[str, Any], place: str) -> bool:
    return place in _refusal(kind, state)


def _refusal(kind: tuple[str, str], state: dict[str, Any]) -> str:
    try:
        check_state(kind, state, "it")
    except Refusal as refusal:
        return str(refusal)
    return ""
