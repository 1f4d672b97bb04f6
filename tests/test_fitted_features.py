from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    VotingRegressor,
)
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    SplineTransformer,
    StandardScaler,
)
from sklearn.tree import DecisionTreeRegressor

from convert.errors import Refusal
from convert.fitted.features import describe, title_of, unknown_values
from convert.fitted.oracle import Oracle
from convert.tables.description import Description, FeatureDescription
from convert.training.regressors import make_candidate
from server.signature import Feature
from tests.students import EDUCATIONS, make_students


def features_of(
    pipeline: Pipeline,
    frame: pd.DataFrame,
    description: Description = Description(),  # noqa: B008 (frozen)
) -> dict[str, Feature]:
    """Fit the pipeline to any target and describe it."""
    pipeline.fit(frame, np.arange(len(frame)) % 7)
    return {
        feature.name: feature
        for feature in describe(Oracle(pipeline), frame, description)
    }


def make_frame() -> pd.DataFrame:
    return make_students(60).drop(columns="math_score")


def classic(frame: pd.DataFrame) -> Pipeline:
    numbers = [str(name) for name in frame.select_dtypes("number")]
    categories = [str(name) for name in frame if name not in numbers]
    return make_candidate("linear", numbers, categories, seed=0)


def without_distributions(features: dict[str, Feature]) -> dict[str, Feature]:
    """Leave out what `test_fitted_distributions` looks at."""
    return {
        name: msgspec.structs.replace(feature, distribution=None)
        for name, feature in features.items()
    }


def test_the_classic_pipeline_is_described_whole() -> None:
    frame = make_frame()[["parental_level_of_education", "reading_score"]]
    description = Description(
        features={
            "reading_score": FeatureDescription(
                title="Reading", unit="points", minimum=0, maximum=100
            )
        }
    )

    features = without_distributions(features_of(classic(frame), frame, description))

    scores = frame["reading_score"]
    education = frame["parental_level_of_education"].mode()[0]
    assert features == {
        "parental_level_of_education": Feature(
            name="parental_level_of_education",
            input="parental_level_of_education",
            kind="category",
            imputed=education,
            categories=tuple(EDUCATIONS),
            typical=education,
            title="Parental level of education",
        ),
        "reading_score": Feature(
            name="reading_score",
            input="reading_score",
            kind="number",
            imputed=scores.median(),
            minimum=0,
            maximum=100,
            observed=(scores.min(), scores.max()),
            typical=scores.median(),
            title="Reading",
            unit="points",
        ),
    }


def test_features_keep_the_order_of_the_columns() -> None:
    frame = make_frame()

    assert list(features_of(classic(frame), frame)) == list(frame)


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [("median", 4.0), ("mean", 6.25), ("most_frequent", 1), ("constant", 0)],
)
def test_the_imputed_number_is_found(strategy: str, expected: float) -> None:
    frame = pd.DataFrame({"x": [1.0, 1.0, 7.0, 16.0, np.nan]})
    imputer = SimpleImputer(strategy=strategy)
    pipeline = make_pipeline(imputer, StandardScaler(), LinearRegression())

    feature = features_of(pipeline, frame)["x"]

    assert (feature.required, feature.imputed) == (False, expected)


@pytest.mark.parametrize("fill_value", [-7.25, 6.5])
def test_a_number_that_no_row_has_may_be_the_imputed_one(fill_value: float) -> None:
    frame = pd.DataFrame({"x": [1.0, 1.0, 7.0, 16.0, np.nan]})
    imputer = SimpleImputer(strategy="constant", fill_value=fill_value)
    bins = FunctionTransformer(lambda X: X > 3)  # 6.5 in the bin of the typical 4
    pipeline = make_pipeline(imputer, bins, LinearRegression())

    assert features_of(pipeline, frame)["x"].imputed == fill_value


def test_a_missing_value_that_is_no_other_value_has_no_imputed_one() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0, 7.0, np.nan]})
    pipeline = make_pipeline(SimpleImputer(add_indicator=True), LinearRegression())

    feature = features_of(pipeline, frame)["x"]

    assert (feature.required, feature.imputed) == (False, None)


