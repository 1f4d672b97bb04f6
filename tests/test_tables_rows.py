from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from convert.errors import Refusal
from convert.tables.rows import frame_of

HOMES = pd.DataFrame({"area": [40.0, 70.5], "lift": ["yes", "no"]})


class Arrow:
    """Stands for a frame of another library, as polars': it turns into pandas' one."""

    def to_pandas(self) -> pd.DataFrame:
        return HOMES


@pytest.mark.parametrize(
    "rows",
    [
        HOMES,
        HOMES.set_index("lift", drop=False),
        Arrow(),
        HOMES.to_dict("records"),
        HOMES.to_numpy(),
        HOMES.to_numpy().tolist(),
    ],
    ids=["frame", "index", "polars", "records", "array", "lists"],
)
def test_rows_of_any_kind_become_one_frame(rows: Any) -> None:
    pd.testing.assert_frame_equal(frame_of(rows, ["area", "lift"]), HOMES)


def test_columns_without_names_are_numbered() -> None:
    by_position = frame_of(np.zeros((1, 2)))
    by_number = frame_of(pd.DataFrame(np.zeros((1, 2))))

    assert [list(by_position), list(by_number)] == [["x0", "x1"], ["0", "1"]]


@pytest.mark.parametrize(
    "rows", [["a b", "c"], pd.Series(["a b", "c"]), np.array(["a b", "c"])]
)
def test_texts_are_one_column(rows: Any) -> None:
    frame = frame_of(rows)

    assert (list(frame), frame.iloc[:, 0].tolist()) == (["text"], ["a b", "c"])


REFUSED: dict[str, tuple[Any, str]] = {
    "nothing": (None, "X is a NoneType: give a DataFrame with a column for each that"),
    "a name": ("homes.csv", "X is a str: give a DataFrame"),
    "a sparse matrix": (
        sparse.csr_matrix((2, 2)),
        r"X is a sparse csr_matrix: give it \.toarray",
    ),
    "numbers": (
        pd.Series([1.0]),
        r"X\.to_frame\(\) if it is a column, or X\.to_frame\(\)\.T if",
    ),
    "a row": (
        [1.0, 2.0],
        r"X has 1 dimensions and rows have 2: give it the shape \(n_rows",
    ),
    "ragged": ([[1.0], [1.0, 2.0]], "X has 1 dimensions and rows have 2"),
    "a cube": (np.zeros((1, 1, 1)), "X has 3 dimensions and rows have 2"),
    "too few": (
        np.zeros((1, 1)),
        "X has 1 columns and the pipeline was fitted on 2: area, lift",
    ),
    "levels": (
        pd.DataFrame(np.zeros((1, 1)), columns=pd.MultiIndex.from_tuples([("a", "b")])),
        "X has columns with 2 levels",
    ),
    "doubled": (
        pd.DataFrame(np.zeros((1, 2)), columns=[1, "1"]),
        "X has two columns '1'",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_rows_is_refused_with_what_is_wanted(kind: str) -> None:
    rows, sentence = REFUSED[kind]

    with pytest.raises(Refusal, match=sentence):
        frame_of(rows, ["area", "lift"])
