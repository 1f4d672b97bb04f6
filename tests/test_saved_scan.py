import io
import pickle
import struct
import warnings
from pathlib import Path
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

from convert.errors import Refusal
from convert.saved.damage import Damaged
from convert.saved.names import allowed_names
from convert.saved.scan import EVERYTHING, Written, is_allowed, read_pickle
from convert.saved.written import Made, RawArray
from tests.rebuilt import rebuilt


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
    found = read_pickle(dumped(pickler, fitted()))

    assert found.sklearn_versions == (sklearn.__version__,)
    assert ("sklearn.linear_model._base", "LinearRegression") in found.imports
    assert found.untrusted() == []


def test_a_plain_pickle_is_reported_import_by_import() -> None:
    found = read_pickle(pickle.dumps(fitted(), protocol=4))  # 5 on Python 3.14

    assert found == Written(
        imports=(
            ("numpy", "dtype"),
            ("numpy", "ndarray"),
            ("numpy._core.multiarray", "_reconstruct"),
            ("numpy._core.multiarray", "scalar"),
            ("sklearn.linear_model._base", "LinearRegression"),
        ),
        sklearn_versions=(sklearn.__version__,),
        tree=found.tree,
    )


def test_the_joblib_that_scikit_learn_had_is_read_as_joblib() -> None:
    content = dumped(joblib, fitted()).replace(
        text("joblib.numpy_pickle"), text("sklearn.externals.joblib.numpy_pickle")
    )

    found = read_pickle(content)

    assert b"sklearn.externals" in content
    assert found.untrusted() == []
    assert rebuilt(found.tree).coef_ == fitted().coef_


@pytest.mark.parametrize("pickler", [pickle, joblib, cloudpickle])
def test_what_was_mapped_from_a_file_is_an_array(
    tmp_path: Path, pickler: ModuleType
) -> None:
    joblib.dump(np.arange(6.0).reshape(2, 3), tmp_path / "array")
    mapped = joblib.load(tmp_path / "array", mmap_mode="r")

    found = read_pickle(dumped(pickler, [mapped]))

    (array,) = rebuilt(found.tree)
    assert type(mapped) is np.memmap
    assert type(array) is np.ndarray
    assert np.array_equal(array, mapped)
    assert found.untrusted() == []


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
    assert read_pickle(pickled).untrusted() == [imported]
    assert read_pickle(pickled).untrusted([imported]) == []
    assert read_pickle(pickled).untrusted([EVERYTHING]) == []


def test_an_import_behind_a_joblib_array_is_seen() -> None:
    structured = np.zeros(3, [("a", "<U7"), ("b", "f8")])
    arrays = [np.arange(50.0), structured, np.array(["a", None]), fitted()]

    found = read_pickle(dumped(joblib, [*arrays, print]))

    assert found.untrusted() == ["builtins.print"]


def test_an_import_behind_a_joblib_array_of_plain_text_is_seen() -> None:
    texts = np.array([["one", "of seven"], ["naïve", "🎓"]])

    found = read_pickle(dumped(joblib, [texts, texts.T, texts[:0], print]))

    assert found.untrusted() == ["builtins.print"]


def test_an_import_inside_a_joblib_array_is_seen() -> None:
    found = read_pickle(dumped(joblib, np.array([1, print], dtype=object)))

    assert found.untrusted() == ["builtins.print"]


@pytest.mark.parametrize("pickler", [dill, cloudpickle])
def test_code_that_a_file_carries_is_named(pickler: ModuleType) -> None:
    transformer = FunctionTransformer(lambda column: column + 1)

    assert read_pickle(dumped(pickler, transformer)).own_code[-1].endswith("<lambda>")


def test_python_types_are_what_dill_says_they_are() -> None:
    found = read_pickle(call("dill._dill", "_load_type", "float"))

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
        read_pickle(pickled)


@given(position=st.integers(0, 2**31), byte=st.integers(0, 255))
def test_one_wrong_byte_is_read_or_reported(position: int, byte: int) -> None:
    whole = dumped(joblib, fitted())
    pickled = bytearray(whole)
    pickled[position % len(pickled)] = byte

    try:
        found = read_pickle(bytes(pickled))
    except Damaged:
        return

    added = set(found.imports) - set(read_pickle(whole).imports)
    assert found.untrusted() == sorted(".".join(one) for one in added)


