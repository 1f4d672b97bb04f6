import collections
import io
import json
import pickle
import pickletools
import zipfile
import zlib
from typing import Any

import joblib
import numpy as np
import pytest
import sklearn
import skops.io
from sklearn.linear_model import LinearRegression

from tests import assembler as a

CONSTANTS: list[Any] = [
    *[None, True, False, 0, 255, 256, -1, 2**31, -(2**63), 7**3000, 2.5],
    *["", "naïve 🎓", "x" * 300, b"", b"\x00\xff" * 200],
    *[[], [1, [2, "three"]], (), (1, (2,)), {}, {"a": {"b": [1]}}],
]


def names(pickled: bytes) -> list[str]:
    return [opcode.name for opcode, _, _ in pickletools.genops(pickled)]


@pytest.mark.parametrize("constant", CONSTANTS, ids=range(len(CONSTANTS)))
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_constant_is_read_back(constant: Any, protocol: int) -> None:
    assert pickle.loads(a.program(constant, protocol=protocol)) == constant


@pytest.mark.parametrize("write", [a.text, a.old_text, a.escaped_text, a.quoted])
def test_every_spelling_of_a_text_is_read_back(write: Any) -> None:
    assert pickle.loads(a.program(write("os.path"), protocol=None)) == "os.path"


@pytest.mark.parametrize(
    "made",
    [
        a.call(a.name("collections", "Counter"), "aab"),
        a.call(a.old_name("collections", "Counter"), "aab"),
        a.call_inst("collections", "Counter", "aab"),
        a.call_obj(a.name("collections", "Counter"), "aab"),
    ],
    ids=["REDUCE", "GLOBAL", "INST", "OBJ"],
)
def test_every_way_to_call_makes_the_same(made: a.Code) -> None:
    assert pickle.loads(a.program(made)) == collections.Counter("aab")


def test_instances_are_made_and_filled() -> None:
    regression = a.name("sklearn.linear_model", "LinearRegression")

    state = {"coef_": [3], "_sklearn_version": sklearn.__version__}
    made = pickle.loads(a.program(a.build(a.new(regression), state)))
    made_ex = pickle.loads(a.program(a.new_ex(regression, (), {})))

    assert (type(made), made.coef_) == (LinearRegression, [3])
    assert vars(made_ex) == {}


def test_what_is_remembered_is_one_thing_and_what_is_popped_is_gone() -> None:
    first, second = pickle.loads(a.program(a.after(a.put([], 9), [a.get(9), a.get(9)])))

    assert first is second


def test_a_program_is_the_opcodes_that_it_was_put_together_from() -> None:
    pickled = a.program(a.call(a.name("builtins", "list"), "ab"), protocol=4)

    assert names(pickled) == [
        *("PROTO", "SHORT_BINUNICODE", "SHORT_BINUNICODE", "STACK_GLOBAL"),
        *("MARK", "SHORT_BINUNICODE", "TUPLE", "REDUCE", "STOP"),
    ]


def test_code_stands_for_what_an_honest_object_holds() -> None:
    fitted = LinearRegression().fit([[1.0], [2.0]], [1.0, 2.0])
    fitted.note = a.put(a.call(a.name("builtins", "list"), "ab"), 5000)
    fitted.again = [a.get(5000)]

    back = pickle.loads(a.dumps(fitted))

    assert back.note == ["a", "b"]
    assert back.again[0] is back.note
    assert back.predict([[3.0]]) == fitted.predict([[3.0]])


@pytest.mark.parametrize("fortran", [False, True])
def test_arrays_are_read_by_numpy_and_by_joblib(fortran: bool) -> None:
    order: Any = "F" if fortran else "C"
    matrix = np.arange(6.0).reshape(2, 3)
    content = matrix.tobytes(order)

    plain = pickle.loads(a.program(a.array("f8", (2, 3), content, fortran)))
    written = a.program([a.joblib_array("f8", (2, 3), content, order), "after"])
    beside, after = joblib.load(io.BytesIO(written))

    np.testing.assert_array_equal(plain, matrix, strict=True)
    np.testing.assert_array_equal(beside, matrix, strict=True)
    assert after == "after"


@pytest.mark.parametrize("pack", a.PACKERS.values(), ids=a.PACKERS)
def test_joblib_reads_every_packing(pack: Any) -> None:
    with_number = pack(a.program([1, 2]))

    assert joblib.load(io.BytesIO(with_number)) == [1, 2]


@pytest.mark.parametrize("bomb", [a.gzip_bomb, a.zlib_bomb], ids=["gzip", "zlib"])
def test_a_repeated_chunk_unpacks_to_all_of_it(bomb: Any) -> None:
    assert zlib.decompress(bomb(b"N" * 1000, 70), wbits=47) == b"N" * 70_000


def test_a_large_file_in_an_archive_is_whole() -> None:
    with zipfile.ZipFile(io.BytesIO(a.zip_bomb("a", b"xyz", 1000))) as archive:
        assert archive.testzip() is None
        assert archive.read("a") == b"xyz" * 1000


def test_bombs_are_small() -> None:
    assert len(a.bz2_bomb(2**26)) < 100
    assert len(a.xz_bomb(2**20)) < 1000


def test_skops_reads_an_archive_of_a_schema() -> None:
    state = {"fit_intercept": True, "coef_": [1.5], "names": ("a", {"b": None})}
    saved = {**state, "_sklearn_version": sklearn.__version__}
    schema = a.object_node("sklearn.linear_model._base", "LinearRegression", saved)

    back = skops.io.loads(a.skops(schema))

    assert (type(back), vars(back)) == (LinearRegression, state)


def test_a_schema_may_be_any_bytes() -> None:
    with zipfile.ZipFile(io.BytesIO(a.skops(b"{}", {"1.npy": b"x"}))) as archive:
        assert json.loads(archive.read("schema.json")) == {}
        assert archive.namelist() == ["schema.json", "1.npy"]


def test_what_has_no_code_is_an_error() -> None:
    with pytest.raises(TypeError, match="set has no code"):
        a.value({1})