def test_a_missing_value_that_scikit_learn_refuses_is_required() -> None:
    frame = make_frame()[["lunch", "reading_score"]]
    transformer = ColumnTransformer(
        [("c", OneHotEncoder(), ["lunch"])], remainder="passthrough"
    )

    features = features_of(make_pipeline(transformer, LinearRegression()), frame)

    assert [feature.required for feature in features.values()] == [True, True]


def test_a_regressor_that_takes_missing_values_requires_none() -> None:
    frame = make_frame()[["reading_score"]]

    features = features_of(make_pipeline(HistGradientBoostingRegressor()), frame)

    assert features["reading_score"].required is False


@pytest.mark.parametrize(
    ("encoder", "unknown"),
    [
        (OneHotEncoder(), "reject"),
        (OneHotEncoder(handle_unknown="ignore"), "ignore"),
        (OneHotEncoder(handle_unknown="infrequent_if_exist"), "ignore"),
        (OrdinalEncoder(), "reject"),
        (
            OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
            "ignore",
        ),
        (
            OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan),
            "reject",  # the encoder takes it, the regressor does not
        ),
    ],
)
def test_what_an_unknown_category_does_is_asked(
    encoder: OneHotEncoder | OrdinalEncoder,
    unknown: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    frame = make_frame()[["lunch"]]

    feature = features_of(make_pipeline(encoder, LinearRegression()), frame)["lunch"]

    assert (feature.unknown, feature.categories) == (
        unknown,
        ("free/reduced", "standard"),
    )
    assert caplog.messages == []  # that would be of an encoder of somebody's


@pytest.mark.parametrize(
    "columns",
    [
        ["code", "half"],
        [1, 2],
        slice(1, 3),
        [False, True, True],
        make_column_selector(pattern="code|half"),
    ],
    ids=["names", "positions", "slice", "mask", "selector"],
)
def test_encoded_numbers_are_categories(columns: object) -> None:
    frame = pd.DataFrame(
        {"x": [0.1, 0.2, 0.3, 0.4], "code": [4, 2, 2, 5], "half": [0.5, 1.0, 0.5, 0.5]}
    )
    transformer = ColumnTransformer(
        [("c", OneHotEncoder(), columns)], remainder="passthrough"
    )

    features = features_of(make_pipeline(transformer, LinearRegression()), frame)

    described = {
        feature.name: (
            feature.kind,
            feature.categories,
            feature.typical,
            feature.observed,
        )
        for feature in features.values()
    }
    assert described == {
        "x": ("number", (), 0.25, (0.1, 0.4)),
        "code": ("category", (2, 4, 5), 2, None),
        "half": ("category", (0.5, 1), 0.5, None),
    }


def test_true_and_false_are_booleans() -> None:
    frame = pd.DataFrame(
        {"passed": pd.Series([True, False, np.nan, True], dtype=object)}
    )

    feature = features_of(classic(frame), frame)["passed"]

    assert (feature.kind, feature.categories, feature.imputed) == (
        "boolean",
        (False, True),
        True,
    )


def test_true_and_false_that_no_encoder_reads_are_booleans() -> None:
    frame = pd.DataFrame({"passed": [True, False, True]})

    found = features_of(make_pipeline(LinearRegression()), frame)

    assert without_distributions(found)["passed"] == Feature(
        name="passed",
        input="passed",
        kind="boolean",
        required=True,
        typical=True,
        title="Passed",
    )


def test_a_number_can_be_declared_whole() -> None:
    frame = make_frame()[["reading_score"]]
    description = Description(
        features={"reading_score": FeatureDescription(kind="integer")}
    )

    assert (
        features_of(classic(frame), frame, description)["reading_score"].kind
        == "integer"
    )


def test_no_input_is_called_like_an_output() -> None:
    frame = pd.DataFrame(
        {
            "prediction": [1.0, 2.0, 4.0],
            "prediction_": [3.0, 4.0, 4.0],
            "x/y": [0, 1, 1],
        }
    )

    features = features_of(classic(frame), frame)

    assert [feature.input for feature in features.values()] == [
        "prediction__",
        "prediction_",
        "x/y",
    ]


def test_a_category_that_means_missing_in_the_graph_is_refused() -> None:
    frame = pd.DataFrame({"a": ["x", "\ufdd0", "x"]})

    with pytest.raises(Refusal, match=r"a category of 'a' holds U\+FDD0"):
        features_of(classic(frame), frame)


def test_a_column_without_a_value_is_refused() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0, 4.0], "empty": [np.nan] * 3})
    pipeline = make_pipeline(
        SimpleImputer(keep_empty_features=True), LinearRegression()
    ).fit(frame, [1, 2, 3])

    with pytest.raises(Refusal) as caught:
        describe(Oracle(pipeline), frame, Description())

    assert str(caught.value) == (
        "column 'empty' of the sample holds no value: give rows that have one"
    )


