import io
import pickle
from pathlib import Path
from typing import Any

import dill
import joblib
import numpy as np
import pytest

from convert.refusal import Refusal
from convert.scan import EVERYTHING
from convert.unpickle import numpy_module, unpickle

OPEN = f"{open.__module__}.open"
"""As this Python pickles it: `io.open`, or `_io.open` from 3.13 on."""


class Touch:
    """Creates a file when it is unpickled, unless something prevents it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.path), "w")


def dumped(thing: Any) -> bytes:
    file = io.BytesIO()
    joblib.dump(thing, file)
    return file.getvalue()


def text(value: str) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value.encode()


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
        np.array(["2026-11-21", "NaT"], dtype="M8[D]"),
        np.array([(1, 2.5)], dtype=[("a", "u1"), ("b", "f8")]),
        np.array([(1, 2.5)], dtype=np.dtype([("a", "u1"), ("b", "f8")], align=True)),
        np.ma.MaskedArray([1, 2], [False, True]),
    ],
)
def test_arrays_come_back_as_they_were(array: Any) -> None:
    for pickled in (dumped(array), pickle.dumps(array), dill.dumps(array)):
        back = unpickle(pickled)

        np.testing.assert_array_equal(back, array)
        assert back.dtype.newbyteorder("=") == array.dtype.newbyteorder("=")
        assert back.flags.writeable


@pytest.mark.parametrize("hidden", ["plain", "list", "array"])
def test_what_is_not_listed_never_runs(tmp_path: Path, hidden: str) -> None:
    touch: Any = Touch(tmp_path / "touched")
    thing = {
        "plain": touch,
        "list": [np.arange(9.0), touch],
        "array": np.array([None, touch], dtype=object),
    }[hidden]

    with pytest.raises(Refusal) as refusal:
        unpickle(dumped(thing))

    assert str(refusal.value) == f"it imports {OPEN}, which is not trusted"
    assert list(tmp_path.iterdir()) == []


def test_what_is_trusted_by_name_runs(tmp_path: Path) -> None:
    file = unpickle(dumped(Touch(tmp_path / "touched")), [OPEN])
    file.close()

    assert [path.name for path in tmp_path.iterdir()] == ["touched"]


def test_a_lambda_comes_back_only_from_a_trusted_file() -> None:
    pickled = dill.dumps(lambda x: x + 1)

    with pytest.raises(Refusal):
        unpickle(pickled)
    assert unpickle(pickled, [EVERYTHING])(1) == 2


def test_a_listed_class_cannot_be_changed() -> None:
    pipeline = text("sklearn.pipeline") + text("Pipeline") + b"\x93"
    pickled = b"\x80\x04" + pipeline + b"N}" + text("predict") + b"Ns\x86b."

    with pytest.raises(Refusal) as refusal:
        unpickle(pickled)

    assert str(refusal.value) == "it changes Pipeline itself, not an instance"


def test_bytes_are_never_read_as_addresses() -> None:
    honest = pickle.dumps(np.array([1, 2, 3, 4], dtype="u8"), protocol=2)
    assert honest.count(b"u8") == 1
    forged = honest.replace(b"u8", b"O8")

    with pytest.raises(Refusal, match="numpy would not have written the dtype"):
        unpickle(forged)


@pytest.mark.parametrize(
    ("module", "name", "sentence"),
    [
        (
            "features",
            "Ratio",
            "it needs Ratio from the module features, and there is no module features "
            "here: install it, or set PYTHONPATH to its folder",
        ),
        (
            "__main__",
            "Ratio",
            "it needs Ratio, which was defined in the script or notebook that saved "
            "it: move it into a module, save again, and add --trust with its new name",
        ),
        (
            "sklearn.linear_model",
            "Ratio",
            "it needs Ratio from the module sklearn.linear_model, which has no such "
            "name here (module 'sklearn.linear_model' has no attribute 'Ratio'): "
            "install the version of sklearn that saved it",
        ),
    ],
)
def test_a_class_that_is_not_here_is_named(
    module: str, name: str, sentence: str
) -> None:
    pickled = b"\x80\x04" + text(module) + text(name) + b"\x93."

    with pytest.raises(Refusal) as refusal:
        unpickle(pickled, [EVERYTHING])

    assert str(refusal.value) == sentence


@pytest.mark.parametrize("module", ["numpy.core.numeric", "numpy._core.numeric"])
def test_a_module_of_numpy_has_the_name_of_the_numpy_that_is_here(module: str) -> None:
    assert numpy_module(module, "1.26.4") == "numpy.core.numeric"
    assert numpy_module(module, "2.4.6") == "numpy._core.numeric"
    assert numpy_module("numpy.random._pickle", "2.4.6") == "numpy.random._pickle"
