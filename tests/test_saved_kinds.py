"""Kinds of values, and their spelling."""

import re
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.feature_selection import chi2
from sklearn.gaussian_process.kernels import RBF
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils import Bunch
from sklearn.utils.validation import check_array

from convert.lowering.preprocessing.function_transformer import FUNCTIONS
from convert.saved.kinds import (
    ELEMENTWISE,
    is_within,
    kind_of,
    kinds_in,
    merge,
    parse,
    spell,
)

KINDS = [
    (None, "none"),
    (True, "bool"),
    (np.True_, "bool"),
    (3, "int"),
    (np.uint8(3), "int"),
    (np.float32(3), "float"),
    ("a", "str"),
    (b"a", "bytes"),
    (bytearray(b"a"), "bytes"),
    (np.datetime64("2020"), "datetime"),
    (slice(1), "slice"),
    ([], "list[]"),
    ([1, "a", 2], "list[int|str]"),
    ((1, (2.0,)), "tuple[int|tuple[float]]"),
    ({"a": [1]}, "dict[str;list[int]]"),
    (Bunch(a=Ridge()), "bunch[str;estimator]"),
    (np.zeros((2, 2), bool), "array:number2"),
    (np.zeros(2, "float32"), "array:number1"),
    (np.zeros(2, complex), "array:complex1"),
    (np.array(["a"]), "array:text1"),
    (np.array(["a", None, 2.5, pd.NA], object), "array:text1"),
    (np.array([[Ridge()]], object), "array:objects2[estimator]"),
    (np.zeros(2, "M8[D]"), "array:date1"),
    (np.zeros(2, [("x", "i4"), ("y", "f8")]), "array:record(x,y)1"),
    (np.ma.masked_array([1], [True]), "masked:number1"),
    (np.matrix([[1]]), "a:numpy.matrix"),
    (scipy.sparse.csr_matrix((2, 2)), "sparse:csr"),
    (scipy.sparse.csc_array((2, 2)), "sparse:csc"),
    (Ridge(), "estimator"),
    (RBF(), "kernel"),
    (KFold(), "splitter"),
    (np.random.RandomState(0), "random_state"),
    (np.dtype(int), "dtype"),
    (pd.CategoricalDtype(), "dtype"),
    (np.float32, "type"),
    (str, "type"),
    (Ridge, "class:sklearn.linear_model._ridge.Ridge"),
    (pd.RangeIndex(2), "index"),
    (pd.Series([1]), "series"),
    (pd.DataFrame(), "frame"),
    (np.log1p, "elementwise"),
    (np.add, "function:numpy.add"),
    (chi2, "function:sklearn.feature_selection._univariate_selection.chi2"),
    (partial(check_array, dtype=None), "partial:sklearn.utils.validation.check_array"),
    (partial(check_array, "a.csv"), "a:functools.partial"),
    (partial(check_array, dtype=Ridge()), "a:functools.partial"),
    (lambda: None, "a:builtins.function"),
    (Ridge().fit, "a:builtins.method"),
]


@pytest.mark.parametrize(("value", "kind"), KINDS, ids=range(len(KINDS)))
def test_a_value_has_a_kind_which_can_be_read_back(value: Any, kind: str) -> None:
    assert kind_of(value) == kind
    assert spell(parse(kind)) == kind
    assert parse(kind) == kinds_in(value)


def test_a_function_is_known_only_under_the_name_that_its_module_has_it_by() -> None:
    def renamed() -> None: ...

    renamed.__module__, renamed.__name__ = "os", "system"

    assert kind_of(renamed) == "a:builtins.function"


def test_containers_have_a_bottom() -> None:
    endless: list[Any] = []
    endless.extend([endless, endless])

    assert "bottomless" in kind_of(endless)


def test_a_wide_container_in_itself_is_read_once() -> None:
    inside: list[Any] = [1]
    for _ in range(8):
        inside = [inside] * 1000

    assert kind_of(inside) == "list[" * 9 + "int" + "]" * 9


def test_unions_of_containers_are_containers_of_unions() -> None:
    union = merge(kinds_in(["a"]), kinds_in([None]))

    assert spell(union) == "list[none|str]"


@pytest.mark.parametrize(
    ("value", "allowed", "expected"),
    [
        (True, "int", True),
        (1, "float", True),
        (1.0, "int", False),
        ("a", "plain", True),
        ({"a": [np.zeros((2, 2)), None]}, "plain", True),
        ([Ridge()], "plain", False),
        (np.zeros(2, [("x", "i4")]), "plain", False),
        ([], "list[str]", True),
        (["a", 1], "list[str]", False),
        (np.zeros((1, 1)), "array:number1", False),
        (DecisionTreeRegressor(), "estimator|none", True),
    ],
)
def test_a_value_is_within_what_is_allowed(
    value: Any, allowed: str, expected: bool
) -> None:
    assert is_within(kinds_in(value), parse(allowed)) is expected


def test_every_function_that_is_converted_is_elementwise() -> None:
    kinds = {kind_of(function) for function in FUNCTIONS}

    assert kinds == {"none", "elementwise"}


def test_elementwise_functions_are_numpys_own() -> None:
    there = {name for name in ELEMENTWISE if hasattr(np, name)}

    assert {name for name in there if not re.search("round_", name)} >= {"log1p", "exp"}
    assert all(kind_of(getattr(np, name)) == "elementwise" for name in there - {"abs"})
