import math
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pandas as pd
import pytest
from onnx import ModelProto, TensorProto
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    HuberRegressor,
    Lasso,
    LinearRegression,
    PoissonRegressor,
    Ridge,
    SGDRegressor,
)
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import LinearSVR

from convert.fitted.features import describe
from convert.fitted.frame import make_columns
from convert.fitted.oracle import Oracle
from convert.graph.builder import Graph
from convert.lowering.fold import Folded, Slope, add_folded, fold
from convert.tables.description import Description
from convert.training.regressors import make_candidate
from server.signature import MISSING_TEXT, Feature
from tests.students import make_students

Floats = npt.NDArray[np.float64]
CATEGORIES = ["gender", "lunch", "parental_level_of_education"]
NUMBERS = ["reading_score", "writing_score"]


def make_frame(n_rows: int = 200) -> tuple[pd.DataFrame, Floats]:
    """Return features in the table's order, numbers and categories mixed, and y."""
    students = make_students(n_rows)
    y = students["math_score"].to_numpy(float)
    return students[["gender", "reading_score", *CATEGORIES[1:], "writing_score"]], y


def with_gaps(frame: pd.DataFrame) -> pd.DataFrame:
    gaps = np.random.default_rng(1).random(frame.shape) < 0.1
    return frame.astype(dict.fromkeys(NUMBERS, float)).mask(gaps)


class Served:
    """A folded pipeline as a graph."""

    def __init__(self, pipeline: Pipeline, frame: pd.DataFrame) -> None:
        self.features: tuple[Feature, ...] = describe(
            Oracle(pipeline), frame, Description()
        )
        folded = fold(Oracle(pipeline), self.features, frame)
        assert folded is not None, "the pipeline does not fold"
        self.folded: Folded = folded
        self.model: ModelProto = self._graph().model()
        self._session = onnxruntime.InferenceSession(self.model.SerializeToString())

    def _graph(self) -> Graph:
        graph = Graph()
        prediction, contributions = add_folded(graph, self.folded, self.features)
        n_features = len(self.features)
        graph.output("prediction", prediction, TensorProto.DOUBLE, ["n_rows", 1])
        graph.output(
            "contributions", contributions, TensorProto.DOUBLE, ["n_rows", n_features]
        )
        return graph

    def run(self, output: str, frame: pd.DataFrame) -> Floats:
        columns = make_columns(frame, self.features)
        feed = {
            feature.input: np.array(
                column, object if isinstance(column[0], str) else float
            ).reshape(-1, 1)
            for feature, column in zip(self.features, columns, strict=True)
        }
        (values,) = self._session.run([output], feed)
        return np.asarray(values)

    def predict(self, frame: pd.DataFrame) -> Floats:
        return self.run("prediction", frame)[:, 0]


def fits(
    transformer: BaseEstimator, regressor: BaseEstimator, frame: pd.DataFrame, y: Floats
) -> Pipeline:
    return make_pipeline(transformer, regressor).fit(frame, y)


def classic(frame: pd.DataFrame, y: Floats) -> Pipeline:
    return make_candidate("linear", NUMBERS, CATEGORIES, seed=0).fit(frame, y)


def on_numbers(*steps: BaseEstimator) -> ColumnTransformer:
    return make_column_transformer(
        (make_pipeline(*steps), NUMBERS),
        (OneHotEncoder(handle_unknown="ignore"), CATEGORIES),
    )


def on_categories(*steps: BaseEstimator) -> ColumnTransformer:
    return make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS),
        (make_pipeline(*steps), CATEGORIES),
    )


STRINGS = SimpleImputer(strategy="most_frequent")


