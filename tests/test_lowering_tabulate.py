from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    StandardScaler,
    TargetEncoder,
)

from convert.errors import Refusal
from convert.fitted import together
from tests.encoders import Trimmed
from tests.lowered import compare, lower_to_model, make_mixed, run, transform

CATEGORIES = ["colour", "size / cm (outer)", "grade", "half", "paid", "kind"]
TEXTS = ["colour", "size / cm (outer)", "kind"]


def make_rows(columns: list[str], unknown: bool, missing: bool) -> pd.DataFrame:
    rows = make_mixed(80, seed=5).astype({"kind": object})[columns]
    for position, name in enumerate(columns):
        text = isinstance(rows[name].iloc[0], str)
        if unknown and name != "paid":
            rows.loc[position, name] = "unheard of" if text else 77
        if missing:
            rows[name] = rows[name].astype(object)
            rows.loc[20 + position, name] = np.nan
    return rows.infer_objects()


def fit(
    transformer: Any, columns: list[str], missing: bool
) -> tuple[Any, pd.DataFrame]:
    sample = make_mixed()[columns]
    if missing:
        sample = sample.astype(object)
        for position in range(len(columns)):
            sample.iloc[7 + position :: 13, position] = np.nan
        sample = sample.infer_objects()
    y = np.arange(len(sample)) % 7
    return transformer.fit(sample, y), sample


IGNORING: list[Any] = [
    OneHotEncoder(handle_unknown="ignore"),
    OneHotEncoder(handle_unknown="ignore", sparse_output=False, drop="first"),
    OneHotEncoder(handle_unknown="ignore", drop="if_binary"),
    OneHotEncoder(handle_unknown="ignore", min_frequency=30),
    OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=30),
    OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=3),
    OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=3, drop="first"),
    OneHotEncoder(handle_unknown="warn", max_categories=3),
    OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
    OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan),
    OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=99, max_categories=3
    ),
    TargetEncoder(target_type="continuous"),
    TargetEncoder(smooth=3.0, target_type="continuous"),
    make_pipeline(
        OneHotEncoder(handle_unknown="ignore"), StandardScaler(with_mean=False)
    ),
    make_pipeline(
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
        MinMaxScaler(),
    ),
]


@pytest.mark.parametrize("encoder", IGNORING, ids=str)
def test_encoder_agrees_on_known_and_unknown_values_of_every_kind(encoder: Any) -> None:
    columns = CATEGORIES
    fitted, sample = fit(encoder, columns, missing=False)
    rows = make_rows(columns, unknown=True, missing=False)

    assert compare(fitted, sample, rows) == 0


@pytest.mark.parametrize("encoder", IGNORING, ids=str)
def test_encoder_agrees_where_a_missing_value_is_a_category(encoder: Any) -> None:
    fitted, sample = fit(encoder, TEXTS, missing=True)
    rows = make_rows(TEXTS, unknown=True, missing=True)

    assert compare(fitted, sample, rows) == 0


IMPUTERS: list[Any] = [
    SimpleImputer(strategy="most_frequent"),
    SimpleImputer(strategy="constant", fill_value="missing"),
]


@pytest.mark.parametrize("imputer", IMPUTERS, ids=str)
@pytest.mark.parametrize("encoder", IGNORING[::3], ids=str)
def test_imputer_and_encoder_become_one_table(imputer: Any, encoder: Any) -> None:
    fitted, sample = fit(make_pipeline(imputer, encoder), TEXTS, missing=True)
    model, _ = lower_to_model(fitted, sample)
    rows = make_rows(TEXTS, unknown=True, missing=True)

    assert compare(fitted, sample, rows) == 0
    assert {n.op_type for n in model.graph.node} <= {
        "LabelEncoder", "GatherND", "Concat", "Gather", "Identity",
    }  # fmt: skip


REJECTING: list[Any] = [
    OneHotEncoder(),
    OneHotEncoder(drop="first"),
    OrdinalEncoder(),
]


