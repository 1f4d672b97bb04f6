from typing import Any

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from convert.errors import Refusal
from convert.fitted.oracle import Floats, Oracle, Rejected

FRAME = pd.DataFrame({"a": [1.0, 2, 3, 4], "b": [5.0, 5, 6, 9]})


def own_objective(truth: Any, scores: Floats) -> tuple[Floats, Floats]:
    return 1 / (1 + np.exp(-scores)) - truth, np.ones_like(truth)


def test_labels_are_positions_in_the_classes() -> None:
    labels = ["no", "yes", "no", "yes"]
    oracle = Oracle(LogisticRegression().fit(FRAME, labels))

    answers = oracle.answer(FRAME)

    assert oracle.classes == ("no", "yes")
    assert answers.probabilities is not None
    np.testing.assert_array_equal(
        answers.values[:, 0], answers.probabilities.argmax(axis=1)
    )


def test_a_pipeline_of_an_array_is_asked_without_names() -> None:
    pipeline = make_pipeline(StandardScaler(), Ridge()).fit(
        FRAME.to_numpy(), [1, 2, 3, 4]
    )

    answers = Oracle(pipeline).answer(FRAME)

    np.testing.assert_array_equal(
        answers.values[:, 0], pipeline.predict(FRAME.to_numpy())
    )


def test_a_vectorizer_is_asked_with_a_list_of_texts() -> None:
    texts = pd.DataFrame({"text": ["aa bb", "bb cc", "aa"]})
    pipeline = make_pipeline(CountVectorizer(), Ridge()).fit(texts["text"], [1, 2, 3])

    answers = Oracle(pipeline).answer(texts)

    np.testing.assert_array_equal(answers.values[:, 0], pipeline.predict(texts["text"]))


def test_rows_that_the_pipeline_refuses_are_told_from_the_others() -> None:
    frame = pd.DataFrame({"c": ["x", "y", "z", "x"]})
    pipeline = make_pipeline(OneHotEncoder(), Ridge()).fit(frame[:2], [1, 2])

    oracle = Oracle(pipeline)
    taken, answers = oracle.answer_taken(frame)

    np.testing.assert_array_equal(taken, [True, True, False, True])
    assert answers.values.shape == (3, 1)
    with pytest.raises(Rejected, match="unknown categories"):
        oracle.answer(frame)


@pytest.mark.parametrize("last", [0, 2])
def test_several_labels_a_row_are_refused(last: int) -> None:
    labels = np.array([[0, 1], [1, 1], [0, 0], [1, last]])

    with pytest.raises(Refusal) as refused:
        Oracle(DecisionTreeClassifier().fit(FRAME, labels))

    assert str(refused.value) == (
        "DecisionTreeClassifier predicts several labels a row: fit and export one "
        "classifier for each label"
    )


def test_targets_are_learnt_from_the_rows_that_are_taken() -> None:
    frame = FRAME.assign(a=[np.nan, 2, 3, 4])
    oracle = Oracle(Ridge().fit(FRAME, [1, 2, 3, 4]))

    taken = oracle.learn_targets(frame)

    assert (oracle.n_targets, taken.tolist()) == (1, [False, True, True, True])


def test_a_sample_of_which_no_row_is_taken_is_refused() -> None:
    oracle = Oracle(Ridge().fit(FRAME, [1, 2, 3, 4]))

    with pytest.raises(Refusal, match="refuses every row of the sample"):
        oracle.learn_targets(FRAME.assign(a=np.nan))


def test_a_prediction_that_is_none_of_the_classes_is_refused() -> None:
    model = LGBMClassifier(
        n_estimators=2, min_child_samples=1, verbose=-1, objective=own_objective
    )
    frame = pd.concat([FRAME] * 5)
    oracle = Oracle(model.fit(frame, np.tile([False, True], 10)))

    with pytest.raises(
        Refusal, match=r"LGBMClassifier predicts .* none of its classes"
    ):
        oracle.answer(frame)


def test_a_few_of_many_classes_are_named() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0, 5.0]})
    broken = DecisionTreeClassifier().fit(frame, list("abcde"))
    oracle = Oracle(broken)
    broken.classes_ = np.array(list("abcdf"))

    with pytest.raises(Refusal) as refused:
        oracle.answer(frame)

    assert str(refused.value) == (
        "DecisionTreeClassifier predicts 'f', which is none of its classes ('a', 'b', "
        "'c', 'd' and 1 more), as with an objective of its own: fit it with an objective "
        "of its library"
    )


def test_several_targets_are_columns() -> None:
    truth = np.array([[1.0, 2, 3], [2, 3, 1], [4, 4, 2], [5, 6, 7]])
    pipeline = Ridge().fit(FRAME, truth)

    values = Oracle(pipeline).answer(FRAME).values

    np.testing.assert_array_equal(values, pipeline.predict(FRAME))


def test_a_state_that_answers_nothing_is_refused() -> None:
    broken = Ridge().fit(FRAME, [1, 2, 3, 4])
    broken.coef_, broken.intercept_ = np.zeros((0, 2)), np.zeros(0)

    with pytest.raises(Refusal, match=r"4 rows with an array of shape \(4, 0\): its "):
        Oracle(broken).answer(FRAME)


def test_a_state_that_answers_a_row_twice_is_refused() -> None:
    broken = RidgeClassifier().fit(FRAME, ["no", "yes", "no", "yes"])
    broken.coef_, broken.intercept_ = np.zeros((2, 2)), np.zeros(2)
    broken._label_binarizer.y_type_ = "multilabel-indicator"

    with pytest.raises(Refusal, match=r"4 rows with an array of shape \(4, 2\): its "):
        Oracle(broken).answer(FRAME)


def test_columns_that_a_first_step_chooses_by_name_are_known_before_other_steps() -> (
    None
):
    def selects_by_name(columns: Any) -> bool:
        chosen = ColumnTransformer([("numbers", StandardScaler(), columns)])
        pipeline = make_pipeline(chosen, StandardScaler(), Ridge())
        return Oracle(pipeline.fit(FRAME, [1, 2, 3, 4])).selects_by_name

    assert selects_by_name(["a", "b"])
    assert not selects_by_name([0, 1])


def test_a_vectorizer_behind_another_step_is_given_what_that_step_takes() -> None:
    def first_words(rows: Any) -> list[str]:
        return [str(row[0]) for row in rows]

    pipeline = make_pipeline(
        FunctionTransformer(first_words), CountVectorizer(), Ridge()
    )
    pipeline.fit(np.array([["a tree", "x"], ["a house", "y"]], object), [1, 2])

    assert not Oracle(pipeline).takes_texts
