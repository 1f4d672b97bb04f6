from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression
from sklearn.metrics import make_scorer, r2_score
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from convert.saved.kinds import CONSTANTS, is_within, kinds_in, parse, spell
from convert.saved.wider import widened, widened_parameter

ROWS = np.array([[1.0, 5.0], [2.0, 3.0], [4.0, 1.0], [3.0, 2.0]])
NUMBER = ROWS[:, 0]
WORDS = np.array([["a"], ["b"], ["a"], ["c"]])
DAYS = np.array(["2026-11-26", "2026-11-27"] * 2, "M8[D]").reshape(-1, 1)
MIXED = np.array([["a"], ["b"], [np.nan], ["a"]], object)

SOME = [
    *(None, True, 3, 2.5, "a", np.datetime64("2026-11-26"), [1, 2], ["a"], []),
    *(np.zeros(n_dimensions * (1,)) for n_dimensions in range(4)),
    *(np.array(["a"]), np.array([["a"]]), np.array(["2026"], "M8[Y]")),
    *(np.array([LinearRegression()]), {"a": 1}, scipy.sparse.csr_matrix((1, 2))),
]
KINDS = st.recursive(
    st.sampled_from([*CONSTANTS.values(), "array:number1", "array:text2", "estimator"]),
    lambda inner: st.one_of(
        inner.map("list[{}]".format), inner.map("dict[str;{}]".format)
    ),
    max_leaves=3,
)


def is_taken(name: str, seen: Any, other: Any, *, is_indexed: bool = False) -> bool:
    """Whether an attribute may be a value, of which another was seen."""
    allowed = widened(name, kinds_in(seen), is_indexed=is_indexed)
    return is_within(kinds_in(other), allowed)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (LinearRegression().fit(ROWS, NUMBER), LinearRegression().fit(ROWS, ROWS)),
        (LinearRegression().fit(ROWS, ROWS), LinearRegression().fit(ROWS, NUMBER)),
        (
            StandardScaler().fit(ROWS),
            StandardScaler(with_mean=False, with_std=False).fit(ROWS),
        ),
        (OneHotEncoder().fit(WORDS), OneHotEncoder().fit(ROWS)),
        (OneHotEncoder().fit(ROWS), OneHotEncoder().fit(DAYS)),
        (OrdinalEncoder().fit(ROWS), OrdinalEncoder().fit(MIXED)),
        (
            OneHotEncoder().fit(WORDS),
            OneHotEncoder(drop="first", min_frequency=2).fit(WORDS),
        ),
        (
            LogisticRegression().fit(ROWS, [0, 1, 0, 1]),
            LogisticRegression().fit(ROWS, ["a", "b", "c", "a"]),
        ),
        (
            LogisticRegression().fit(ROWS, [0, 1, 0, 1]),
            LogisticRegression().fit(ROWS, [0, 1, 0, 1]).sparsify(),
        ),
    ],
    ids=range(9),
)
def test_what_one_fit_left_allows_what_another_leaves(one: Any, other: Any) -> None:
    learnt = {n for n in vars(one) if n.endswith("_")} & vars(other).keys()

    assert learnt
    assert [
        name
        for name in learnt
        if not is_taken(name, vars(one)[name], vars(other)[name])
    ] == []


@given(seen=st.lists(KINDS, min_size=1, max_size=3), is_indexed=st.booleans())
@pytest.mark.parametrize("name", ["a", "classes_", "coef_"])
def test_what_was_seen_is_taken(name: str, seen: list[str], is_indexed: bool) -> None:
    union = parse("|".join(seen))

    assert is_within(union, widened(name, union, is_indexed=is_indexed))
    assert is_within(union, widened_parameter(union))


@pytest.mark.parametrize("is_indexed", [False, True])
def test_an_attribute_that_was_never_set_may_be_anything_plain(
    is_indexed: bool,
) -> None:
    taken = [is_taken("a", None, value, is_indexed=is_indexed) for value in SOME]

    assert taken == [True] * 16 + [False, True, False]