@pytest.mark.parametrize("encoder", REJECTING, ids=str)
@pytest.mark.parametrize("column", CATEGORIES)
def test_what_scikit_learn_rejects_gets_nan(encoder: Any, column: str) -> None:
    fitted, sample = fit(encoder, [column], missing=False)
    model, _ = lower_to_model(fitted, sample)
    rows = make_rows([column], unknown=True, missing=True)
    for position in (0, 20):
        if column == "paid" and position == 0:
            continue
        with pytest.raises((ValueError, TypeError)):
            transform(fitted, rows.iloc[[position]])

        assert np.isnan(run(model, rows.iloc[[position]])).all()


def test_owners_are_the_columns_that_move_an_output() -> None:
    encoder = OneHotEncoder(handle_unknown="ignore")
    fitted, sample = fit(encoder, ["paid", "size / cm (outer)"], missing=False)
    _, matrix = lower_to_model(fitted, sample)

    assert [set(owners) for owners in matrix.owners] == [{0}, {0}, {1}, {1}, {1}]


def test_columns_that_act_together_are_lowered_step_by_step() -> None:
    steps = make_pipeline(
        OrdinalEncoder(), StandardScaler(), PolynomialFeatures(interaction_only=True)
    )
    fitted, sample = fit(steps, TEXTS, missing=False)
    rows = make_rows(TEXTS, unknown=False, missing=False)

    assert compare(fitted, sample, rows) == 0


def test_a_product_that_hides_behind_zero_is_noticed() -> None:
    # both codes of the first row are 0, so varying one column moves nothing
    sample = pd.DataFrame({"a": ["x", "y", "x"], "b": ["u", "v", "v"]})
    product = FunctionTransformer(lambda codes: codes[:, :1] * codes[:, 1:])
    steps = make_pipeline(OrdinalEncoder(), product).fit(sample)

    with pytest.raises(Refusal, match=r"'functiontransformer'.*a lambda"):
        lower_to_model(steps, sample)


def test_function_of_the_user_is_tabulated_where_it_was_asked() -> None:
    sizes = {"S": 36.0, "M": 38.5, "L": 41.0}
    mapping = FunctionTransformer(lambda frame: frame.map(lambda v: sizes.get(v, 0)))
    column = ["size / cm (outer)"]
    fitted, sample = fit(mapping, column, missing=False)
    rows = make_rows(column, unknown=False, missing=True)

    assert compare(fitted, sample, rows) == 0


ANYBODYS: list[Any] = [
    FunctionTransformer(lambda frame: frame.map({"red": 1.0}.get).fillna(0.0)),
    FunctionTransformer(lambda frame: frame.map(len)),
    make_pipeline(
        FunctionTransformer(lambda frame: frame.map(str.strip)),
        OneHotEncoder(handle_unknown="ignore"),
    ),
    Trimmed(handle_unknown="ignore"),
]


@pytest.mark.parametrize("step", ANYBODYS, ids=["lookup", "length", "trim", "subclass"])
def test_what_a_step_of_the_user_was_not_asked_for_is_rejected(step: Any) -> None:
    fitted, sample = fit(step, ["colour"], missing=False)
    model, _ = lower_to_model(fitted, sample)
    rows = pd.DataFrame({"colour": ["unheard of", "red", " red", "Red"]})

    found = run(model, rows)

    assert np.isnan(found).all(axis=1).tolist() == [True, False, True, True]
    assert np.array_equal(found[[1]], transform(fitted, rows.iloc[[1]]))


def test_numbers_that_a_step_of_the_user_reads_beside_texts_are_refused() -> None:
    both = FunctionTransformer(
        lambda frame: frame.assign(colour=frame["colour"].map(len))
    )
    fitted, sample = fit(both, ["colour", "decimal"], missing=False)

    with pytest.raises(
        Refusal, match="is given 'decimal' too, of whose numbers a table"
    ):
        lower_to_model(fitted, sample)


def test_step_of_the_user_is_named_where_others_stand_around_it() -> None:
    encoder = FunctionTransformer(
        lambda frame: frame.assign(colour=frame["colour"].map(len))
    )
    steps = make_pipeline(encoder, SimpleImputer())
    fitted, sample = fit(steps, ["colour", "decimal"], missing=False)

    with pytest.raises(Refusal, match=r"^step 'functiontransformer' \(Function.* too"):
        lower_to_model(fitted, sample)


