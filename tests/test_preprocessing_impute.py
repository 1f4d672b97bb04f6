from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, MissingIndicator, SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import FeatureUnion, make_pipeline, make_union
from sklearn.preprocessing import (
    OrdinalEncoder,
    PolynomialFeatures,
    StandardScaler,
)

from convert.errors import Refusal
from convert.lowering.preprocessing.knn_imputer import count_ties
from tests.lowered import compare, lower_to_model, make_gaps, make_mixed, transform

EXACT: list[Any] = [
    SimpleImputer(),
    SimpleImputer(strategy="median"),
    SimpleImputer(strategy="most_frequent"),
    SimpleImputer(strategy="constant"),
    SimpleImputer(strategy="constant", fill_value=-1.5),
    SimpleImputer(add_indicator=True),
    MissingIndicator(error_on_new=False),
    MissingIndicator(features="all"),
    make_union(SimpleImputer(), MissingIndicator(error_on_new=False)),
]


@pytest.mark.parametrize("imputer", EXACT, ids=str)
def test_imputer_equals_scikit_learn_to_the_last_bit(imputer: Any) -> None:
    imputer.fit(make_gaps())

    assert compare(imputer, make_gaps(), make_gaps(500, seed=3)) == 0


@pytest.mark.parametrize("keep", [False, True])
def test_empty_column_is_dropped_or_kept_as_fitted(keep: bool) -> None:
    sample = make_gaps().assign(small=np.nan)
    imputer = SimpleImputer(keep_empty_features=keep, add_indicator=True)
    imputer.set_params(strategy="constant" if keep else "mean").fit(sample)

    rows = make_gaps(50, seed=4).assign(small=np.nan)
    assert compare(imputer, sample, rows) == 0


def mixing() -> FeatureUnion:
    """Return a step whose outputs depend on two columns, so that no table holds it."""
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    products = PolynomialFeatures(interaction_only=True)
    return make_union(codes, make_pipeline(codes, products))


@pytest.mark.parametrize(
    "imputer",
    [
        SimpleImputer(strategy="most_frequent"),
        SimpleImputer(strategy="most_frequent", add_indicator=True),
    ],
    ids=str,
)
def test_texts_and_numbers_are_filled_together_before_steps_that_mix_them(
    imputer: SimpleImputer,
) -> None:
    def with_gaps(seed: int) -> pd.DataFrame:
        frame = make_mixed(160, seed)[["colour", "grade", "half"]].astype(object)
        missing = np.random.default_rng(seed).random(frame.shape) < 0.2
        return frame.mask(missing, np.nan)

    sample = with_gaps(0)
    pipeline = make_pipeline(imputer, mixing()).fit(sample)

    assert compare(pipeline, sample, with_gaps(3)) == 0


def test_a_text_may_mark_what_is_missing_among_texts() -> None:
    sample = make_mixed()[["colour", "kind"]].astype(object)
    imputer = SimpleImputer(missing_values="red", strategy="most_frequent")
    pipeline = make_pipeline(imputer, mixing()).fit(sample)

    assert compare(pipeline, sample, sample) == 0


def test_a_number_may_mark_what_is_missing() -> None:
    sample = make_gaps().fillna(-999)
    imputer = SimpleImputer(missing_values=-999, add_indicator=True).fit(sample)

    assert compare(imputer, sample, make_gaps(200, seed=3).fillna(-999)) == 0


def test_one_column_with_gaps_has_one_indicator() -> None:
    whole = make_gaps().fillna(1.0)
    sample = whole.assign(**{str(whole.columns[1]): make_gaps().iloc[:, 1]})
    imputer = SimpleImputer(add_indicator=True).fit(sample)

    assert imputer.transform(sample).shape[1] == whole.shape[1] + 1
    assert compare(imputer, sample, sample) == 0


@pytest.mark.parametrize(
    "imputer",
    [
        KNNImputer(keep_empty_features=True),
        IterativeImputer(keep_empty_features=True, max_iter=1, tol=1e9),
    ],
    ids=str,
)
def test_an_imputer_that_keeps_an_empty_column_is_refused(imputer: Any) -> None:
    sample = make_gaps().assign(empty=np.nan)
    imputer.fit(sample)

    with pytest.raises(Refusal, match="keeps columns that were empty; drop them"):
        lower_to_model(imputer, sample)


