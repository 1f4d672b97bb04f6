from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)

from convert.errors import Refusal
from convert.fitted.columns import (
    chosen_columns,
    encoded_columns,
    fill_values,
    open_columns,
    text_columns,
)
from convert.fitted.own import name_of
from tests.encoders import Length

FRAME = pd.DataFrame(
    {
        "n": [1.0, 2.0, 4.0],
        "w": ["b", "a", "b"],
        "t": ["xx yy", "yy", "zz xx"],
        "k": [3, 1, 3],
    }
)
COLUMNS = [str(name) for name in FRAME]


def test_categories_come_from_the_encoder_that_reads_the_column() -> None:
    made = ColumnTransformer(
        [
            (
                "w",
                make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()),
                ["w"],
            ),
            ("k", OrdinalEncoder(), [3]),
            ("t", TfidfVectorizer(), "t"),
            ("n", SimpleImputer(), ["n"]),
        ]
    ).fit(FRAME)

    assert encoded_columns(made, FRAME) == {"w": ("a", "b"), "k": (1, 3)}
    assert text_columns(made, COLUMNS) == {"t"}
    assert fill_values(made, COLUMNS) == {"w": "b", "n": 7 / 3}


def test_a_text_column_that_no_encoder_reads_alone_has_the_values_of_the_frame() -> (
    None
):
    frame = FRAME[["w"]]
    union = FeatureUnion([("a", OneHotEncoder()), ("b", OrdinalEncoder())]).fit(frame)

    assert encoded_columns(union, frame) == {"w": ("a", "b")}
    assert encoded_columns("passthrough", frame) == {"w": ("a", "b")}


def test_positions_count_the_columns_that_were_fitted_on() -> None:
    made = ColumnTransformer([("w", OneHotEncoder(), [1])]).fit(FRAME)

    assert encoded_columns(made, FRAME[["w", "k"]]) == {"w": ("a", "b")}


def test_a_slice_of_names_holds_its_last_as_in_pandas() -> None:
    for chosen in (slice("n", "t"), slice("t"), slice("w", None), slice(0, 2)):
        made = ColumnTransformer([("w", "passthrough", chosen)]).fit(FRAME)

        assert chosen_columns(made, COLUMNS, chosen) == [
            name.removeprefix("w__") for name in made.get_feature_names_out()
        ]


def test_an_encoder_behind_a_function_does_not_tell_what_its_column_holds() -> None:
    halves = FunctionTransformer(lambda X: X.map(lambda word: word[:2]))
    made = make_pipeline(halves, OneHotEncoder()).fit(FRAME[["t"]])

    assert encoded_columns(made, FRAME[["t"]]) == {"t": ("xx yy", "yy", "zz xx")}


def as_it_is(X: pd.DataFrame) -> pd.DataFrame:
    return X


def opened(made: Any) -> dict[str, str]:
    found = open_columns(made.fit(FRAME, [0, 1, 2]), COLUMNS)
    return {name: name_of(step) for name, step in found.items()}


FILLED = SimpleImputer(strategy="most_frequent")
ANYBODYS = FunctionTransformer(as_it_is)


def test_columns_that_reach_what_is_not_scikit_learn_s_are_open() -> None:
    made = ColumnTransformer(
        [
            ("t", make_pipeline(FILLED, ANYBODYS), [2]),
            ("w", FeatureUnion([("own", OneHotEncoder()), ("l", Length())]), ["w"]),
            ("n", make_pipeline(StandardScaler(), "passthrough"), ["n"]),
            ("k", FunctionTransformer(np.log1p), ["k"]),
        ]
    )

    assert opened(made) == {"t": "as_it_is", "w": "Length"}


def test_behind_what_mixes_columns_each_of_them_is_open() -> None:
    first = ColumnTransformer([("n", "passthrough", ["n"]), ("w", FILLED, ["w"])])
    second = ColumnTransformer([("second", ANYBODYS, [1])])

    assert opened(make_pipeline(first, second)) == dict.fromkeys(COLUMNS, "as_it_is")


def test_categories_that_json_cannot_tell_apart_are_refused() -> None:
    frame = pd.DataFrame({"n": [2**53 - 1, 2**53, 1]})
    encoder = OneHotEncoder().fit(frame)

    with pytest.raises(Refusal, match="'n' has the category 9007199254740992"):
        encoded_columns(make_pipeline(encoder), frame)

    assert encoded_columns(make_pipeline(encoder.fit(frame[::2])), frame) == {
        "n": (1, 2**53 - 1)
    }