def test_numbers_that_a_step_of_the_user_leaves_out_are_any() -> None:
    colours = FunctionTransformer(lambda frame: frame[["colour"]].map(len))
    fitted, sample = fit(colours, ["colour", "decimal"], missing=False)
    rows = make_mixed(30, seed=9)[["colour", "decimal"]].assign(decimal=-1e9)
    model, _ = lower_to_model(fitted, sample)

    assert compare(fitted, sample, rows) == 0
    assert not any("in 1" in node.input for node in model.graph.node)


def make_pairs() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    numbers = rng.integers(0, 20, (600, 2))
    pairs = pd.DataFrame(numbers, columns=["city", "brand"]).astype(str)
    return pairs.loc[~is_pair(pairs)].reset_index(drop=True)


def is_pair(frame: pd.DataFrame) -> "pd.Series[bool]":
    return (frame["city"] == "7") & (frame["brand"] == "11")


PAIR = FunctionTransformer(
    lambda X: pd.DataFrame({"a": X["city"].astype(float), "p": is_pair(X) * 1.0})
)


def test_one_pair_that_a_step_of_the_user_looks_up_is_found() -> None:
    fitted = PAIR.fit(make_pairs())

    with pytest.raises(Refusal, match="its columns act together, not one by one"):
        lower_to_model(fitted, make_pairs())


def test_the_first_pair_is_asked_for_where_the_first_row_has_gaps() -> None:
    sample = pd.DataFrame({"city": [None, "a", "b"], "brand": [None, "u", "v"]})
    first = FunctionTransformer(
        lambda X: pd.DataFrame(
            {
                "b": (X["city"] == "b") * 1.0,
                "p": ((X["city"] == "a") & (X["brand"] == "u")) * 1.0,
            }
        )
    ).fit(sample)

    with pytest.raises(Refusal, match="its columns act together, not one by one"):
        lower_to_model(first, sample)


def test_more_pairs_than_can_be_asked_for_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(together, "MAX_COMBINATIONS", 400)
    fitted = PAIR.fit(make_pairs())

    with pytest.raises(
        Refusal,
        match="reads city, brand together, 462 combinations of which each would have to "
        "be asked for: split it into one step a column",
    ):
        lower_to_model(fitted, make_pairs())


def test_one_pair_that_scikit_learn_multiplies_is_lowered_step_by_step() -> None:
    pairs = make_pairs()
    steps = make_pipeline(
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
        PolynomialFeatures(2, interaction_only=True, include_bias=False),
        SelectKBest(f_regression, k=1),
    )
    trained = pd.concat([pairs, pd.DataFrame({"city": ["7"], "brand": ["11"]})])
    steps.fit(trained, 1.0 * is_pair(trained))
    rows = pd.DataFrame({"city": ["7", "7", "?"], "brand": ["11", "12", "11"]})

    assert compare(steps, pairs, rows) == 0
    assert transform(steps, rows).ravel().tolist() == [1.0, 0.0, 0.0]


def test_a_pair_that_moves_a_number_by_a_millionth_is_found() -> None:
    pairs = make_pairs()
    moved = FunctionTransformer(
        lambda X: pd.DataFrame({"p": 7.0 + 7e-6 * is_pair(X), "a": 1.0})
    ).fit(pairs)

    with pytest.raises(Refusal, match="its columns act together, not one by one"):
        lower_to_model(moved, pairs)


def test_a_pair_of_a_gap_and_a_value_is_found() -> None:
    sample = pd.DataFrame(
        {"a": ["x", "y", None], "b": ["k1", "k2", "k3"], "c": list("uvu")}
    )
    both = FunctionTransformer(
        lambda X: pd.DataFrame(
            {
                "q": (X["a"] == "x") * 1.0,
                "w": (X["a"].isna() & (X["b"] == "k3") & X["c"].notna()) * 1.0,
            }
        )
    ).fit(sample)

    with pytest.raises(Refusal, match=r"'b' together|its columns act together"):
        lower_to_model(both, sample)


def under_one_plan(X: pd.DataFrame) -> Any:
    bulk = (X["plan"] == "vip") & (X["seats"] > 1000)
    return pd.DataFrame({"pro": (X["plan"] == "pro") * 1.0, "bulk": bulk * 1.0})


