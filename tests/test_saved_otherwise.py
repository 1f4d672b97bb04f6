"""Files that pickle, joblib or skops reads in one way and another reader in another.

The proof compares the graph with the estimator that was read, so it cannot see a reader
that misread. Each file here was once exported, and predicted otherwise than its loader.
"""

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsRegressor

from convert.errors import Refusal
from convert.saved.load import load_saved

X = np.arange(40.0).reshape(20, 2) ** 1.5
Y = X @ [2.0, 3.0] + 1
MARK = 12345.5
"""A number of which there is one in a file, and in whose place code is put."""


def real(number: float) -> bytes:
    return b"G" + struct.pack(">d", number)


def text(word: str) -> bytes:
    return b"X" + struct.pack("<I", len(word)) + word.encode()


def put(number: int) -> bytes:
    return b"r" + struct.pack("<I", number)


def get(number: int) -> bytes:
    return b"j" + struct.pack("<I", number)


def linear(**state: Any) -> bytes:
    """Return the pickle of a regression; up to protocol 3 it counts no memo."""
    fitted = LinearRegression().fit(X, Y)
    vars(fitted).update(state)
    return pickle.dumps(fitted, 3)


def in_place_of_intercept(code: bytes) -> bytes:
    before, after = linear(intercept_=MARK).split(real(MARK))
    return before + code + after


DTYPE = (
    b"cnumpy\ndtype\n(" + text("f8") + b"\x89\x88tR(K\x03" + text("<") + b"NNN"
    b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
)
TWO_NUMBERS = b"C\x10" + struct.pack("<2d", 2, 3)
STATE = b"(K\x01K\x02\x85" + DTYPE + b"\x89" + TWO_NUMBERS + b"tb"
ARRAY = (
    b"cnumpy._core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85C\x01btR"
    + STATE
)
FROM_BUFFER = (
    b"cnumpy._core.numeric\n_frombuffer\n("
    + TWO_NUMBERS
    + DTYPE
    + b"K\x02\x85"
    + text("C")
    + b"tR"
)
WRAPPER = b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81"


def wrapped(n_numbers: int) -> bytes:
    """Return the state of an array whose numbers stand behind it."""
    parts = text("shape") + b"K" + bytes([n_numbers]) + b"\x85"
    parts += text("order") + text("C") + text("dtype") + DTYPE
    parts += text("subclass") + b"cnumpy\nndarray\n" + text("allow_mmap") + b"\x89"
    return b"}(" + parts + b"u"


def with_coefficients(code: bytes) -> bytes:
    return in_place_of_intercept(real(1) + text("coef_") + code)


def in_a_frame(code: bytes) -> bytes:
    return b"\x95" + struct.pack("<Q", len(code)) + code


def changed_late(code: bytes) -> bytes:
    """Return a regression whose state is changed once it was given to it."""
    whole = linear()
    assert whole.endswith(b"b.")
    return whole[:-2] + put(200) + b"b" + get(200) + code + b"0."