def test_a_column_of_dates_is_refused() -> None:
    frame = pd.DataFrame({"day": pd.to_datetime(["2024-01-01", "2024-01-02"])})

    with pytest.raises(
        Refusal, match=r"^column 'day' holds dates, which ONNX does not"
    ):
        describe(Oracle(make_pipeline(LinearRegression())), frame, Description())


@pytest.mark.parametrize(
    ("transformer", "bounds"),
    [
        (SplineTransformer(extrapolation="error"), (1.0, 9.0)),
        (SplineTransformer(), (None, None)),
        (FunctionTransformer(np.log), (5e-324, None)),
        (FunctionTransformer(np.log1p), (-1 + 2**-53, None)),
        (FunctionTransformer(np.arccos), None),
        (StandardScaler(), (None, None)),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
def test_the_last_number_that_the_pipeline_takes_is_a_bound(
    transformer: Any, bounds: tuple[float | None, float | None] | None
) -> None:
    values = np.array([1.0, 2.0, 4.0, 9.0])
    if bounds is None:  # of the arc cosine
        values, bounds = values / 10, (-1.0, 1.0)
    frame = pd.DataFrame({"x": values})

    feature = features_of(make_pipeline(transformer, LinearRegression()), frame)["x"]

    for found, expected in zip((feature.minimum, feature.maximum), bounds, strict=True):
        assert found == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("values", "last", "bound"),
    [
        ([1.0, 9.0], 8000.0, 8000.0),
        ([1.0, 9.0], 8010.0, 8010.0),
        ([-5.0, 5.0], 10_000.0, 10_000.0),
        ([-5.0, 5.0], 10_006.0, 10_006.0),
        ([7.0, 7.0], 7000.0, 7000.0),
        ([7.0, 7.0], 7008.0, 7008.0),
        ([1.0, 9.0], 1e199, 1e199),
        ([1.0, 9.0], 1e201, None),
    ],
)
def test_a_bound_is_looked_for_near_and_far(
    values: list[float], last: float, bound: float | None
) -> None:
    frame = pd.DataFrame({"x": values})
    cut = FunctionTransformer(lambda X: X.where(last >= X))

    feature = features_of(make_pipeline(cut, LinearRegression()), frame)["x"]

    assert feature.minimum is None
    assert feature.maximum == (
        None if bound is None else pytest.approx(bound, rel=1e-4)
    )
    assert bound is None or (feature.maximum or 0.0) <= last


@pytest.mark.parametrize(
    ("values", "last", "bound"),
    [
        ([5000.0, 5001.0], 0.0, 0.0),
        ([5000.0, 5001.0], -3000.0, -3000.0),
        ([5000.0, 5001.0], -4004.0, -4004.0),
        ([5000.0, 5001.0], -1e50, -1e50),
        ([1000.0, 1001.0], -0.5, -0.5),
        ([1000.0, 1001.0], -1e50, -1e50),
        ([1000.0, 1001.0], -1e201, None),
    ],
)
def test_a_bound_may_be_beyond_zero_of_values_that_are_far_from_it(
    values: list[float], last: float, bound: float | None
) -> None:
    frame = pd.DataFrame({"x": values})
    cut = FunctionTransformer(lambda X: X.where(last <= X))

    feature = features_of(make_pipeline(cut, LinearRegression()), frame)["x"]

    assert feature.maximum is None
    assert feature.minimum == (
        None if bound is None else pytest.approx(bound, rel=1e-4)
    )
    assert bound is None or (feature.minimum or 0.0) >= last


def test_trees_take_what_a_float32_holds() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0, 4.0, 9.0]})
    scaled = make_pipeline(StandardScaler(), DecisionTreeRegressor())

    feature = features_of(make_pipeline(DecisionTreeRegressor()), frame)["x"]
    behind = features_of(scaled, frame)["x"]

    largest = float(np.finfo(np.float32).max)
    assert (feature.minimum, feature.maximum) == (-largest, largest)
    scale = largest * frame["x"].std(ddof=0)
    assert behind.maximum == pytest.approx(scale, rel=1e-4)


