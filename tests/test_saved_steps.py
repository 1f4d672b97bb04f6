"""Steps are pairs of a name and an estimator, wherever scikit-learn unpacks them."""

from copy import copy
from typing import Any

import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import StackingRegressor, VotingClassifier
from sklearn.linear_model import Ridge
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import StandardScaler

from convert.errors import Refusal
from convert.saved.steps import check_steps

SOUND = [
    Pipeline([("a", None), ("b", "passthrough"), ["c", StandardScaler()]]),
    FeatureUnion([("a", StandardScaler()), ("b", "drop")]),
    ColumnTransformer([("a", StandardScaler(), [0]), ("b", "drop", slice(1, 2))]),
    VotingClassifier([("a", Ridge()), ("b", "drop")]),
    StackingRegressor([("a", Ridge())]),
    Ridge(),
]

BENT = [
    ("Pipeline", "steps", True),
    ("Pipeline", "steps", None),
    ("Pipeline", "steps", [1]),
    ("Pipeline", "steps", [("a",)]),
    ("Pipeline", "steps", [("a", Ridge(), 1)]),
    ("Pipeline", "steps", [(1, Ridge())]),
    ("Pipeline", "steps", [("a", 1.0)]),
    ("Pipeline", "steps", [("a", "predict")]),
    ("Pipeline", "steps", [("a", Ridge)]),
    ("FeatureUnion", "transformer_list", {"a": StandardScaler()}),
    ("ColumnTransformer", "transformers", [("a", StandardScaler())]),
    ("ColumnTransformer", "transformers_", [("a", 2, [0])]),
    ("VotingClassifier", "estimators", [("a", [Ridge()])]),
    ("StackingRegressor", "estimators", "ab"),
]


@pytest.mark.parametrize("estimator", SOUND, ids=lambda each: type(each).__name__)
def test_steps_that_people_write_are_taken(estimator: Any) -> None:
    check_steps(estimator)


@pytest.mark.parametrize(("kind", "attribute", "steps"), BENT)
def test_what_is_no_step_is_refused(kind: str, attribute: str, steps: Any) -> None:
    estimator = next(copy(each) for each in SOUND if type(each).__name__ == kind)
    vars(estimator)[attribute] = steps

    with pytest.raises(Refusal) as refusal:
        check_steps(estimator)

    assert str(refusal.value) == (
        f"has {attribute} that are not pairs of a name and an estimator"
    )
