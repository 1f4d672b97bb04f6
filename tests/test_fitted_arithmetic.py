from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import FunctionTransformer

from convert.fitted.arithmetic import beside_arithmetic

OFFSET = 4.5
WEIGHTS = {"a": 2.0, "b": 3.0}


def halved(X: Any) -> Any:
    return X / 2


def weighed(X: pd.DataFrame) -> Any:
    parts = {name: halved(X[name] * weight) for name, weight in WEIGHTS.items()}
    return pd.DataFrame(parts, index=X.index)


def added(X: pd.DataFrame) -> Any:
    X = X.copy()
    X["s"] = X["a"] + X.b
    return X


LINES: list[Any] = [
    lambda X: X * 2 + OFFSET,
    lambda X: np.asarray(X, float)[:, :1] - X.to_numpy()[:, 1:],
    lambda X: X.assign(s=lambda d: d.a - d.b / 100),
    lambda X: X.sum(axis=1).to_frame(),
    lambda X: pd.DataFrame({"m": X[["a", "b"]].mean(axis=1)}),
    lambda X: np.column_stack([X["a"], -X["b"].astype(float)]),
    lambda X: X @ np.array([[1.0], [2.0]]),
    halved,
    weighed,
    added,
]


@pytest.mark.parametrize("function", LINES, ids=range(len(LINES)))
def test_sums_products_and_columns_are_arithmetic(function: Any) -> None:
    assert beside_arithmetic(FunctionTransformer(function), ["a", "b"]) is None


def guarded(X: pd.DataFrame) -> Any:
    try:
        return X["c"]
    except KeyError:
        return X["a"]


def behind_another(X: pd.DataFrame) -> Any:
    return halved(cut(X))


def cut(X: pd.DataFrame) -> Any:
    return X.clip(upper=2e9)


ELSE: list[tuple[Any, str]] = [
    (lambda X: X * (X["a"] == -999).to_numpy()[:, None], "compares values"),
    (lambda X: X["a"] * (X["b"] % 12), "takes remainders"),
    (lambda X: X // 10, "takes whole quotients"),
    (lambda X: X**2, "takes powers"),
    (lambda X: X * 2 if len(X) else X, "decides between cases"),
    (lambda X: 1e-9 / (X - 5e10), "divides by what it computed"),
    (lambda X: X.mask(X.isna(), 0), "calls 'mask'"),
    (lambda X: X.replace(9999999999, 0), "calls 'replace'"),
    (lambda X: X["a"].map({3: 4.0}), "calls 'map'"),
    (lambda X: np.where(X, 1, 0), "calls 'where'"),
    (lambda X: getattr(X, "cl" + "ip")(upper=9), "calls 'getattr'"),
    (lambda X: X.round(), "calls 'round'"),
    (lambda X: X.astype("bool") * 5, "turns numbers into bool"),
    (lambda X: X.astype(int) * 5, "calls 'int'"),
    (behind_another, "calls 'clip'"),
    (guarded, "catches errors"),
    (np.clip, "calls 'clip'"),
]


@pytest.mark.parametrize(("function", "said"), ELSE, ids=range(len(ELSE)))
def test_what_is_more_than_arithmetic_is_said(function: Any, said: str) -> None:
    assert beside_arithmetic(FunctionTransformer(function), ["a", "b"]) == said


class Shifted(BaseEstimator, TransformerMixin):  # type: ignore[misc]
    def fit(self, X: Any, y: Any = None) -> "Shifted":
        self.low_ = X.min()
        return self

    def transform(self, X: Any) -> Any:
        return self.scaled(X - self.low_)

    def scaled(self, X: Any) -> Any:
        return X * 3


class Capped(Shifted):
    def scaled(self, X: Any) -> Any:
        return X.where(self.low_ + 1 != X, 0.0)


def test_methods_of_a_class_are_read_with_what_they_call() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0]})

    assert beside_arithmetic(Shifted().fit(frame), ["a"]) is None
    assert beside_arithmetic(Capped().fit(frame), ["a"]) == "calls 'where'"


class Hidden(Shifted):
    def scaled(self, X: Any) -> Any:
        return self.add(X)


def test_a_method_that_hides_behind_a_listed_name_is_read() -> None:
    step = Hidden().fit(pd.DataFrame({"a": [1.0, 2.0]}))
    step.add = lambda X: X.clip(upper=3)

    assert beside_arithmetic(step, ["a"]) == "calls 'clip'"