@pytest.mark.parametrize(
    "transformer",
    [
        on_numbers(SimpleImputer(strategy="median"), StandardScaler()),
        on_numbers(SimpleImputer(strategy="mean", add_indicator=True)),
        on_numbers(SimpleImputer(strategy="constant", fill_value=-1), RobustScaler()),
        on_numbers(MinMaxScaler(), SimpleImputer()),
        on_categories(STRINGS, OneHotEncoder(drop="first")),
        on_categories(SimpleImputer(strategy="constant"), OneHotEncoder()),
        on_categories(
            STRINGS, OneHotEncoder(handle_unknown="ignore", min_frequency=30)
        ),
        on_categories(STRINGS, OrdinalEncoder(), StandardScaler()),
        on_categories(TargetEncoder(target_type="continuous")),
        on_categories(OneHotEncoder(handle_unknown="ignore", sparse_output=False)),
    ],
)
def test_any_preprocessor_of_single_columns_folds(
    transformer: ColumnTransformer,
) -> None:
    frame, y = make_frame()
    frame = with_gaps(frame)
    pipeline = fits(transformer, LinearRegression(), frame, y)

    predictions = Served(pipeline, frame).predict(frame)

    np.testing.assert_allclose(predictions, pipeline.predict(frame), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "regressor",
    [Ridge(), Lasso(0.1), HuberRegressor(), SGDRegressor(random_state=0), LinearSVR()],
)
def test_any_linear_regressor_folds(regressor: BaseEstimator) -> None:
    frame, y = make_frame()
    pipeline = fits(on_numbers(StandardScaler()), regressor, frame, y)

    predictions = Served(pipeline, frame).predict(frame)

    np.testing.assert_allclose(predictions, pipeline.predict(frame), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("transformer", "regressor"),
    [
        (on_numbers(StandardScaler()), PoissonRegressor()),
        (on_numbers(StandardScaler()), KNeighborsRegressor()),
        (on_numbers(PCA(2)), LinearRegression()),
        (on_numbers(PolynomialFeatures(2)), LinearRegression()),
        (on_numbers(PowerTransformer()), LinearRegression()),
        (on_numbers(FunctionTransformer(np.log1p)), LinearRegression()),
        (on_numbers(MinMaxScaler(clip=True)), LinearRegression()),
        (
            on_numbers(KBinsDiscretizer(4, quantile_method="averaged_inverted_cdf")),
            LinearRegression(),
        ),
    ],
)
def test_what_is_no_sum_of_lookups_and_lines_does_not_fold(
    transformer: ColumnTransformer, regressor: BaseEstimator
) -> None:
    frame, y = make_frame()
    pipeline = fits(transformer, regressor, frame, y)

    assert (
        fold(Oracle(pipeline), describe(Oracle(pipeline), frame, Description()), frame)
        is None
    )


def test_an_interaction_that_typical_values_hide_does_not_fold() -> None:
    frame = pd.DataFrame(
        {"a": [0.0, 0.0, 0.0, 1.0, 2.0], "b": [0.0, 0.0, 0.0, 3.0, 5.0]}
    )
    product = FunctionTransformer(lambda X: X.assign(ab=X["a"] * X["b"])[["ab"]])
    pipeline = fits(product, LinearRegression(), frame, np.arange(5.0))

    assert (
        fold(Oracle(pipeline), describe(Oracle(pipeline), frame, Description()), frame)
        is None
    )


OFFSET = 4.5


@pytest.mark.parametrize(
    "function",
    [
        lambda X: X.replace(-999, 0),
        lambda X: X.mask((X > 1234) & (X <= 1300), 0.0),
        lambda X: X.where(X != OFFSET, 0.0),
        lambda X: X.mask(X == -2147483648, 50.0),
        lambda X: X.replace(9999999999, 0),
        lambda X: X.clip(upper=2e9),
        lambda X: X.where((X <= 100) | (X % 12 != 0), X / 12),
        lambda X: X.mask(X["a"].max() * 100 + 1 == X, 0),
    ],
    ids=[
        "sentinel",
        "window",
        "global",
        "int32",
        "nines",
        "cap",
        "multiple",
        "computed",
    ],
)
def test_a_line_with_an_exception_that_no_row_shows_does_not_fold(
    function: Any,
) -> None:
    frame = pd.DataFrame({"a": np.arange(5.0)})
    pipeline = fits(
        FunctionTransformer(function), LinearRegression(), frame, np.arange(5.0)
    )

    assert (
        fold(Oracle(pipeline), describe(Oracle(pipeline), frame, Description()), frame)
        is None
    )


def test_a_function_of_somebody_that_is_a_line_folds() -> None:
    frame = pd.DataFrame({"a": np.arange(5.0)})
    double = FunctionTransformer(lambda X: X * 2 + OFFSET)
    pipeline = fits(double, LinearRegression(), frame, 3 * np.arange(5.0))

    found = fold(
        Oracle(pipeline), describe(Oracle(pipeline), frame, Description()), frame
    )

    assert found is not None
    (slope,) = found.terms
    assert isinstance(slope, Slope)
    assert slope.weight == pytest.approx(3)


@pytest.mark.parametrize(
    "marked",
    [
        SimpleImputer(missing_values=-999),
        SimpleImputer(missing_values=0, add_indicator=True),
        MinMaxScaler(clip=True),
        Binarizer(threshold=1e12),
        KBinsDiscretizer(2, quantile_method="averaged_inverted_cdf"),
    ],
    ids=["marker", "zero", "clipped", "threshold", "bins"],
)
def test_a_step_of_scikit_learn_with_an_exception_that_no_row_shows_does_not_fold(
    marked: Any,
) -> None:
    trained = pd.DataFrame({"a": np.arange(1, 50.0)})
    frame = trained[20:24]
    pipeline = fits(marked, LinearRegression(), trained, 3 * np.arange(1, 50.0))

    assert (
        fold(Oracle(pipeline), describe(Oracle(pipeline), frame, Description()), frame)
        is None
    )


