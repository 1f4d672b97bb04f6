"""How the columns of a table are spread, beside pandas' own counts."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from convert import to_onnx
from convert.fitted.distributions import (
    MAX_COUNTED,
    MAX_PREDICTED_ROWS,
    of_column,
    of_numbers,
    of_predictions,
)
from convert.fitted.oracle import Oracle
from server.signature import Distribution

RANDOM = np.random.default_rng(7)


def binned(numbers: Any, edges: tuple[float, ...]) -> tuple[int, ...]:
    """Return how many numbers pandas finds between the edges, upper ends included."""
    ends = [-np.inf, *edges, np.inf]
    return tuple(pd.cut(pd.Series(numbers), ends).value_counts(sort=False))


def test_numbers_are_counted_between_their_deciles() -> None:
    numbers = RANDOM.normal(50, 20, 1000)

    spread = of_numbers(numbers, n_missing=3)

    deciles = np.sort(numbers)[99:999:100]
    assert spread.edges == pytest.approx(deciles, rel=1e-5)
    assert spread == Distribution(
        n_rows=1003,
        n_missing=3,
        edges=tuple(float(f"{decile:.6g}") for decile in deciles),
        counts=binned(numbers, spread.edges),
    )


@pytest.mark.parametrize(
    ("numbers", "edges", "counts"),
    [
        ([5.0] * 8, (), (8,)),
        ([0.0] * 6 + [1.0] * 4, (0.0,), (6, 4)),
        ([0.0] + [1.0] * 19, (), (20,)),
        ([], (), (0,)),
        ([1.0, np.inf, 2.0, -np.inf], (1.0,), (1, 1)),
        (
            [1.7e9 + n / 10 for n in range(10)],  # closer together than six digits
            tuple(1.7e9 + n / 10 for n in range(9)),
            (1,) * 10,
        ),
    ],
)
def test_numbers_that_repeat_have_fewer_bins(
    numbers: list[float], edges: tuple[float, ...], counts: tuple[int, ...]
) -> None:
    spread = of_numbers(np.array(numbers))

    assert (spread.edges, spread.counts) == (edges, counts)
    assert spread.n_rows == sum(counts)


def test_categories_are_counted_in_their_order() -> None:
    column = pd.Series(["b", None, "a", "b", "other"])

    assert of_column(column, "category", ("a", "b", "c")) == Distribution(
        n_rows=5, n_missing=1, counts=(1, 2, 0)
    )


def test_of_many_categories_the_most_frequent_are_counted() -> None:
    names = [f"{number:02}" for number in range(MAX_COUNTED + 2)]
    column = pd.Series([name for name in names for _ in range(2)] + names[1:-1])

    spread = of_column(column, "category", names)

    assert spread.values == tuple(names[1:-1])
    assert spread.counts == (3,) * MAX_COUNTED
    assert spread.n_rows == 3 * MAX_COUNTED + 4


def test_truth_and_numbers_as_categories_are_plain() -> None:
    truth = pd.Series([True, None, False, True], dtype=object)
    codes = pd.Series([1, 2, 2], dtype="int32")

    assert of_column(truth, "boolean", ()).counts == (1, 2)
    assert of_column(codes, "category", (1, 2)).counts == (1, 2)


def test_of_texts_only_those_that_are_missing_are_told() -> None:
    column = pd.Series(["a b", None, "c"])

    assert of_column(column, "text", ()) == Distribution(
        n_rows=3, n_missing=1, counts=(2,)
    )


def test_a_model_file_carries_the_distributions_of_its_sample() -> None:
    X = pd.DataFrame(
        {"x": RANDOM.normal(size=500), "c": RANDOM.choice(["u", "v"], 500)}
    )
    y = 3 * X["x"] + (X["c"] == "u")
    columns = make_column_transformer(
        (StandardScaler(), ["x"]), (OneHotEncoder(), ["c"])
    )
    pipeline = make_pipeline(columns, LinearRegression()).fit(X, y)

    signature = to_onnx(pipeline, X, target="y").signature

    x, c = (feature.distribution for feature in signature.features)
    target = signature.targets[0].distribution
    assert x
    assert c
    assert target
    assert x.counts == binned(X["x"], x.edges)
    assert dict(zip(("u", "v"), c.counts, strict=True)) == Counter(X["c"])
    assert target.counts == binned(pipeline.predict(X), target.edges)
    assert len(target.edges) == 9
    assert signature.provenance.distributions == "the rows of the sample"


def test_predictions_of_labels_are_counted_by_class() -> None:
    X = pd.DataFrame({"x": np.linspace(-3, 3, 3 * MAX_PREDICTED_ROWS)})
    pipeline = make_pipeline(LogisticRegression()).fit(X, X["x"] > 1)

    (spread,) = of_predictions(Oracle(pipeline), X)

    labels = Counter(pipeline.predict(X.iloc[::3]))
    assert spread.counts == (labels[False], labels[True])
    assert spread.n_rows == MAX_PREDICTED_ROWS
