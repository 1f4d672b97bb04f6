import io
import pickle
import struct
import warnings
from types import ModuleType
from typing import Any

import cloudpickle  # type: ignore[import-untyped]
import dill
import joblib
import numpy as np
import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import FunctionTransformer

from convert.scan import EVERYTHING, Damaged, Scan, allowed, is_allowed, scan


def fitted() -> LinearRegression:
    return LinearRegression().fit([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0])


def dumped(pickler: ModuleType, thing: Any) -> bytes:
    file = io.BytesIO()
    pickler.dump(thing, file)
    return file.getvalue()


def text(value: str) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value.encode()


def call(module: str, name: str, argument: str = "x") -> bytes:
    """Return a pickle that imports a name and calls it with one string."""
    named = text(module) + text(name) + b"\x93"
    return b"\x80\x04" + named + b"(" + text(argument) + b"tR."


@pytest.mark.parametrize("pickler", [pickle, joblib, dill, cloudpickle])
def test_every_pickler_tells_which_scikit_learn_wrote_it(pickler: ModuleType) -> None:
    found = scan(dumped(pickler, fitted()))

    assert found.sklearn_versions == (sklearn.__version__,)
    assert ("sklearn.linear_model._base", "LinearRegression") in found.imports
    assert found.untrusted() == []


def test_a_plain_pickle_is_reported_import_by_import() -> None:
    found = scan(pickle.dumps(fitted(), protocol=4))  # 5 on Python 3.14

    assert found == Scan(
        imports=(
            ("numpy", "dtype"),
            ("numpy", "ndarray"),
            ("numpy._core.multiarray", "_reconstruct"),
            ("numpy._core.multiarray", "scalar"),
            ("sklearn.linear_model._base", "LinearRegression"),
        ),
        sklearn_versions=(sklearn.__version__,),
    )


@pytest.mark.parametrize(
    ("pickled", "imported"),
    [
        (b"cos\nsystem\n(S'true'\ntR.", "os.system"),
        (b"(S'true'\nios\nsystem\n.", "os.system"),
        (b"(cos\nsystem\nS'true'\no.", "os.system"),
        (b"c__builtin__\neval\n(S'1'\ntR.", "builtins.eval"),
        (b"ccommands\ngetoutput\n(S'true'\ntR.", "subprocess.getoutput"),
        (call("os", "system"), "os.system"),
        (call("numpy", "f2py.os.system"), "numpy.f2py.os.system"),
        (call("sklearn", "pipeline.Pipeline"), "sklearn.pipeline.Pipeline"),
        (call("builtins", "getattr"), "builtins.getattr"),
        (call("operator", "attrgetter"), "operator.attrgetter"),
        (call("joblib.numpy_pickle", "load"), "joblib.numpy_pickle.load"),
        (
            call("numpy.testing._private.utils", "runstring"),
            "numpy.testing._private.utils.runstring",
        ),
        (
            call("scipy.stats._continuous_distns", "uniform_gen"),
            "scipy.stats._continuous_distns.uniform_gen",
        ),
        (call("dill._dill", "_load_type", "CodeType"), "builtins.CodeType"),
        (call("dill._dill", "_eval_repr"), "dill._dill._eval_repr"),
        (
            b"\x80\x04"
            + text("os")
            + b"\x940"
            + text("system")
            + b"\x940h\x00h\x01\x93.",
            "os.system",
        ),
    ],
)
def test_no_spelling_hides_an_import(pickled: bytes, imported: str) -> None:
    assert scan(pickled).untrusted() == [imported]
    assert scan(pickled).untrusted([imported]) == []
    assert scan(pickled).untrusted([EVERYTHING]) == []


def test_an_import_behind_a_joblib_array_is_seen() -> None:
    structured = np.zeros(3, [("a", "<U7"), ("b", "f8")])
    arrays = [np.arange(50.0), structured, np.array(["a", None]), fitted()]

    found = scan(dumped(joblib, [*arrays, print]))

    assert found.untrusted() == ["builtins.print"]


def test_an_import_behind_a_joblib_array_of_plain_text_is_seen() -> None:
    texts = np.array([["one", "of seven"], ["naïve", "🎓"]])

    found = scan(dumped(joblib, [texts, texts.T, texts[:0], print]))

    assert found.untrusted() == ["builtins.print"]


def test_an_import_inside_a_joblib_array_is_seen() -> None:
    found = scan(dumped(joblib, np.array([1, print], dtype=object)))

    assert found.untrusted() == ["builtins.print"]


@pytest.mark.parametrize("pickler", [dill, cloudpickle])
def test_code_that_a_file_carries_is_named(pickler: ModuleType) -> None:
    transformer = FunctionTransformer(lambda column: column + 1)

    assert scan(dumped(pickler, transformer)).own_code[-1].endswith("<lambda>")


def test_python_types_are_what_dill_says_they_are() -> None:
    found = scan(call("dill._dill", "_load_type", "float"))

    assert found.imports == (("builtins", "float"),)
    assert found.untrusted() == []


def test_numpy_1_and_2_name_the_same_functions() -> None:
    assert is_allowed(("numpy.core.multiarray", "_reconstruct"))
    assert is_allowed(("numpy._core.multiarray", "_reconstruct"))


@pytest.mark.parametrize(
    "pickled",
    [
        b"",
        b"hello",
        b"\x80\x04N",
        b"\x80\x02\x82\x01.",
        b"\x80\x04Nr",
        b"Pidentifier\n.",
        b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"x",
        dumped(joblib, np.arange(9.0))[:-20],
    ],
)
def test_what_is_no_whole_pickle_is_damaged(pickled: bytes) -> None:
    with pytest.raises(Damaged):
        scan(pickled)


@given(position=st.integers(0, 2**31), byte=st.integers(0, 255))
def test_one_wrong_byte_is_read_or_reported(position: int, byte: int) -> None:
    whole = dumped(joblib, fitted())
    pickled = bytearray(whole)
    pickled[position % len(pickled)] = byte

    try:
        found = scan(bytes(pickled))
    except Damaged:
        return

    added = set(found.imports) - set(scan(whole).imports)
    assert found.untrusted() == sorted(".".join(one) for one in added)


def test_a_wrong_byte_in_a_name_is_reported_as_that_name() -> None:
    pickled = dumped(joblib, fitted()).replace(b"LinearRegr", b"LinearRegs")

    assert scan(pickled).untrusted() == ["sklearn.linear_model._base.LinearRegsession"]


@pytest.mark.parametrize(
    "name",
    ["exec", "eval", "getattr", "open", "compile", "__import__", "type", "map"],
)
def test_the_list_has_nothing_built_in_that_runs_or_reaches(name: str) -> None:
    assert not is_allowed(("builtins", name))


def test_the_list_names_no_library_beyond_the_supported_ones() -> None:
    assert {module.split(".")[0] for module, _ in allowed()} == {
        *("_codecs", "builtins", "collections", "copyreg", "dill", "functools"),
        "_loss",  # what scikit-learn 1.4 and 1.5 call sklearn._loss._loss
        *("catboost", "joblib", "lightgbm", "numpy", "pandas", "pyarrow", "scipy"),
        *("sklearn", "xgboost"),
    }


@pytest.mark.slow
def test_everything_that_can_be_fitted_is_on_the_list() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tests.every_estimator import missing

        assert missing() == []