def test_a_marker_among_texts_that_no_row_shows_does_not_fold() -> None:
    towns = pd.DataFrame({"town": ["Oslo", "Voss", "n/a", "Oslo"] * 5})
    marked = make_pipeline(
        SimpleImputer(missing_values="n/a", strategy="most_frequent"),
        OneHotEncoder(handle_unknown="ignore"),
    )
    pipeline = fits(marked, LinearRegression(), towns, np.arange(20.0))
    frame = towns[towns["town"] != "n/a"]

    assert (
        fold(Oracle(pipeline), describe(Oracle(pipeline), frame, Description()), frame)
        is None
    )


def make_pairs(n_rows: int = 600, n_values: int = 20) -> tuple[pd.DataFrame, Floats]:
    """Return two texts, of which one pair is worth more, and no row that shows it."""
    rng = np.random.default_rng(0)
    numbers = rng.integers(0, n_values, (n_rows, 2))
    texts = {"city": "city", "brand": "brand"}
    frame = pd.DataFrame(
        {name: [f"{name}{i}" for i in numbers[:, k]] for k, name in enumerate(texts)}
    )
    return frame, 100.0 * is_pair(frame).to_numpy(float)


def is_pair(frame: pd.DataFrame) -> Any:
    return (frame["city"] == "city7") & (frame["brand"] == "brand11")


def one_pair(X: pd.DataFrame) -> Any:
    length = X["city"].str[4:].astype(float)
    return pd.DataFrame({"a": length, "p": is_pair(X) * 1.0})


@pytest.mark.parametrize(
    "transformer",
    [
        make_pipeline(
            OneHotEncoder(handle_unknown="ignore", sparse_output=False),
            PolynomialFeatures(2, interaction_only=True, include_bias=False),
            SelectKBest(f_regression, k=1),
        ),
        FunctionTransformer(one_pair),
    ],
    ids=["scikit-learn", "somebody"],
)
def test_one_pair_of_texts_that_no_row_shows_does_not_fold(transformer: Any) -> None:
    frame, y = make_pairs()
    pipeline = fits(transformer, LinearRegression(), frame, y)
    sample = frame[~is_pair(frame)]

    assert (
        fold(
            Oracle(pipeline), describe(Oracle(pipeline), sample, Description()), sample
        )
        is None
    )


def test_texts_that_a_function_of_somebody_reads_one_by_one_fold() -> None:
    frame, y = make_pairs()
    codes = FunctionTransformer(lambda X: X.apply(lambda c: c.str[-1].astype(float)))
    pipeline = fits(codes, LinearRegression(), frame, y + np.arange(len(y)))

    predictions = Served(pipeline, frame).predict(frame)

    np.testing.assert_allclose(predictions, pipeline.predict(frame), rtol=0, atol=1e-9)


def test_numbers_that_a_function_of_somebody_scales_one_by_one_fold() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(80, 2)), columns=["a", "b"])
    scaled = FunctionTransformer(lambda X: X.assign(a=X.a * 2, b=X["b"] / 4 - 1))
    pipeline = fits(scaled, Ridge(), frame, frame.to_numpy() @ [3.0, 1.0])

    predictions = Served(pipeline, frame).predict(frame)

    np.testing.assert_allclose(predictions, pipeline.predict(frame), rtol=0, atol=1e-12)


def test_columns_may_be_integers_fractions_and_booleans() -> None:
    frame = pd.DataFrame(
        {
            "code": [3, 1, 2, 3, 1, 2],
            "half": [0.5, 1.0, np.nan, 0.5, 0.5, 1.0],
            "flag": pd.Series([True, False, None, True, True, False], dtype=object),
            "raw": [True, False, True, True, False, False],
        }
    )
    transformer = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["code", "half"]),
        (make_pipeline(STRINGS, OneHotEncoder()), ["flag"]),
        remainder="passthrough",
    )
    pipeline = fits(transformer, Ridge(), frame, np.array([1.0, 5, 2, 8, 4, 3]))
    rows = pd.concat([frame, frame.assign(code=9, half=0.75)])

    predictions = Served(pipeline, frame).predict(rows)

    np.testing.assert_allclose(predictions, pipeline.predict(rows), rtol=0, atol=1e-13)


