"""What chooses a method, a file or a length."""

from typing import Any

import numpy as np
import pytest

from convert.saved.rules import rules_of

TEXT = ("sklearn.feature_extraction.text", "TfidfVectorizer")
HASHING = ("sklearn.feature_extraction.text", "HashingVectorizer")
STACKING = ("sklearn.ensemble._stacking", "StackingRegressor")
SELECTION = ("sklearn.feature_selection._from_model", "SelectFromModel")
COLUMNS = ("sklearn.compose._column_transformer", "ColumnTransformer")
SEARCH = ("sklearn.model_selection._search", "GridSearchCV")
LGBM = ("lightgbm.sklearn", "LGBMRegressor")

GOOD: list[tuple[tuple[str, str], str, list[Any]]] = [
    (TEXT, "input", ["content"]),
    (TEXT, "encoding", ["utf-8", "latin-1", "cp1252"]),
    (TEXT, "token_pattern", [None, r"(?u)\b\w\w+\b"]),
    (TEXT, "ngram_range", [(1, 2), [1, 1], (np.int64(1), 3)]),
    (HASHING, "n_features", [1, 2**20]),
    (STACKING, "stack_method_", [["predict", "predict_proba"], []]),
    (STACKING, "stack_method", ["auto"]),
    (STACKING, "n_jobs", [None, -1, 64]),
    (STACKING, "memory", [None]),
    (STACKING, "_sklearn_output_config", [{"transform": "pandas"}, {}]),
    (SELECTION, "importance_getter", ["auto", "named_steps.clf.coef_"]),
    (
        COLUMNS,
        "verbose_feature_names_out",
        [True, False, "{feature_name}__{transformer_name}"],
    ),
    (SEARCH, "pre_dispatch", ["2*n_jobs", "all", 4, None]),
    (TEXT, "dtype", [float, "float32", "<f8", np.dtype("int64")]),
    (LGBM, "_other_params", [{}, {"verbose": -1}]),
]
BAD: list[tuple[tuple[str, str], str, list[Any]]] = [
    (TEXT, "input", ["filename", "file", None]),
    (TEXT, "encoding", ["zip", "../etc", "none such", 3]),
    (TEXT, "token_pattern", ["(", "a" * 2000, 3, r"(?:a+)+$", "a*a*a*b"]),
    (TEXT, "ngram_range", [(1, 10**9), (-1, 1)]),
    (HASHING, "n_features", [0, 2**31, -1]),
    (STACKING, "stack_method_", [["save_model"], "fit", ["predict", 1]]),
    (STACKING, "stack_method", ["save_model"]),
    (STACKING, "n_jobs", [10**6, -(10**6)]),
    (STACKING, "memory", ["/tmp/cache"]),
    (STACKING, "_sklearn_output_config", [{"transform": "os"}, {"predict": "pandas"}]),
    (SELECTION, "importance_getter", ["__class__", "a.__dict__", "a..b", ""]),
    (
        COLUMNS,
        "verbose_feature_names_out",
        ["{feature_name:>99999999999}", "{feature_name.__class__}"],
    ),
    (SEARCH, "pre_dispatch", ["__import__('os')", "9**9**9*n_jobs"]),
    (TEXT, "dtype", ["S2000000000", np.dtype("S20"), np.dtype("M8[s]")]),
    (LGBM, "_other_params", [{"predict_disable_shape_check": True}]),
    (LGBM, "predict_disable_shape_check", [True, 1]),
]


def _holds(kind: tuple[str, str], attribute: str, value: Any) -> bool:
    return all(rule.holds(value) for rule in rules_of(kind, attribute))


@pytest.mark.parametrize(("kind", "attribute", "values"), GOOD)
def test_what_scikit_learn_writes_is_taken(
    kind: tuple[str, str], attribute: str, values: list[Any]
) -> None:
    assert [value for value in values if not _holds(kind, attribute, value)] == []


@pytest.mark.parametrize(("kind", "attribute", "values"), BAD)
def test_what_reaches_further_is_not(
    kind: tuple[str, str], attribute: str, values: list[Any]
) -> None:
    assert [value for value in values if _holds(kind, attribute, value)] == []