FILES: dict[str, tuple[bytes, str]] = {
    "an item that is set in an array": (
        with_coefficients(ARRAY + b"K\x00" + real(555) + b"s"),
        "is a _reconstruct with items of its own",
    ),
    "a state for what has its numbers": (
        with_coefficients(FROM_BUFFER + STATE),
        "is a _frombuffer with a state too many",
    ),
    "a state that is changed when it was read": (
        changed_late(text("intercept_") + real(1000) + b"s"),
        "it changes a part of it that was read before",
    ),
    "a dtype that is finished when it was used": (
        in_place_of_intercept(
            b"cnumpy._core.multiarray\nscalar\n(cnumpy\ndtype\n("
            + text("f8")
            + b"\x89\x88tR"
            + put(300)
            + b"C\x08"
            + struct.pack("<d", 2)
            + b"tR"
            + get(300)
            + b"(K\x03"
            + text(">")
            + b"NNN"
            + b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb0"
        ),
        "it changes a part of it that was read before",
    ),
    "a memo with gaps that is counted": (
        in_place_of_intercept(real(1000) + put(300) + b"0" + real(5) + b"\x94"),
        "it numbers its parts with gaps, and counts them too",
    ),
    "a number that C reads by another base": (
        in_place_of_intercept(b"I010\n"),
        "a number in it is not written as Python writes one",
    ),
    "an array inside of a frame": (
        with_coefficients(in_a_frame(WRAPPER + wrapped(2) + b"b" + TWO_NUMBERS[2:])),
        "an array in it stands inside of a frame",
    ),
    "a frame inside of a frame": (
        in_place_of_intercept(in_a_frame(in_a_frame(real(1)) + b"0" + real(2))),
        "a frame in it begins before the one around it ends",
    ),
    "an array that is described twice": (
        with_coefficients(
            WRAPPER
            + put(300)
            + wrapped(0)
            + b"b0"
            + get(300)
            + wrapped(2)
            + b"b"
            + TWO_NUMBERS[2:]
        ),
        "an array in it is described twice",
    ),
    "two keys that are one to Python": (
        in_place_of_intercept(
            real(1)
            + text("other")
            + b"}("
            + text("a")
            + b"K\x00"
            + b"cnumpy._core.multiarray\nscalar\n(cnumpy\ndtype\n("
            + text("U1")
            + b"\x89\x88tR(K\x03"
            + text("<")
            + b"NNNK\x04K\x04K\x08tb"
            + b"C\x04a\0\0\0tRK\x01"
            + text("a")
            + b"K\x02u"
        ),
        "has two keys that are one to Python",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_what_its_loader_reads_otherwise_is_refused(tmp_path: Path, name: str) -> None:
    content, sentence = FILES[name]
    path = tmp_path / "model.pkl"
    path.write_bytes(content)

    with pytest.raises(Refusal) as refused:
        load_saved(path)

    assert sentence in str(refused.value)


def test_a_frame_around_more_than_one_part_is_read(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(in_place_of_intercept(in_a_frame(real(1) + b"0" + real(2.5))))

    assert load_saved(path).intercept_ == 2.5


def test_a_distance_of_another_power_than_its_own_is_refused(tmp_path: Path) -> None:
    fitted = KNeighborsRegressor(2, algorithm="kd_tree", metric="euclidean").fit(X, Y)
    content = pickle.dumps(fitted, 3)
    place = content.rindex(real(2.0))
    path = tmp_path / "model.pkl"
    path.write_bytes(content[:place] + real(0.4) + content[place + 9 :])

    with pytest.raises(Refusal, match="is a EuclideanDistance64 of another power"):
        load_saved(path)


def nodes(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
    for inner in part.values() if isinstance(part, dict) else part:
        if isinstance(inner, dict | list):
            yield from nodes(inner)


def archive(change: Callable[[dict[str, Any]], None], **state: Any) -> bytes:
    """Return a skops archive whose state's nodes were changed."""
    fitted = LinearRegression().fit(X, Y)
    vars(fitted).update(state)
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(fitted))) as whole:
        schema = json.loads(whole.read("schema.json"))
        change(next(n for n in nodes(schema) if "coef_" in n))
        with zipfile.ZipFile(content, "w") as changed:
            for name in whole.namelist():
                is_schema = name == "schema.json"
                part = json.dumps(schema) if is_schema else whole.read(name)
                changed.writestr(name, part)
    return content.getvalue()


def as_whole_number(state: dict[str, Any]) -> None:
    state["intercept_"]["__class__"] = "int64"


def under_one_text(state: dict[str, Any]) -> None:
    state["coef_"]["__id__"] = state["intercept_"]["__id__"] = "x"


def under_zero(state: dict[str, Any]) -> None:
    state["coef_"]["__id__"] = 0


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (as_whole_number, "a int64 in it is written as another kind of number"),
        (under_one_text, "it numbers a part with what is no number"),
        (under_zero, "it numbers a part with what is no number"),
    ],
)
def test_what_skops_reads_otherwise_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], sentence: str
) -> None:
    path = tmp_path / "model.skops"
    path.write_bytes(archive(change, intercept_=np.float64(7.9)))

    with pytest.raises(Refusal, match=sentence):
        load_saved(path)
