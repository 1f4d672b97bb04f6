"""Of pandas, pyarrow, scipy, the boosters and what scikit-learn has beside estimators."""

import functools
import pickle
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from scipy import sparse
from scipy.interpolate import BSpline
from sklearn.utils import Bunch
from sklearn.utils.validation import check_array

from convert.errors import Refusal
from convert.saved.build import build
from convert.saved.makers import boosters, frames, plain, scientific
from convert.saved.scan import read_pickle
from convert.saved.written import Made, Name
from tests.alike import difference

X = np.random.default_rng(3).normal(size=(40, 2))
FRAME = pd.DataFrame(
    {
        "a": [1.5, np.nan],
        "b": ["x", None],
        "c": pd.Categorical(["u", "v"]),
        "d": [1, 2],
        "f": pd.array(["é", "🎓"], dtype="string"),
    }
)


def back(thing: Any) -> Any:
    return build(read_pickle(pickle.dumps(thing)).tree)


@pytest.mark.parametrize(
    "thing",
    [
        FRAME,
        FRAME.set_index("b"),
        FRAME["a"],
        FRAME["b"].rename(("two", 1)),
        FRAME["c"],
        pd.Series(["a", "b"], dtype=object),
        pd.Index(["a", None, "ccc"]),
        pd.Index([], dtype="str"),
        pd.Index(["a", "b", "c"])[1:],
        pd.Index([1, 2], name="n"),
        pd.RangeIndex(3, 9, 2),
        pd.CategoricalDtype(["a", "b"], ordered=True),
        pd.StringDtype("python"),
        pd.NA,
        slice(1, None),
        slice("a", "b", None),
        range(3, 9, 2),
        {"a": {1, 2}, "b": frozenset({3})},
    ],
    ids=lambda thing: None,
)
def test_what_a_pipeline_keeps_of_a_table_comes_back(thing: Any) -> None:
    assert difference(back(thing), thing) == ""


@pytest.mark.parametrize(
    "thing",
    [
        sparse.csr_matrix(X.round()),
        BSpline(np.arange(8.0), np.ones((4, 2)), 3, extrapolate="periodic"),
        Bunch(a=1, b=[2]),
        functools.partial(check_array, dtype=[np.float64]),
        xgboost.XGBRegressor(n_estimators=2).fit(X, X[:, 0]).get_booster(),
        lightgbm.LGBMRegressor(n_estimators=2, verbosity=-1).fit(X, X[:, 0]).booster_,
    ],
    ids=["sparse", "spline", "bunch", "partial", "xgboost", "lightgbm"],
)
def test_what_is_made_by_a_call_comes_back(thing: Any) -> None:
    again = pickle.loads(pickle.dumps(thing))

    assert difference(back(thing), again) == ""


def matrix(**changed: Any) -> Made:
    state = {
        "_shape": (2, 3),
        "data": np.ones(3),
        "indices": np.array([0, 2, 1], "i4"),
        "indptr": np.array([0, 2, 3], "i4"),
        "maxprint": 50,
        **changed,
    }
    return Made(Name("scipy.sparse._csr", "csr_matrix"), how="new", states=[state])


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"indices": np.array([0, 3, 1], "i4")}, "indices outside of its shape"),
        ({"indices": np.array([0, -1, 1], "i4")}, "indices outside of its shape"),
        ({"indices": np.array([0, 1], "i4")}, "not one index for each value"),
        ({"indices": np.zeros(3)}, "no whole numbers"),
        ({"indptr": np.array([0, 9, 3], "i4")}, "indices outside of its shape"),
        ({"indptr": np.array([0, 2, 9], "i4")}, "of 2 rows and has not as many"),
        ({"_shape": (2**40, 3)}, "rows and has not as many"),
        ({"_shape": (-1, 3)}, "as scipy writes a sparse matrix"),
        ({"dot": 1}, "as scipy writes a sparse matrix"),
        ({"data": np.array(["a"] * 3)}, "not one index for each value"),
    ],
    ids=map(str, range(10)),
)
def test_a_sparse_matrix_that_points_outside_is_refused(
    changed: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(Refusal, match=sentence):
        scientific.compressed(matrix(**changed))


def texts(ends: list[int], content: bytes, length: int, valid: Any = None) -> Made:
    offsets = np.array(ends, "<i8").tobytes()
    given: Any = ("large_string", length, 0, 0, [valid, offsets, content], [], None)
    return Made(Name("pyarrow.lib", "_restore_array"), (given,))


def test_texts_are_decoded_one_by_one() -> None:
    found = frames.texts(texts([0, 1, 3, 3], b"a\xc3\xa9", 3, b"\x05"))

    assert found.to_pylist() == ["a", None, ""]


@pytest.mark.parametrize(
    "made",
    [
        texts([0, 9], b"ab", 1),
        texts([2, 0], b"ab", 1),
        texts([-1, 1], b"ab", 1),
        texts([0, 1], b"ab", 5),
        texts([0, 1], b"\xff", 1),
        texts([0, 1], b"a", 1, b""),
        texts([0, 1], b"a", -1),
        Made(Name("pyarrow.lib", "_restore_array"), ((1, 2),)),
    ],
    ids=map(str, range(8)),
)
def test_texts_that_lie_outside_their_bytes_are_refused(made: Made) -> None:
    with pytest.raises(Refusal):
        frames.texts(made)


@pytest.mark.parametrize(
    "state",
    [
        {"handle": 12345},
        {"handle": bytearray(b"x"), "predict": 1},
        {"handle": bytearray(b"x"), "a": [print]},
        {"handle": bytearray(b"x"), 3: 1},
        {},
    ],
    ids=map(str, range(5)),
)
def test_a_booster_has_bytes_and_never_a_pointer(state: dict[Any, Any]) -> None:
    made = Made(Name("xgboost.core", "Booster"), how="new", states=[state])

    with pytest.raises(Refusal, match=r"is a booster|writes a booster"):
        boosters.xgboost_booster(made)


@pytest.mark.parametrize(
    ("make", "arguments"),
    [
        (plain.slice_of, (1, 2)),
        (plain.slice_of, (1.5, None, None)),
        (plain.range_of, (1, 2, 0)),
        (plain.ordered_dict, ([[1, 2]],)),
        (plain.default_dict, (Name("os", "system"),)),
        (frames.index, (Name("pandas", "Index"), {"data": [1]})),
        (frames.alias, ("binary",)),
        (frames.string_dtype, ("python", 3)),
        (scientific.loss, ("a",)),
        (scientific.loss_of_many, (Name("os", "system"), 1, ())),
        (scientific.triplet, (1, 2, 3)),
        (scientific.check_array, (Name("os", "system"),)),
        (scientific.spline, (1,)),
        (scientific.bunch, (1,)),
    ],
    ids=map(str, range(14)),
)
def test_what_its_library_would_not_write_is_refused(
    make: Any, arguments: tuple[Any, ...]
) -> None:
    with pytest.raises(Refusal, match=r"is not written as|is a functools\.partial"):
        make(Made(Name("sklearn", "made"), arguments))
