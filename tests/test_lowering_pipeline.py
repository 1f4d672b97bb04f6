"""Whole pipelines, each wrapped in another way, against scikit-learn's predict."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
import pytest
from lightgbm import LGBMRegressor
from onnx import TensorProto
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingRegressor,
    RandomForestRegressor,
    StackingRegressor,
    VotingRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    QuantileTransformer,
    StandardScaler,
)

from convert.errors import Refusal
from convert.graph.blocks import add_inputs
from convert.graph.builder import Graph
from convert.lowering.pipeline import lower_pipeline
from tests.lowered import Floats, describe, feed, make_mixed

NUMBERS = ["decimal", "whole"]
TEXTS = ["colour", "size / cm (outer)"]


def preprocessor() -> Any:
    texts = make_pipeline(
        SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")
    )
    return make_column_transformer((StandardScaler(), NUMBERS), (texts, TEXTS))


def target_inside() -> Any:
    target = TransformedTargetRegressor(Ridge(), func=np.log, inverse_func=np.exp)
    return make_pipeline(preprocessor(), target)


def target_around() -> Any:
    return TransformedTargetRegressor(
        make_pipeline(preprocessor(), Ridge()), transformer=PowerTransformer()
    )


def target_around_inside() -> Any:
    normal = QuantileTransformer(n_quantiles=30, output_distribution="normal")
    inner = make_pipeline(preprocessor(), StandardScaler(with_mean=False), Ridge())
    return Pipeline([("model", TransformedTargetRegressor(inner, transformer=normal))])


def search_around() -> Any:
    steps = make_pipeline(preprocessor(), Ridge())
    return GridSearchCV(steps, {"ridge__alpha": [0.1, 10]}, cv=2)


def search_inside() -> Any:
    return make_pipeline(
        preprocessor(), GridSearchCV(Ridge(), {"alpha": [0.1, 10]}, cv=2)
    )


PIPELINES: dict[str, Callable[[], Any]] = {
    "plain": lambda: make_pipeline(preprocessor(), Ridge()),
    "pipeline in a pipeline": lambda: make_pipeline(
        preprocessor(), make_pipeline(StandardScaler(with_mean=False), Ridge())
    ),
    "passthrough steps": lambda: Pipeline(
        [("a", "passthrough"), ("p", preprocessor()), ("b", None), ("r", Ridge())]
    ),
    "target inside": target_inside,
    "target around": target_around,
    "target around inside": target_around_inside,
    "search around": search_around,
    "search inside": search_inside,
}


def vote() -> Any:
    numbers = make_column_transformer((StandardScaler(), NUMBERS))
    trees = RandomForestRegressor(n_estimators=5, random_state=0)
    return VotingRegressor(
        [
            ("all", make_pipeline(preprocessor(), Ridge())),
            ("numbers", make_pipeline(numbers, trees)),
        ],
        weights=[2, 1],
    )


def stack() -> Any:
    return StackingRegressor(vote().estimators, final_estimator=Ridge(), cv=2)


PIPELINES |= {"vote of pipelines": vote, "stack of pipelines": stack}


def run_pipeline(pipeline: Any, sample: Any, rows: Any) -> Floats:
    graph = Graph()
    columns = add_inputs(graph, describe(sample))
    outputs = lower_pipeline(graph, pipeline, columns, sample)
    assert outputs.prediction is not None
    graph.output("y", outputs.prediction, TensorProto.DOUBLE, ["n_rows", 1])
    session = onnxruntime.InferenceSession(graph.model().SerializeToString())
    prediction: Floats = session.run(None, feed(session, rows))[0]
    return prediction.ravel()


def make_target(n_rows: int) -> Floats:
    return np.random.default_rng(2).gamma(4, 10, n_rows) + 1


@pytest.mark.parametrize("name", PIPELINES)
def test_wrapped_pipeline_agrees_with_scikit_learn(name: str) -> None:
    sample = make_mixed()
    pipeline = PIPELINES[name]().fit(sample, make_target(len(sample)))
    rows = make_mixed(100, seed=5)

    predicted = run_pipeline(pipeline, sample, rows)
    # a forest adds up float32 leaves
    tolerance = 1e-4 if "stack" in name or "vote" in name else 1e-11
    assert np.abs(predicted - pipeline.predict(rows)).max() < tolerance


def test_calibration_of_a_pipeline_agrees() -> None:
    sample = make_mixed()
    steps = make_pipeline(preprocessor(), LogisticRegression())
    calibrated = CalibratedClassifierCV(steps, cv=2).fit(sample, sample["grade"] > 2)
    graph = Graph()
    columns = add_inputs(graph, describe(sample))

    outputs = lower_pipeline(graph, calibrated, columns, sample)

    assert outputs.probabilities is not None
    graph.output("p", outputs.probabilities, TensorProto.DOUBLE, ["n_rows", 2])
    session = onnxruntime.InferenceSession(graph.model().SerializeToString())
    probabilities = session.run(None, feed(session, sample))[0]
    expected = calibrated.predict_proba(sample)
    assert np.abs(probabilities - expected).max() < 1e-14


def test_a_threshold_around_a_pipeline_labels_as_scikit_learn_does() -> None:
    sample = make_mixed()
    steps = make_pipeline(preprocessor(), LogisticRegression())
    fitted = FixedThresholdClassifier(steps, threshold=0.6)
    fitted.fit(sample, sample["grade"] > 2)
    graph = Graph()
    columns = add_inputs(graph, describe(sample))

    outputs = lower_pipeline(graph, fitted, columns, sample)

    assert outputs.label_index is not None
    graph.output("l", outputs.label_index, TensorProto.INT64, ["n_rows", 1])
    session = onnxruntime.InferenceSession(graph.model().SerializeToString())
    labels = session.run(None, feed(session, sample))[0].ravel()
    np.testing.assert_array_equal(labels.astype(bool), fitted.predict(sample))


def test_texts_that_a_boosting_encodes_itself_are_refused_with_the_way_out() -> None:
    sample = make_mixed()[["kind", "decimal"]].astype({"kind": "category"})
    boosting = HistGradientBoostingRegressor(
        max_iter=5, categorical_features="from_dtype"
    )
    y = make_target(len(sample))

    with pytest.raises(Refusal, match="takes columns of text as categories itself"):
        run_pipeline(boosting.fit(sample, y), sample, sample)

    encoder = make_column_transformer(
        (OrdinalEncoder(), ["kind"]), remainder="passthrough"
    )
    boosting = HistGradientBoostingRegressor(max_iter=5, categorical_features=[0])
    said = make_pipeline(encoder, boosting).fit(sample, y)
    predicted = run_pipeline(said, sample, sample)
    assert np.abs(predicted - said.predict(sample)).max() < 1e-11


def test_stack_that_passes_raw_columns_through_is_refused() -> None:
    sample = make_mixed()
    members = [("only", make_pipeline(preprocessor(), Ridge()))]
    passed = StackingRegressor(members, Ridge(), cv=2, passthrough=True)
    numbers = sample.assign(colour=1.0, **{TEXTS[1]: 2.0}).drop(columns="kind")
    passed.fit(numbers, make_target(len(sample)))

    with pytest.raises(Refusal, match="passthrough=True"):
        run_pipeline(passed, numbers, numbers)


@pytest.mark.parametrize("kind", [RandomForestRegressor, LGBMRegressor])
def test_estimator_alone_takes_the_columns_in_its_own_order(kind: Any) -> None:
    sample = make_mixed()[[*NUMBERS, "grade"]].rename(columns={"grade": "the grade"})
    options = {"verbose": -1} if kind is LGBMRegressor else {}
    estimator = kind(n_estimators=5, random_state=0, **options)
    estimator.fit(sample, make_target(len(sample)))
    shuffled = sample[sample.columns[::-1]]

    predicted = run_pipeline(estimator, shuffled, shuffled)
    assert np.abs(predicted - estimator.predict(sample)).max() < 1e-4


def test_column_of_the_estimator_must_be_there() -> None:
    sample = make_mixed()[NUMBERS]
    ridge = Ridge().fit(sample, make_target(len(sample)))

    with pytest.raises(Refusal, match="'whole', which is not among"):
        run_pipeline(ridge, sample[["decimal"]], sample[["decimal"]])


def fit_with_categories() -> tuple[Any, Any]:
    sample = make_mixed()[["grade", "decimal", "kind"]]
    sample["grade"] = sample["grade"].astype("category")
    target = sample["kind"].cat.codes + 3 * sample["grade"].cat.codes
    return LGBMRegressor(n_estimators=5, verbose=-1).fit(sample, target), sample


def test_lightgbm_reads_category_columns_by_their_codes() -> None:
    estimator, sample = fit_with_categories()
    rows = sample.iloc[::-1].copy()
    rows.iloc[0, 0] = rows.iloc[1, 2] = np.nan

    predicted = run_pipeline(estimator, sample, rows)
    assert np.abs(predicted - estimator.predict(rows)).max() < 1e-12


def test_lightgbm_with_categories_wants_the_dtypes_of_the_training_frame() -> None:
    estimator, sample = fit_with_categories()

    with pytest.raises(Refusal, match="2 category columns and the sample has 0"):
        run_pipeline(estimator, sample.astype({"kind": str, "grade": int}), sample)


def test_text_that_reaches_the_estimator_is_refused() -> None:
    sample = make_mixed()
    ridge = make_pipeline(preprocessor(), Ridge())[-1]
    ridge.fit(sample[NUMBERS], make_target(len(sample)))
    texts = sample[TEXTS].set_axis(NUMBERS, axis=1)

    with pytest.raises(Refusal, match="'decimal' holds text"):
        run_pipeline(ridge, texts, texts)
