"""The shapes that pipelines have, each compared with scikit-learn whole."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.compose import (
    ColumnTransformer,
    make_column_selector,
    make_column_transformer,
)
from sklearn.decomposition import PCA
from sklearn.feature_selection import (
    RFE,
    SelectFromModel,
    SelectKBest,
    VarianceThreshold,
    f_regression,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

from convert.errors import Refusal
from convert.graph.builder import Graph
from convert.lowering.transformers import lower_matrix
from tests.lowered import compare, lower_to_model, make_mixed, run, transform

NUMBERS = ["decimal", "whole"]
TEXTS = ["colour", "size / cm (outer)"]


def numbers() -> Any:
    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler())


def texts(**options: Any) -> Any:
    return make_pipeline(
        SimpleImputer(strategy="most_frequent"),
        OneHotEncoder(handle_unknown="ignore", **options),
    )


def classic(**options: Any) -> Any:
    return ColumnTransformer(
        [("num", numbers(), NUMBERS), ("cat", texts(), TEXTS)], **options
    )


def scaled_classic() -> Any:
    scaled = make_pipeline(
        SimpleImputer(strategy="most_frequent"),
        OneHotEncoder(handle_unknown="ignore"),
        StandardScaler(with_mean=False),
    )
    return make_column_transformer((numbers(), NUMBERS), (scaled, TEXTS))


def by_position(columns: Any) -> Any:
    return ColumnTransformer([("num", numbers(), columns), ("cat", texts(), [2, 3])])


def selected_by_dtype() -> Any:
    return make_column_transformer(
        (numbers(), make_column_selector(dtype_include="float")),
        (texts(), make_column_selector(pattern="^colour|^size")),
    )


def nested() -> Any:
    inner = make_column_transformer(
        (StandardScaler(), ["whole"]), (texts(), ["colour"]), remainder="drop"
    )
    return ColumnTransformer(
        [("inner", inner, ["whole", "colour"]), ("rest", MinMaxScaler(), ["decimal"])]
    )


def second_by_name() -> Any:
    first = classic(verbose_feature_names_out=False).set_output(transform="pandas")
    first.set_params(cat__onehotencoder__sparse_output=False)
    second = make_column_transformer(
        (MinMaxScaler(), ["whole"]), ("drop", ["decimal"]), remainder="passthrough"
    )
    return make_pipeline(first, second)


def imputed_first() -> Any:
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), [0, 1]), remainder=RobustScaler()
    )
    return make_pipeline(
        ColumnTransformer(
            [
                ("t", SimpleImputer(strategy="most_frequent"), TEXTS),
                ("n", SimpleImputer(), NUMBERS),
            ]
        ),
        encode,
    )


def union_in_branch() -> Any:
    union = make_union(StandardScaler(), make_pipeline(MinMaxScaler(), PCA(1)))
    return make_column_transformer(
        (make_pipeline(SimpleImputer(), union), NUMBERS), (texts(), TEXTS)
    )


def weighted() -> Any:
    return classic(transformer_weights={"num": 2.5, "cat": 0.25})


PIPELINES: dict[str, Callable[[], Any]] = {
    "classic": classic,
    "scaled classic": scaled_classic,
    "dense": lambda: classic(sparse_threshold=0),
    "weights": weighted,
    "remainder passthrough": lambda: ColumnTransformer(
        [("cat", texts(), [*TEXTS, "kind"])], remainder="passthrough"
    ),
    "remainder scaler": lambda: ColumnTransformer(
        [("cat", texts(), [*TEXTS, "kind"])], remainder=StandardScaler()
    ),
    "remainder drop": classic,
    "drop": lambda: ColumnTransformer(
        [("num", numbers(), NUMBERS), ("gone", "drop", TEXTS)]
    ),
    "passthrough": lambda: ColumnTransformer([("num", "passthrough", NUMBERS)]),
    "interleaved order": lambda: ColumnTransformer(
        [
            ("b", texts(), ["size / cm (outer)"]),
            ("a", numbers(), ["whole"]),
            ("d", texts(), ["colour"]),
            ("c", numbers(), ["decimal"]),
        ]
    ),
    "same column twice": lambda: ColumnTransformer(
        [
            ("scaled", StandardScaler(), ["whole", "decimal"]),
            ("binned", KBinsDiscretizer(3, strategy="uniform"), ["whole"]),
        ]
    ),
    "positions": lambda: by_position([0, -7]),
    "slice": lambda: by_position(slice(0, 2)),
    "mask": lambda: by_position(np.array([True, True] + [False] * 6)),
    "slice of names": lambda: by_position(slice("decimal", "whole")),
    "selectors": selected_by_dtype,
    "nested": nested,
    "second by name": second_by_name,
    "second by position": imputed_first,
    "union in a branch": union_in_branch,
    "union of column transformers": lambda: FeatureUnion(
        [("a", classic()), ("b", nested()), ("c", "drop")], transformer_weights={"a": 2}
    ),
    "union with passthrough": lambda: make_column_transformer(
        (FeatureUnion([("p", "passthrough"), ("s", StandardScaler())]), NUMBERS)
    ),
    "steps after": lambda: make_pipeline(
        classic(), StandardScaler(with_mean=False), SelectKBest(f_regression, k=5)
    ),
    "projection after": lambda: make_pipeline(classic(), PCA(4)),
    "dense steps after": lambda: make_pipeline(
        classic(sparse_threshold=0), StandardScaler(), PolynomialFeatures(2)
    ),
    "select from model": lambda: make_pipeline(
        classic(), SelectFromModel(Ridge(), threshold="median")
    ),
    "recursive elimination": lambda: make_pipeline(
        classic(), RFE(Ridge(), n_features_to_select=4), VarianceThreshold()
    ),
    "passthrough steps": lambda: Pipeline(
        [("a", "passthrough"), ("ct", classic()), ("b", None), ("c", "passthrough")]
    ),
    "set_output": lambda: make_column_transformer(
        (numbers(), NUMBERS), (texts(sparse_output=False), TEXTS)
    ).set_output(transform="pandas"),
    "function first": lambda: make_column_transformer(
        (make_pipeline(FunctionTransformer(np.log1p), StandardScaler()), ["whole"])
    ),
    "encoder then projection": lambda: make_column_transformer(
        (make_pipeline(OneHotEncoder(handle_unknown="ignore"), PCA(3)), TEXTS)
    ),
    "encoder of everything": lambda: make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["whole", "colour", "half", "paid"])
    ),
    "target encoder": lambda: make_column_transformer(
        (TargetEncoder(target_type="continuous"), [*TEXTS, "grade"]),
        (numbers(), NUMBERS),
    ),
    "integers and booleans": lambda: make_column_transformer(
        ("passthrough", ["grade", "paid", "half"]), (StandardScaler(), ["grade"])
    ),
    "categorical dtype": lambda: make_column_transformer(
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), ["kind"])
    ),
    "empty selection": lambda: ColumnTransformer(
        [("none", StandardScaler(), []), ("num", numbers(), NUMBERS)]
    ),
}


@pytest.mark.parametrize("name", PIPELINES)
def test_pipeline_agrees_with_scikit_learn(name: str) -> None:
    sample = make_mixed()
    pipeline = PIPELINES[name]()
    pipeline.fit(sample, np.arange(len(sample)) % 11)
    rows = make_mixed(200, seed=8)
    rows["decimal"] *= 1e3

    assert compare(pipeline, sample, rows) < 1e-13


ROBUST = ["classic", "scaled classic", "second by position", "union in a branch"]


@pytest.mark.parametrize("name", ROBUST)
def test_pipeline_agrees_on_missing_and_unknown_values(name: str) -> None:
    sample = make_mixed()
    pipeline = PIPELINES[name]().fit(sample)
    rows = make_mixed(60, seed=8)
    for position, column in enumerate([*NUMBERS, *TEXTS]):
        rows.loc[3 * position, column] = np.nan
    rows.loc[20, "colour"] = "ultraviolet"

    assert compare(pipeline, sample, rows) < 1e-13


def test_fitted_order_counts_not_the_order_of_the_sample() -> None:
    sample = make_mixed()
    pipeline = classic().fit(sample)
    shuffled = sample[sample.columns[::-1]]

    model, _ = lower_to_model(pipeline, shuffled)

    assert np.array_equal(run(model, shuffled), transform(pipeline, sample))


def test_columns_that_are_dropped_need_not_be_there() -> None:
    sample = make_mixed()
    pipeline = classic().fit(sample)
    needed = sample[[*TEXTS, *NUMBERS]]

    model, _ = lower_to_model(pipeline, needed)

    assert np.array_equal(run(model, needed), transform(pipeline, sample))


def test_column_that_is_read_must_be_there() -> None:
    sample = make_mixed()
    pipeline = classic().fit(sample)

    with pytest.raises(Refusal, match="reads column 'whole', which is not among"):
        lower_to_model(pipeline, sample.drop(columns="whole"))


def test_column_that_passes_through_must_be_there() -> None:
    sample = make_mixed()
    union = ColumnTransformer([("p", "passthrough", NUMBERS)]).fit(sample)

    with pytest.raises(Refusal, match="reads column 'whole', which is not among"):
        lower_to_model(union, sample.drop(columns="whole"))


def test_pipeline_fitted_on_an_array_takes_columns_by_position() -> None:
    sample = make_mixed()[NUMBERS]
    pipeline = make_pipeline(StandardScaler(), PolynomialFeatures(2))
    pipeline.fit(sample.to_numpy())

    model, _ = lower_to_model(pipeline, sample)

    assert np.array_equal(run(model, sample), pipeline.transform(sample.to_numpy()))


def test_search_over_a_preprocessor_is_lowered_as_its_best() -> None:
    sample = make_mixed()
    steps = make_pipeline(classic(), PCA(2))
    search = GridSearchCV(steps, {"pca__n_components": [2, 3]}, cv=2).fit(sample)

    assert compare(search, sample, make_mixed(50, seed=3)) < 1e-12


def test_owners_follow_a_column_through_scaling_and_projection() -> None:
    sample = make_mixed()[["decimal", "whole", "colour"]]
    union = make_column_transformer(
        (StandardScaler(), ["whole"]),
        (PCA(1), ["decimal", "whole"]),
        (OrdinalEncoder(), ["colour"]),
    )
    _, matrix = lower_to_model(union.fit(sample), sample)

    assert [set(owners) for owners in matrix.owners] == [{1}, {0, 1}, {2}]


def test_classic_pipeline_is_a_small_graph() -> None:
    sample = make_mixed()
    model, _ = lower_to_model(scaled_classic().fit(sample), sample[[*NUMBERS, *TEXTS]])

    assert len(model.graph.node) <= 12


def test_numbers_alone_pass_through_unchanged() -> None:
    sample = make_mixed()[NUMBERS]

    model, _ = lower_to_model("passthrough", sample)

    assert np.array_equal(run(model, sample), sample.to_numpy())


def test_lower_matrix_takes_a_matrix_inside_a_graph() -> None:
    sample = make_mixed()[["decimal", "grade"]].to_numpy()
    encode = ColumnTransformer(
        [
            ("s", StandardScaler(), [0]),
            ("o", OneHotEncoder(handle_unknown="ignore"), [1]),
        ]
    ).fit(sample)
    graph = Graph()
    x = graph.input("x", 11)
    graph.output("y", lower_matrix(graph, encode, x, 2)[0], 11, ["n_rows", 6])

    assert lower_matrix(graph, encode, x, 2)[1] == 6


def user_function(frame: pd.DataFrame) -> pd.DataFrame:
    return frame * 2


def refused_steps() -> list[tuple[Any, list[str], str]]:
    return [
        (FunctionTransformer(lambda x: x + 1), NUMBERS, "a lambda"),
        (FunctionTransformer(user_function), NUMBERS, "'user_function'"),
        (
            FunctionTransformer(np.clip, kw_args={"a_min": 0, "a_max": 1}),
            NUMBERS,
            "'clip' with arguments",
        ),
        (FunctionTransformer(np.log1p), ["paid"], "on bool columns"),
        (FunctionTransformer(np.reciprocal), ["grade"], "on int64 columns"),
        (FunctionTransformer(np.square), ["grade"], "int64 columns numpy does not"),
        (KMeans(2, n_init=1, random_state=0), NUMBERS, "no exact form"),
        ("passthrough", TEXTS, "'colour' holds text"),
        (make_pipeline(SimpleImputer(strategy="most_frequent")), TEXTS, "holds text"),
    ]


@pytest.mark.parametrize(
    ("step", "columns", "reason"), refused_steps(), ids=[r for *_, r in refused_steps()]
)
def test_step_without_exact_form_is_refused_by_name(
    step: Any, columns: list[str], reason: str
) -> None:
    sample = make_mixed()
    union = ColumnTransformer([("the step", step, columns)]).fit(sample)

    with pytest.raises(Refusal, match=reason):
        lower_to_model(union, sample[columns])


def test_dates_are_refused_with_a_way_out() -> None:
    sample = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=4)})
    years = FunctionTransformer(lambda frame: frame["day"].dt.year.to_frame())
    years.fit(sample)

    with pytest.raises(Refusal, match=r"'day' holds dates.*derive numbers"):
        lower_to_model(years, sample)


def test_sample_that_the_pipeline_rejects_is_reported() -> None:
    sample = make_mixed()
    pipeline = make_pipeline(make_column_transformer((PCA(1), NUMBERS)), PCA(1))
    pipeline.fit(sample)

    with pytest.raises(Refusal, match="does not take the sample: Input X contains NaN"):
        lower_to_model(pipeline, sample.assign(whole=np.nan))