@pytest.mark.parametrize(
    ("name", "seen", "is_indexed", "allowed"),
    [
        ("a", "int", True, "bool|float|int|none"),
        (
            "a",
            "int",
            False,
            "array:number0|array:number1|bool|float|int|list[bool|float|int|none]|none",
        ),
        ("a", "array:number2", True, "array:number2"),
        (
            "a",
            "array:number2",
            False,
            "array:number0|array:number1|array:number2|array:number3|bool|float|int"
            "|none",
        ),
        (
            "a",
            "array:text1",
            False,
            "array:text0|array:text1|array:text2|array:text3",
        ),
        (
            "a",
            "array:complex2",
            False,
            "array:complex0|array:complex1|array:complex2|array:complex3",
        ),
        (
            "a",
            "array:objects1[estimator]",
            False,
            "array:objects0[estimator]|array:objects1[estimator]"
            "|array:objects2[estimator]|array:objects3[estimator]",
        ),
        ("a", "str", True, "NA|bool|datetime|float|int|none|str"),
        ("a", "list[]", True, "list[plain]"),
        ("a", "list[int]", True, "list[bool|float|int|none]"),
        ("a", "estimator", False, "estimator"),
        ("a", "array:record(x)1", False, "array:record(x)1"),
        ("a", "sparse:csr", False, "sparse:csr"),
        ("coef_", "array:number2", True, "array:number2|sparse:csr"),
        ("coef_", "array:number1", True, "array:number1"),
        ("recoef_", "array:number2", True, "array:number2"),
        ("_y", "int", True, "NA|bool|datetime|float|int|none|str"),
        (
            "label_",
            "dict[int;int]",
            True,
            "dict[bool|float|int|none;bool|float|int|none]",
        ),
        (
            "classes_",
            "none|estimator",
            True,
            "NA|bool|datetime|estimator|float|int|none|str",
        ),
        (
            "categories_",
            "list[array:text1]",
            True,
            "list[array:date1|array:date2|array:number1|array:number2|array:text1"
            "|array:text2|list[array:date1|array:date2|array:number1|array:number2"
            "|array:text1|array:text2]]",
        ),
    ],
)
def test_a_union_becomes_its_family(
    name: str, seen: str, is_indexed: bool, allowed: str
) -> None:
    assert spell(widened(name, parse(seen), is_indexed=is_indexed)) == allowed


@pytest.mark.parametrize(
    "seen",
    [GradientBoostingRegressor(), [1, 2], np.zeros(2), np.array(["a"])],
    ids=range(4),
)
@pytest.mark.parametrize(
    "other",
    [np.log1p, r2_score, b"a", np.zeros(1, [("x", "i4")]), np.array([Lasso()])],
    ids=range(5),
)
def test_what_can_be_called_or_is_another_thing_is_not_taken(
    seen: Any, other: Any
) -> None:
    for name in ("a", "classes_", "coef_"):
        assert not is_taken(name, seen, other)


@pytest.mark.parametrize(
    ("seen", "allowed"),
    [
        ("int", "int|plain"),
        ("none|list[estimator]", "list[estimator|plain]|none|plain"),
        ("scorer", "dict[plain|str;plain|scorer]|plain|scorer"),
    ],
)
def test_a_parameter_may_be_any_constant_too(seen: str, allowed: str) -> None:
    assert spell(widened_parameter(parse(seen))) == allowed


def test_several_scorers_have_names() -> None:
    allowed = widened_parameter(kinds_in(make_scorer(r2_score)))

    assert is_within(kinds_in({"r2": make_scorer(r2_score)}), allowed)
    assert is_within(kinds_in(["r2", "max_error"]), allowed)
    assert not is_within(kinds_in([make_scorer(r2_score)]), allowed)