def test_a_wrong_byte_in_a_name_is_reported_as_that_name() -> None:
    pickled = dumped(joblib, fitted()).replace(b"LinearRegr", b"LinearRegs")

    assert read_pickle(pickled).untrusted() == [
        "sklearn.linear_model._base.LinearRegsession"
    ]


@pytest.mark.parametrize(
    "name",
    ["exec", "eval", "getattr", "open", "compile", "__import__", "type", "map"],
)
def test_the_list_has_nothing_built_in_that_runs_or_reaches(name: str) -> None:
    assert not is_allowed(("builtins", name))


def test_the_list_names_no_library_beyond_the_supported_ones() -> None:
    assert {module.split(".")[0] for module, _ in allowed_names()} == {
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


def honest() -> list[Any]:
    transformer = FunctionTransformer(np.log1p, kw_args={"a": {1, 2}})
    texts = np.array(["a", None], dtype=object)
    arrays = [np.asfortranarray(np.eye(2)), np.zeros(0), texts, np.float32(0.5)]
    return [fitted(), transformer, arrays, b"x", bytearray(b"y"), frozenset({3}), 1j]


@pytest.mark.parametrize("protocol", range(6))
def test_the_tree_says_what_pickle_makes_of_it(protocol: int) -> None:
    again = rebuilt(read_pickle(pickle.dumps(honest(), protocol)).tree)

    assert repr(again) == repr(honest())
    assert again[0].predict([[3.0]]) == fitted().predict([[3.0]])


@pytest.mark.parametrize("pickler", [joblib, dill, cloudpickle])
def test_the_tree_says_what_each_pickler_makes_of_it(pickler: ModuleType) -> None:
    again = rebuilt(read_pickle(dumped(pickler, honest())).tree)

    assert repr(again) == repr(honest())
    assert again[0].predict([[3.0]]) == fitted().predict([[3.0]])


def test_an_array_of_joblib_is_raw() -> None:
    tree = read_pickle(dumped(joblib, np.arange(6.0).reshape(2, 3).T)).tree

    assert isinstance(tree, RawArray)
    assert (tree.shape, tree.order, tree.objects) == ((3, 2), "F", None)
    assert bytes(tree.content) == np.arange(6.0).tobytes()


def test_the_call_of_what_is_no_name_is_recorded_and_not_made() -> None:
    called = b"\x80\x04" + text("a") + text("b") + b"\x93)R)R."

    tree = read_pickle(called).tree

    assert isinstance(tree.maker, Made)
    assert str(tree.maker.maker) == "a.b"


@pytest.mark.parametrize(
    ("pickled", "reason"),
    [
        (b"\x80\x04]}b.", "it gives a state to what has none"),
        (b"\x80\x04cnumpy\nadd\n}b.", "it gives a state to what has none"),
        (b"\x80\x04cnumpy\nadd\nNa.", "it appends to what is no list"),
        (b"\x80\x04cnumpy\nadd\nNNs.", "it sets an item of what is no dict"),
        (b"\x80\x04](N\x90.", "it adds to what is no set"),
        (b"\x80\x04}]Ns.", "a list in it is a key"),
        (b"\x80\x05N\x97.", "its arrays were kept outside it"),
        (b"\x80\x04N\x82\x01.", "it refers to extensions of copyreg, which only its "),
        (b"\x80\x04NQ.", "it refers to things outside it"),
        (b"\x80\x06N.", "it is of protocol 6, which no Python has"),
    ],
)
def test_nonsense_is_named(pickled: bytes, reason: str) -> None:
    with pytest.raises(Damaged) as damaged:
        read_pickle(pickled)

    assert str(damaged.value).startswith(reason)


@pytest.mark.parametrize("version", ["1" * 3000, "１.２.３", "1.3.2 -r x", "../1", ""])  # noqa: RUF001
def test_a_version_that_is_none_is_refused(version: str) -> None:
    state = {"_sklearn_version": version}
    made = text("sklearn.x") + text("Y") + b"\x93)\x81"
    pickled = b"\x80\x04" + made + pickle.dumps(state, 4)[2:-1] + b"b."

    with pytest.raises(Refusal, match="which is no version: have it saved again"):
        read_pickle(pickled)


@pytest.mark.parametrize("name", ["NDArrayWrapper", "ZNDArrayWrapper"])
def test_a_joblib_that_kept_arrays_elsewhere_is_named(name: str) -> None:
    made = text("joblib.numpy_pickle") + text(name) + b"\x93)\x81}b."

    with pytest.raises(Refusal, match=r"a joblib before 0\.10 wrote it"):
        read_pickle(b"\x80\x04" + made)
