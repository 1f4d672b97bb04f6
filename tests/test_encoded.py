import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from convert.encoded import encoded_columns, fill_values, text_columns

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
