import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joblib.numpy_pickle import NumpyArrayWrapper

from convert.errors import Refusal
from convert.saved.budget import Spending
from convert.saved.damage import Damaged
from convert.saved.joblib_array import (
    Layout,
    count_bytes,
    count_items,
    has_objects,
    is_wrapper,
    read_layout,
    read_shape,
)
from convert.saved.machine import Machine
from convert.saved.scan import Findings, read_pickle
from convert.saved.written import Made, Name

DTYPES = ["f8", "?", "<i2", ">u4", "c16", "<U7", "S3", "M8[D]", "V5", "i4,U3,f8", "O"]
NESTED = [("a", "f8"), ("b", [("c", "O")])]


def written(thing: Any) -> Any:
    """Return the tree of what numpy or joblib pickles."""
    return read_pickle(pickle.dumps(thing)).tree


def wrapped(array: Any, alignment: int | None = 16) -> Made:
    """Return joblib's own wrapper of an array, without the array."""
    order = "C" if array.flags.c_contiguous else "F"
    wrapper = NumpyArrayWrapper(
        type(array),
        array.shape,
        order,
        array.dtype,
        numpy_array_alignment_bytes=alignment,
    )
    content = pickle.dumps(wrapper)
    made: Made = Machine(content, Findings(), Spending(1000), is_nested=True).run()
    return made


def number(kind: str, value: bytes) -> Made:
    """Return a number of numpy, as it stands in a pickle."""
    dtype = Made(Name("numpy", "dtype"), (kind, False, True))
    return Made(Name("numpy._core.multiarray", "scalar"), (dtype, value))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 5), (4, 3)], ids=str)
def test_a_layout_takes_as_many_bytes_as_numpy(
    dtype: str, shape: tuple[int, ...]
) -> None:
    array = np.zeros(shape, dtype)

    layout = read_layout(wrapped(array))

    assert (layout.shape, layout.order, layout.is_padded) == (shape, "C", True)
    assert layout.n_bytes == array.nbytes


def test_the_order_and_the_padding_are_the_writers() -> None:
    transposed = np.arange(6.0).reshape(2, 3).T

    layout = read_layout(wrapped(transposed, alignment=None))

    assert layout == Layout(layout.dtype, (3, 2), "F", is_padded=False)
    assert type(layout.dtype) is Made


@pytest.mark.parametrize("dtype", [*DTYPES, NESTED, ("O", (2,))], ids=str)
def test_a_dtype_has_objects_where_numpy_says_so(dtype: Any) -> None:
    array: Any = np.zeros(1, dtype)

    assert has_objects(written(array.dtype)) is array.dtype.hasobject


@pytest.mark.parametrize(
    "dtype",
    [
        Name("numpy", "float64"),
        "f8",
        Made(Name("numpy", "dtype"), ("f8",)),
        Made(Name("numpy", "dtype"), ("f",), states=[(3, "<", 0, 0, 0, 1, 1, 0)]),
        Made(Name("numpy", "dtype"), ("f8",), states=[(3, "<")]),
        Made(Name("numpy", "dtype"), (8,), states=[(3, "<", 0, 0, 0, 1, 1, 0)]),
        Made(Name("numpy", "ndarray"), ("f8",), states=[(3, "<", 0, 0, 0, 1, 1, 0)]),
        Made(Name("numpy", "dtype"), ("f٨",), states=[(3, "<", 0, 0, 0, 1, 1, 0)]),
    ],
    ids=range(8),
)
def test_what_numpy_does_not_write_of_a_dtype_is_damaged(dtype: Any) -> None:
    with pytest.raises(Damaged) as damaged:
        has_objects(dtype)

    assert str(damaged.value) == "an array in it is of no dtype that numpy writes"


@given(shape=st.lists(st.integers(0, 2**70), max_size=9))
def test_items_are_counted_up_to_what_no_machine_has(shape: list[int]) -> None:
    assert count_items(tuple(shape)) == min(math.prod(shape), 2**60)


@pytest.mark.parametrize("kind", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_a_length_may_be_a_number_of_numpy(kind: str) -> None:
    lengths = [np.array(100, kind)[()], np.array(0, kind)[()]]

    assert read_shape((written(lengths[0]), 7, written(lengths[1]))) == (100, 7, 0)
    assert read_shape((number("i2", b"\x00\x01"),)) == (256,)
    assert read_shape((number("u1", b"\xff"),)) == (255,)


def test_an_array_may_have_as_many_dimensions_as_numpy_gives_one() -> None:
    array: Any = np.zeros((1,) * 64)

    assert read_layout(wrapped(array)).shape == array.shape


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        ([3], "an array in it has no shape"),
        (None, "an array in it has no shape"),
        ((1,) * 65, "an array in it has no shape"),
        ((3, -1), "an array in it has a length below zero"),
        ((number("i1", b"\xff"),), "an array in it has a length below zero"),
        ((2.0,), "an array in it has a length that is no number"),
        ((True,), "an array in it has a length that is no number"),
        ((number("i8", b"\x01"),), "an array in it has a length that is no number"),
        ((number("f8", bytes(8)),), "an array in it has a length that is no number"),
        ((number("i3", bytes(3)),), "an array in it has a length that is no number"),
    ],
    ids=range(10),
)
def test_a_shape_that_is_none_is_damaged(shape: Any, sentence: str) -> None:
    with pytest.raises(Damaged) as damaged:
        read_shape(shape)

    assert str(damaged.value) == sentence


def test_a_million_items_of_no_bytes_are_the_most() -> None:
    assert count_bytes((1000, 1000), 0) == 0
    with pytest.raises(Damaged) as damaged:
        count_bytes((1000, 1001), 0)

    assert str(damaged.value) == "an array in it has 1001000 items of no bytes"


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ({"dtype": 1, "shape": ()}, "its instructions make no sense"),
        ([("dtype", 1)], "its instructions make no sense"),
        (
            {"dtype": 1, "shape": (), "order": "K"},
            "an array in it is in no order that numpy has",
        ),
    ],
    ids=["order missing", "no dict", "order"],
)
def test_what_joblib_does_not_write_of_an_array_is_damaged(
    state: Any, sentence: str
) -> None:
    with pytest.raises(Damaged) as damaged:
        read_layout(Made(Name("a", "b"), states=[state]))

    assert str(damaged.value) == sentence


def test_the_wrapper_of_joblib_alone_is_followed_by_an_array() -> None:
    array = np.zeros(2)

    assert is_wrapper(wrapped(array))
    assert not is_wrapper(Made(Name("joblib.numpy_pickle", "NumpyPickler")))
    assert not is_wrapper(Made(wrapped(array)))


@pytest.mark.parametrize("module", ["numpy_pickle", "numpy_pickle_compat"])
@pytest.mark.parametrize("name", ["NDArrayWrapper", "ZNDArrayWrapper"])
def test_the_wrapper_of_an_old_joblib_is_refused(module: str, name: str) -> None:
    with pytest.raises(Refusal) as refusal:
        is_wrapper(Made(Name(f"joblib.{module}", name)))

    assert str(refusal.value) == (
        "a joblib before 0.10 wrote it, which kept arrays in files of their own: load "
        "it with that one, and save it again with a newer"
    )