def under_one_plan_and_number(X: pd.DataFrame) -> Any:
    odd = (X["plan"] == "vip") & (X["seats"] * 7 + 3 == 1006.5)
    return pd.DataFrame({"pro": (X["plan"] == "pro") * 1.0, "odd": odd * 1.0})


def under_one_plan_where_it_can_be_read(X: pd.DataFrame) -> Any:
    seats = pd.to_numeric(X["seats"], errors="coerce").fillna(0)
    bulk = (X["plan"] == "vip") & (seats == 1e6)
    return pd.DataFrame({"pro": (X["plan"] == "pro") * 1.0, "bulk": bulk * 1.0})


@pytest.mark.parametrize(
    "function",
    [under_one_plan, under_one_plan_and_number, under_one_plan_where_it_can_be_read],
)
def test_a_number_that_counts_under_one_value_only_is_refused(function: Any) -> None:
    sample = pd.DataFrame(
        {"plan": ["basic", "pro", "vip"], "seats": [10.0, 400.0, 20.0]}
    )
    fitted = FunctionTransformer(function).fit(sample)

    with pytest.raises(Refusal, match="is given 'seats' too, of whose numbers a table"):
        lower_to_model(fitted, sample)


def test_letters_that_scikit_learn_hashes_are_no_categories() -> None:
    hasher = FeatureHasher(2, input_type="string")
    fitted, sample = fit(hasher, ["colour"], missing=False)
    model, _ = lower_to_model(fitted, sample)

    assert np.isnan(run(model, pd.DataFrame({"colour": ["purple"]}))).all()


def test_codes_of_bins_reach_an_encoder() -> None:
    steps = make_pipeline(
        KBinsDiscretizer(4, encode="ordinal", strategy="uniform"), OneHotEncoder()
    )
    fitted, sample = fit(steps, ["decimal", "whole"], missing=False)

    assert compare(fitted, sample, make_mixed(100, seed=2)[["decimal", "whole"]]) == 0


@pytest.mark.parametrize("scaled", [False, True])
def test_thousands_of_categories_stay_a_small_file(scaled: bool) -> None:
    names = [f"town {number:04}" for number in range(3000)]
    sample = pd.DataFrame({"town": names * 2})
    encoder: Any = OneHotEncoder(handle_unknown="ignore")
    if scaled:
        encoder = make_pipeline(encoder, StandardScaler(with_mean=False))
    encoder.fit(sample)
    model, _ = lower_to_model(encoder, sample)
    rows = pd.DataFrame({"town": [*names[::100], "Atlantis"]})

    assert compare(encoder, sample, rows) == 0
    assert len(model.SerializeToString()) < 150_000


def test_a_table_of_more_cells_than_fit_is_refused_before_it_is_made() -> None:
    names = [f"town {number:04}" for number in range(7100)]
    sample = pd.DataFrame({"town": names})
    encoder = OneHotEncoder().fit(sample)

    with pytest.raises(Refusal, match="'town' has 7101 values for 7100 outputs; group"):
        lower_to_model(encoder, sample)


def test_text_mixed_with_numbers_is_refused() -> None:
    sample = pd.DataFrame({"size": ["S", "M", "S", "M"]}, dtype=object)
    encoder = OneHotEncoder(handle_unknown="ignore").fit(sample)
    mixed = pd.DataFrame({"size": ["S", 3, "M"]}, dtype=object)

    with pytest.raises(Refusal, match="'size' mixes text and other values"):
        lower_to_model(encoder, mixed)


def test_category_with_the_character_for_missing_is_refused() -> None:
    sample = pd.DataFrame({"a": ["x", "\ufdd0"]})
    encoder = OneHotEncoder().fit(sample)

    with pytest.raises(Refusal, match="U\\+FDD0"):
        lower_to_model(encoder, sample)


def test_none_is_the_missing_value_of_a_column_that_holds_it() -> None:
    sample = pd.DataFrame({"a": ["x", None, "y", "x"]}, dtype=object)
    encoder = OneHotEncoder(handle_unknown="ignore").fit(sample)

    assert compare(encoder, sample, sample) == 0
