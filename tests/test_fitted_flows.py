import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler

from convert.fitted.flows import flows

FRAME = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 5.0], "t": ["x", "y"]})


def test_each_step_is_found_with_the_columns_that_reach_it() -> None:
    steps = make_pipeline(
        make_column_transformer(
            (make_pipeline(SimpleImputer(), StandardScaler()), ["a"]),
            (OneHotEncoder(), ["t"]),
            remainder="passthrough",
        ),
        PolynomialFeatures(),
    ).fit(FRAME)

    found, raw = flows(steps, [str(name) for name in FRAME])

    assert [(type(each.transformer).__name__, each.reads) for each in found] == [
        ("SimpleImputer", ("a",)),
        ("StandardScaler", ("a",)),
        ("OneHotEncoder", ("t",)),
        ("PolynomialFeatures", ("a", "b", "t")),
    ]
    assert raw == {"a", "b"}


def test_behind_a_union_every_column_may_reach_a_column_transformer() -> None:
    inner = make_column_transformer((PolynomialFeatures(), [0]))
    numbers = FRAME[["a", "b"]]
    both = make_union(StandardScaler(), StandardScaler())
    steps = make_pipeline(both, inner).fit(numbers)

    found, _ = flows(steps, ["a", "b"])

    assert found[-1].reads == ("a", "b")