ITERATIVE: list[Any] = [
    IterativeImputer(random_state=0, max_iter=4, tol=1e9),
    IterativeImputer(random_state=0, max_iter=2, tol=1e9, add_indicator=True),
    IterativeImputer(Ridge(), max_iter=2, tol=1e9, min_value=0, max_value=9),
    IterativeImputer(Ridge(), max_iter=2, tol=1e9, min_value=4),
    IterativeImputer(max_iter=2, tol=1e9, n_nearest_features=2, random_state=0),
    IterativeImputer(max_iter=2, tol=1e9, initial_strategy="median"),
]


@pytest.mark.parametrize("imputer", ITERATIVE, ids=str)
def test_iterative_imputer_agrees(imputer: Any) -> None:
    pipeline = make_pipeline(StandardScaler(), imputer).fit(make_gaps())

    assert compare(pipeline, make_gaps(), make_gaps(300, seed=3)) < 1e-13


NEIGHBORS: list[Any] = [
    KNNImputer(),
    KNNImputer(n_neighbors=2, weights="distance", add_indicator=True),
    KNNImputer(n_neighbors=500),
]


@pytest.mark.parametrize("imputer", NEIGHBORS, ids=str)
def test_neighbors_imputer_agrees_where_no_distances_tie(imputer: Any) -> None:
    pipeline = make_pipeline(StandardScaler(), imputer).fit(make_gaps())
    rows = make_gaps(300, seed=3)
    rows.iloc[5] = np.nan
    rows.iloc[6] = make_gaps().iloc[6]

    assert compare(pipeline, make_gaps(), rows) < 1e-12


def test_the_only_row_that_shares_a_column_is_the_nearest() -> None:
    points = pd.DataFrame(
        {
            "a": [1.0, np.nan, np.nan, np.nan],
            "b": [5.0, 7.0, 20.0, 11.0],
            "c": [np.nan, 3.0, 2.0, 8.0],
        }
    )
    imputer = KNNImputer(n_neighbors=2).fit(points)
    rows = pd.DataFrame({"a": [1.5, 2.0], "b": [np.nan] * 2, "c": [np.nan, 4.0]})

    assert compare(imputer, points, rows) == 0


def impute_as_before(
    imputer: KNNImputer, distances: Any, n_neighbors: int, values: Any, _: Any
) -> Any:
    """Return scikit-learn 1.3's means: of rows that share no column, too."""
    nearest = np.argpartition(distances, n_neighbors - 1, axis=1)[:, :n_neighbors]
    return values.take(nearest).mean(axis=1)


def test_a_row_that_shares_no_column_counts_where_the_release_counts_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(KNNImputer, "_calc_impute", impute_as_before)
    points = pd.DataFrame({"a": [1.0, np.nan, np.nan], "b": [5.0, 7.0, np.nan]})
    imputer = KNNImputer(n_neighbors=2).fit(points)
    rows = pd.DataFrame({"a": [2.0], "b": [np.nan]})

    assert transform(imputer, rows).tolist() == [[2.0, 6.0]]
    assert compare(imputer, points, rows) == 0


def test_a_row_that_was_fitted_is_the_nearest_although_rounding_puts_it_below_zero() -> (
    None
):
    points = pd.DataFrame(
        np.random.default_rng(0).normal(100, 1, (60, 3)), columns=["a", "b", "c"]
    )
    imputer = KNNImputer(n_neighbors=1).fit(points)

    assert compare(imputer, points, points.assign(a=np.nan)) == 0


TIES = pd.DataFrame({"a": [0.0, 2.0, 10.0, 18.0], "b": [1.0, 5.0, 9.0, 9.0]})


