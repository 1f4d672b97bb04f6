import io
import pickle
from typing import Any

import dill
import joblib
import numpy as np
import pytest

from convert.errors import Refusal
from convert.saved.build import build
from convert.saved.makers import arrays
from convert.saved.scan import read_pickle
from convert.saved.written import Made, Name, RawArray
from tests.alike import difference

F8 = np.dtype("f8")
NDARRAY = Name("numpy", "ndarray")


def dumped(thing: Any) -> bytes:
    file = io.BytesIO()
    joblib.dump(thing, file)
    return file.getvalue()


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12.0).reshape(3, 4),
        np.asfortranarray(np.arange(12).reshape(3, 4)),
        np.arange(3, dtype=">f4"),
        np.zeros((0, 4)),
        np.array(7.5),
        np.array(["a", "bcd"]),
        np.array(["a", None, 1.5], dtype=object),
        np.asfortranarray(np.array([["a", 1, None], [2, "b", "c"]], dtype=object)),
        np.array(["2026-11-21", "NaT"], dtype="M8[D]"),
        np.array([(1, 2.5)], dtype=[("a", "u1"), ("b", "f8")]),
        np.array([(1, 2.5)], dtype=np.dtype([("a", "u1"), ("b", "f8")], align=True)),
        np.ma.MaskedArray([1, 2], [False, True]),
        np.float32(2.5),
        np.str_("text"),
        np.datetime64("2026-11-21"),
        np.random.RandomState(3),
        np.random.default_rng(3),
        np.random.SeedSequence(7, spawn_key=(1,)),
    ],
)
def test_what_numpy_wrote_comes_back_as_it_was(array: Any) -> None:
    picklers = (pickle.dumps, dill.dumps, lambda a: pickle.dumps(a, 2), dumped)
    for pickled in (pickler(array) for pickler in picklers):
        assert difference(build(read_pickle(pickled).tree), array) == ""


DTYPES: list[Any] = [
    *["f8", ">f4", "?", "O", "U12", "S3", "M8[ns]", "m8[25s]", "V7"],
    [("a", "<i8"), ("b", "f4")],
    {"names": ["a", "b"], "formats": ["u1", "f8"], "offsets": [0, 1], "itemsize": 16},
]


@pytest.mark.parametrize("kind", DTYPES)
@pytest.mark.parametrize("align", [False, True])
def test_a_dtype_comes_back(kind: Any, align: bool) -> None:
    if isinstance(kind, dict) and align:
        kind = {**kind, "offsets": [0, 8]}
    honest = np.dtype(kind, align=align)
    _, arguments, state = honest.__reduce__()

    made = arrays.dtype(Made(Name("numpy", "dtype"), arguments, states=[state]))

    assert made == honest
    assert made.isalignedstruct == honest.isalignedstruct


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("O8", (3, "|", None, None, None, -1, -1, 0)),  # objects without a count
        ("u8", (3, "|", None, None, None, -1, -1, 63)),
        ("U3", (3, "<", None, None, None, 4096, 4, 8)),
        ("V8", (3, "|", (np.dtype("O"), (1,)), None, None, 8, 8, 0)),
        ("V8", (3, "|", None, None, None, -8, 1, 0)),
        ("V8", (3, "|", None, ("a",), {"a": (np.dtype("O"), 0)}, 4, 1, 0)),
        ("f8", (3, "<")),
        ("f8,f8", (3, "<", None, None, None, -1, -1, 0)),
        ("Q" * 30, None),
    ],
)
def test_a_dtype_that_numpy_would_not_write_is_refused(kind: str, state: Any) -> None:
    with pytest.raises(Refusal, match="numpy would not have written"):
        arrays.dtype(Made(Name("numpy", "dtype"), (kind, False, True), states=[state]))


@pytest.mark.parametrize(
    ("shape", "kind", "values", "sentence"),
    [
        ((2,), F8, bytes(15), "is an array of 2 values of 8 bytes and has 15 bytes"),
        ((2**62,), F8, bytes(8), "is an array with a length of 4611686018427387904"),
        ((-1, -2), F8, bytes(16), "is an array with a length of -1"),
        ((2.0,), F8, bytes(16), "is an array whose shape is no numbers"),
        ((1,) * 40, F8, bytes(8), "is an array of 40 dimensions"),
        ((2,), np.dtype("O"), ["a"], "is an array of 2 objects and has 1 of them"),
        ((1,), np.dtype("O"), [print], "is an array of objects that holds a builtin"),
        ((1,), np.dtype("O"), bytes(8), "is not written as numpy writes an array"),
        ((4,), np.dtype("V0"), b"", "is an array of 4 values of 0 bytes"),
        ((1,), np.dtype("?"), b"\x02", "is an array of truth values and has others"),
        ((1,), np.dtype("U1"), b"\xff" * 4, "is an array of text and has what is no"),
        ((1,), np.dtype([("a", "?")]), b"\x07", "is an array of truth values and has"),
    ],
)
def test_an_array_that_is_not_what_it_says_is_refused(
    shape: Any, kind: Any, values: Any, sentence: str
) -> None:
    state = (1, shape, kind, False, values)
    named = Made(Name("numpy", "_reconstruct"), (NDARRAY, (0,), b"b"), states=[state])

    with pytest.raises(Refusal) as refusal:
        arrays.reconstructed(named)

    assert str(refusal.value).startswith(sentence)


def test_objects_beside_the_tree_have_the_shape_that_it_says() -> None:
    written = RawArray("O", (3,), "C")

    with pytest.raises(Refusal, match="another shape"):
        arrays.raw(written, np.dtype("O"), np.array(["a"], dtype=object))


@pytest.mark.parametrize(
    ("key", "position"),
    [
        (np.zeros(624, "u4"), 625),
        (np.zeros(624, "u4"), -1),
        (np.zeros(9, "u4"), 1),
    ],
)
def test_random_numbers_are_never_read_from_beyond_their_state(
    key: Any, position: int
) -> None:
    state = {"bit_generator": "MT19937", "state": {"key": key, "pos": position}}
    made = Made(
        Name("numpy.random._pickle", "__bit_generator_ctor"),
        (Name("numpy.random._mt19937", "MT19937"),),
        states=[(state, None)],
    )

    with pytest.raises(Refusal, match="a state of random numbers"):
        arrays.bit_generator(made)
