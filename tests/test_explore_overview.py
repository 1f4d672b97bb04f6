from typing import Any

import pandas as pd
import pytest

from convert.explore.columns import read_columns
from convert.explore.overview import Remark, leaks, remarks


def remark_on(values: Any) -> list[str]:
    return [
        remark.text for remark in remarks(read_columns(pd.DataFrame({"a": values})))
    ]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([1, 2, 3, 4], []),
        ([None, None], ["has no values"]),
        ([5, 5, 5], ["is constant: it cannot explain anything"]),
        (
            [1.5, 2.5, 3.5, None, None, None, None],
            ["is missing in 57\u00a0% of the rows"],
        ),
        (
            [1, 2, 3, 4, 5, 6, 7, 8, 9, -999],
            [
                "is −999 in 1 row, far from the rest: it may stand for a missing value",
            ],
        ),
        (
            [1, 2, 3, 4, 5, 6, 7, 8, 9, 400],
            [
                "has 1 value far out (below −10.2 or above 21.2, three quartile ranges "
                "beyond the quartiles)"
            ],
        ),
        (
            [1.0, 2.0, 3.0, float("inf")],
            ["has 1 value infinite or beyond 1e+100, counted as missing"],
        ),
        (["x", "y", "N/A"], ["contains “N/A”, which may stand for a missing value"]),
        (
            ["male", "Male", "female "],
            [
                "has spaces around 1 value",
                "spells “male” in more than one way (spaces or capitals)",
            ],
        ),
        (
            ["1", "2", "3", "4", "5 or so"],
            ["would be a number but for “5 or so”; as it is, it is read as text"],
        ),
        (
            [f"key {index}" for index in range(30)],
            [
                "is near-unique (30 different values in 30 rows): it names rows, and is "
                "left out of the comparisons"
            ],
        ),
    ],
)
def test_what_is_odd_is_said(values: Any, texts: list[str]) -> None:
    assert remark_on(values) == texts


def test_the_word_none_is_a_category_like_any_other() -> None:
    assert remark_on(["none", "completed", "none"]) == []


def test_feature_that_repeats_the_target_is_a_suspect() -> None:
    frame = pd.DataFrame(
        {
            "score": range(0, 120, 2),
            "percent": [value / 1.2 for value in range(0, 120, 2)],
            "other": [value * 37 % 11 for value in range(60)],
        }
    )
    score, *features = read_columns(frame)

    assert leaks(features, score) == [
        Remark(
            "percent",
            "all but repeats the target (r = 1.00): check that it is known before the "
            "target is",
        )
    ]