def test_what_measures_distances_answers_as_far_as_the_proof_goes() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0, 4.0, 9.0]})
    nearest = KNeighborsRegressor(2)
    votes = VotingRegressor([("line", LinearRegression()), ("nearest", nearest)])

    for regressor in (nearest, votes):
        pipeline = make_pipeline(StandardScaler(), regressor)
        feature = features_of(pipeline, frame)["x"]

        assert (feature.minimum, feature.maximum) == (1 - 8000, 9 + 8000)


def test_trees_that_are_added_up_measure_no_distances() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0, 4.0, 9.0]})
    trees = GradientBoostingRegressor(n_estimators=2)  # holds them in an array

    feature = features_of(make_pipeline(trees), frame)["x"]

    largest = float(np.finfo(np.float32).max)
    assert (feature.minimum, feature.maximum) == (-largest, largest)


def test_a_bound_of_the_description_comes_before_the_pipelines_own() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0, 4.0, 9.0]})
    said = Description(features={"x": FeatureDescription(minimum=2, maximum=8)})
    spline = SplineTransformer(extrapolation="error")

    feature = features_of(make_pipeline(spline, LinearRegression()), frame, said)["x"]

    assert (feature.minimum, feature.maximum) == (2, 8)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("reading_score", "Reading score"),
        ("race/ethnicity", "Race/ethnicity"),
        ("BMI", "BMI"),
        ("  a__b\n c ", "A b c"),
    ],
)
def test_a_column_name_becomes_a_title(name: str, title: str) -> None:
    assert title_of(name) == title


@pytest.mark.parametrize(
    ("categories", "values"),
    [
        (("a", "b"), ("unknown", "?")),
        (("unknown", "?"), ("unknown?", "??")),
        ((1, 2.5), (3.5, -0.5)),
        ((False, True), ()),
        ((True,), (False,)),
    ],
)
def test_unknown_values_are_none_of_the_categories(
    categories: tuple[str, ...], values: tuple[str, ...]
) -> None:
    assert unknown_values(categories) == values


@pytest.mark.parametrize("letter", ["İ", "Σ"])
def test_a_letter_that_no_operator_makes_small_is_named(letter: str) -> None:
    frame = pd.DataFrame({"remark": ["a fox", f"the {letter}", f"{letter}{letter}"]})
    vectorizer = ColumnTransformer([("text", CountVectorizer(), "remark")])
    kept = ColumnTransformer([("text", CountVectorizer(lowercase=False), "remark")])

    with pytest.raises(Refusal) as refused:
        features_of(
            make_pipeline(vectorizer, LinearRegression()).fit(frame, [1, 2, 3]), frame
        )

    assert str(refused.value) == (
        f"column 'remark' of the sample holds {letter!r} in 2 rows, whose small letter no "
        "operator makes as Python does: leave these rows out (the model refuses them, "
        "too), or fit with lowercase=False"
    )
    described = features_of(
        make_pipeline(kept, LinearRegression()).fit(frame, [1, 2, 3]), frame
    )
    assert described["remark"].kind == "text"
