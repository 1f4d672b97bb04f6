import io
import pickle
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as arrays

from convert.saved.damage import Damaged
from convert.saved.npy import MAX_HEADER_BYTES, read_npy, write_dtype
from convert.saved.scan import Findings, read_pickle
from convert.saved.written import Name
from tests.rebuilt import rebuilt

RECORD = np.dtype([("a", "<i4", (2,)), ("b", [("c", "U3"), ("d", ">f8")])])
WITH_GAPS = np.dtype({"names": ["x", "y"], "formats": ["u1", "f8"], "offsets": [0, 8]})


def saved(array: Any, version: tuple[int, int] = (1, 0)) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asanyarray(array), version, allow_pickle=False)
    return file.getvalue()


def header(text: str, version: int = 1, **changes: Any) -> bytes:
    encoded = text.encode("utf-8" if version == 3 else "latin-1")
    form = "<H" if version == 1 else "<I"
    length = struct.pack(form, changes.get("n_bytes", len(encoded)))
    return b"\x93NUMPY" + bytes([version, 0]) + length + encoded


def described(descr: str, order: str = "False", shape: str = "(2,)") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}"


def damage(content: bytes) -> str:
    with pytest.raises(Damaged) as damaged:
        read_npy(content, Name)
    return str(damaged.value)


@given(
    array=arrays.arrays(
        arrays.scalar_dtypes() | arrays.nested_dtypes(max_leaves=4),
        arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
    )
)
def test_an_array_is_what_numpy_loads(array: Any) -> None:
    content = saved(array, (3, 0))

    again = rebuilt(read_npy(content, Findings().find))

    expected = np.load(io.BytesIO(content))
    assert again.dtype == expected.dtype
    assert again.tobytes() == expected.tobytes()
    assert again.shape == expected.shape


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6).reshape(2, 3),
        np.arange(6).reshape(2, 3).T,
        np.zeros(2, RECORD),
        np.zeros(2, WITH_GAPS),
        np.array(["naïve", "🎓"]),
        np.array(["2026-11-26"], "M8[s]"),
        np.zeros((0, 3)),
        np.array(2.5),
    ],
    ids=range(8),
)
@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)], ids=str)
def test_every_version_of_the_format_is_read(
    array: Any, version: tuple[int, int]
) -> None:
    content = saved(array, version)

    read = read_npy(content, Findings().find)

    np.testing.assert_array_equal(rebuilt(read), array, strict=True)
    is_fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    assert read.order == ("F" if is_fortran else "C")


def test_the_name_of_a_field_may_be_any_text() -> None:
    array = np.zeros(1, [("größe 🎓", "f8")])

    content = saved(array, (3, 0))

    assert rebuilt(read_npy(content, Findings().find)).dtype == array.dtype


@pytest.mark.parametrize("dtype", [RECORD, WITH_GAPS, "M8[25s]", "O", ">U3"], ids=str)
def test_a_dtype_is_written_as_a_pickle_has_it(dtype: Any) -> None:
    pickled = read_pickle(pickle.dumps(np.dtype(dtype), protocol=4)).tree

    assert repr(write_dtype(np.dtype(dtype), Name)) == repr(pickled)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello, this is no array",
        saved(np.zeros(2))[:12],
        b"\x93NUMPY\x04\x00" + bytes(20),
        b"\x93numpy" + saved(np.zeros(2))[6:],
    ],
    ids=["empty", "text", "short", "version", "magic"],
)
def test_what_numpy_did_not_write_is_damaged(content: bytes) -> None:
    assert damage(content) == "an array in it is not as numpy writes one"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 300,
        "[1, 2]",
        "{[]: 1}",
        "{'descr': '<f8', 'shape': (2,)}",
        described("3"),
        described("'<f8'", order="1"),
        described("'<f8'", shape="[2]"),
        described("__import__('os').getcwd()"),
        described("'<f8'", shape="(1 / 2,)"),
        described("'<f8'", shape="(" + "9" * 5000 + ",)"),
        "\0",
    ],
    ids=range(13),
)
def test_a_header_that_is_none_is_damaged(text: str) -> None:
    assert damage(header(text) + bytes(16)) == (
        "the header of an array in it makes no sense"
    )


def test_a_header_that_is_no_text_is_damaged() -> None:
    content = header(described("'<f8'"), version=3).replace(b"<f8", b"\xff\xfe\xfd")

    assert damage(content + bytes(16)) == "the header of an array in it makes no sense"


def test_a_header_may_be_as_long_as_numpy_reads_one() -> None:
    text = described("'<f8'")

    longest = header(text.ljust(MAX_HEADER_BYTES)) + bytes(16)

    np.testing.assert_array_equal(np.load(io.BytesIO(longest)), np.zeros(2))
    np.testing.assert_array_equal(rebuilt(read_npy(longest, Name)), np.zeros(2))
    longer = header(text.ljust(MAX_HEADER_BYTES + 1)) + bytes(16)
    with pytest.raises(ValueError, match="Header info length"):
        np.load(io.BytesIO(longer))
    assert damage(longer) == "the header of an array in it has 10001 bytes"


@pytest.mark.parametrize(
    "descr", ["'nonsense'", "[('a',)]", "[('a', '<f8'), ('a', '<f8')]", "('<f8',)"]
)
def test_a_dtype_that_is_none_is_damaged(descr: str) -> None:
    assert damage(header(described(descr)) + bytes(16)) == (
        "an array in it is of no dtype that numpy writes"
    )


@pytest.mark.parametrize("descr", ["'|O'", "[('a', '<f8'), ('b', '|O')]"])
def test_an_array_of_objects_is_damaged(descr: str) -> None:
    assert damage(header(described(descr)) + bytes(16)) == (
        "an array in it says that it has Python objects"
    )


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        ("(-1,)", "an array in it has a length below zero"),
        ("(2.0,)", "an array in it has a length that is no number"),
        ("(True,)", "an array in it has a length that is no number"),
        ("(3,)", "an array in it is longer or shorter than its shape"),
        ("(1,)", "an array in it is longer or shorter than its shape"),
        ("(2**62,)", "the header of an array in it makes no sense"),
        (f"({2**62},)", "an array in it is longer or shorter than its shape"),
        (f"({2**62}, 4, 0)", "an array in it is longer or shorter than its shape"),
    ],
)
def test_a_shape_that_the_values_do_not_have_is_damaged(
    shape: str, sentence: str
) -> None:
    assert damage(header(described("'<f8'", shape=shape)) + bytes(16)) == sentence