@pytest.mark.parametrize(
    ("n_neighbors", "row", "n_tied"),
    [
        (1, [0.5, 1.5], 0),
        (1, [1.0, 1.5], 1),  # b: 1 or 5
        (1, [0.5, 3.0], 1),  # a: 0 or 2
        (1, [1.0, 3.0], 2),
        (1, [14.0, 1.5], 0),  # b: 9 or 9
        (2, [1.0, 1.5], 0),  # b: 1 and 5
        (2, [5.0, 2.5], 1),  # b: 5, and 1 or 9
        (4, [1.0, 3.0], 0),
    ],
)
def test_a_tie_is_a_cell_for_which_several_values_are_equally_near(
    n_neighbors: int, row: list[float], n_tied: int
) -> None:
    imputer = KNNImputer(n_neighbors=n_neighbors).fit(TIES.to_numpy())

    assert count_ties(imputer, np.array([row])) == n_tied


def test_ties_in_one_cell_of_a_hundred_are_accepted_and_in_two_are_refused() -> None:
    imputer = KNNImputer(n_neighbors=1).fit(TIES)

    def sample(n_rows: int) -> pd.DataFrame:
        return pd.DataFrame({"a": [1.0] + [0.5] * (n_rows - 1), "b": [1.5] * n_rows})

    assert compare(imputer, sample(50), sample(50)[1:]) == 0
    with pytest.raises(Refusal) as refused:
        lower_to_model(imputer, sample(25))
    assert str(refused.value) == (
        "the KNNImputer cannot be said in ONNX: for 2% of the sample's cells, were they "
        "missing, several fitted rows are equally near and differ, and which of them it "
        "takes is an accident of sorting; use SimpleImputer or IterativeImputer"
    )


def measure_gaps(x: Any, y: Any, **_: Any) -> float:
    return float(np.nansum(np.abs(x - y)))


@pytest.mark.parametrize(
    ("imputer", "why"),
    [
        (
            KNNImputer(metric=measure_gaps),
            "the KNNImputer cannot be said in ONNX: it measures or weighs with a "
            "function of its own",
        ),
        (
            KNNImputer(weights=np.ones_like),
            "the KNNImputer cannot be said in ONNX: it measures or weighs with a "
            "function of its own",
        ),
        (
            IterativeImputer(sample_posterior=True, max_iter=1),
            "the IterativeImputer cannot be said in ONNX: sample_posterior draws at "
            "random; set it to False",
        ),
    ],
    ids=["metric", "weights", "posterior"],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_what_no_graph_can_repeat_is_refused(imputer: Any, why: str) -> None:
    imputer.fit(make_gaps())

    with pytest.raises(Refusal) as refused:
        lower_to_model(imputer, make_gaps())

    assert str(refused.value) == why


@pytest.mark.parametrize(
    "imputer", [KNNImputer(), IterativeImputer(max_iter=1, tol=1e9)], ids=str
)
@pytest.mark.filterwarnings("ignore:Skipping features:UserWarning")
def test_an_imputer_may_drop_an_empty_column(imputer: Any) -> None:
    sample = make_gaps()[["decimal", "positive", "small"]].assign(small=np.nan)
    imputer.fit(sample)

    assert compare(imputer, sample, sample) < 1e-12


def test_neighbors_imputer_is_refused_where_distances_tie() -> None:
    rng = np.random.default_rng(0)
    points = pd.DataFrame(rng.integers(0, 5, (100, 3)), columns=["a", "b", "c"])
    imputer = KNNImputer().fit(points.astype(float))

    with pytest.raises(Refusal, match="equally near"):
        lower_to_model(imputer, points.astype(float))


def test_iterative_imputer_over_trees_is_refused() -> None:
    imputer = IterativeImputer(ExtraTreesRegressor(2), max_iter=1, tol=1e9)
    imputer.fit(make_gaps())

    with pytest.raises(Refusal, match=r"ExtraTreesRegressor.*BayesianRidge"):
        lower_to_model(imputer, make_gaps())


def test_numbers_filled_with_text_are_refused() -> None:
    sample = make_mixed()[["colour", "whole"]].astype(object)
    imputer = SimpleImputer(strategy="constant", fill_value="none").fit(sample)

    with pytest.raises(Refusal, match="fills a column of numbers with text"):
        lower_to_model(imputer, sample)