@pytest.mark.parametrize("columns", [NUMBERS, CATEGORIES, NUMBERS[:1], CATEGORIES[:1]])
def test_a_table_may_have_one_kind_of_column(columns: list[str]) -> None:
    students, y = make_frame()
    frame = students[columns]
    numbers = [name for name in columns if name in NUMBERS]
    categories = [name for name in columns if name in CATEGORIES]
    pipeline = make_candidate("linear", numbers, categories, seed=0).fit(frame, y)

    predictions = Served(pipeline, frame).predict(frame)

    np.testing.assert_allclose(predictions, pipeline.predict(frame), rtol=0, atol=1e-12)


def test_contributions_add_up_to_the_prediction() -> None:
    students, y = make_frame()
    frame = with_gaps(students)
    served = Served(classic(frame, y), frame)

    sums = served.run("contributions", frame).sum(axis=1) + served.folded.baseline

    np.testing.assert_allclose(sums, served.predict(frame), rtol=0, atol=1e-13)


def test_contributions_are_zero_on_average_over_the_training_rows() -> None:
    students, y = make_frame()
    frame = with_gaps(students)
    pipeline = classic(frame, y)
    served = Served(pipeline, frame)

    averages = served.run("contributions", frame).mean(axis=0)

    np.testing.assert_allclose(averages, np.zeros(5), rtol=0, atol=1e-13)
    assert served.folded.baseline == pytest.approx(
        pipeline.predict(frame).mean(), abs=1e-12
    )


def test_a_missing_number_may_count_where_the_number_does_not() -> None:
    missing = np.arange(100) % 3 == 0
    frame = pd.DataFrame({"x": np.where(missing, np.nan, np.arange(100) % 2)})
    imputer = SimpleImputer(add_indicator=True)
    y = 10.0 * missing
    pipeline = fits(imputer, Lasso(0.1), frame, y)
    served = Served(pipeline, frame)

    contributions = served.run("contributions", frame)[:, 0]

    assert pipeline[-1].coef_[0] == 0
    assert np.mean(contributions) == pytest.approx(0, abs=1e-14)
    np.testing.assert_allclose(
        served.predict(frame), pipeline.predict(frame), rtol=0, atol=1e-13
    )


def test_what_scikit_learn_refuses_is_never_a_plausible_number() -> None:
    frame, y = make_frame()
    transformer = make_column_transformer(
        (StandardScaler(), NUMBERS), (OneHotEncoder(), CATEGORIES)
    )
    served = Served(fits(transformer, LinearRegression(), frame, y), frame)
    row = (
        frame.head(1)
        .astype(dict.fromkeys(NUMBERS, float))
        .astype(dict.fromkeys(CATEGORIES, object))
    )
    rows = pd.concat(
        [
            row.assign(**{name: value})
            for name, value in (
                ("gender", "unheard of"),
                ("gender", None),
                ("gender", MISSING_TEXT),
                ("reading_score", math.nan),
            )
        ]
    )

    assert np.isnan(served.predict(rows)).all()


def test_a_nearly_singular_model_is_exact_where_scikit_learn_is_not() -> None:
    frame, y = make_frame()
    pipeline = classic(frame, y)
    regressor, encoder = pipeline[-1], pipeline[0].named_transformers_["categories"]
    # the dummies of one feature sum to 1: what they gain, the intercept loses
    genders = slice(2, 4)
    regressor.coef_[genders] += 3e14 * encoder[-1].scale_[:2]
    regressor.intercept_ -= 3e14

    predictions = Served(pipeline, frame).predict(frame)

    exact = [
        float(
            sum(
                Fraction(x) * Fraction(w)
                for x, w in zip(row, regressor.coef_, strict=True)
            )
            + Fraction(regressor.intercept_)
        )
        for row in Oracle(pipeline).transform(frame).tolist()
    ]
    assert np.abs(pipeline.predict(frame) - exact).max() > 1e-3
    np.testing.assert_allclose(predictions, exact, rtol=0, atol=1e-9)


def test_a_time_in_seconds_loses_no_digit() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"when": 1.7e9 + rng.normal(0, 1, 100), "x": rng.normal(size=100)}
    )
    y = 10 * (frame["when"] - 1.7e9).to_numpy() + rng.normal(size=100)
    pipeline = fits(StandardScaler(), LinearRegression(), frame, y)

    predictions = Served(pipeline, frame).predict(frame)

    np.testing.assert_allclose(predictions, pipeline.predict(frame), rtol=0, atol=1e-12)


def test_one_row_passes_few_nodes() -> None:
    students, y = make_frame()
    frame = with_gaps(students)

    model = Served(classic(frame, y), frame).model

    assert [node.op_type for node in model.graph.node] == [
        *["LabelEncoder"] * 3,
        *["Concat", "Sub", "Mul", "IsNaN", "Where", "Gemm"],
        *["Identity"] * 2,  # names of the outputs, which onnxruntime removes
    ]
