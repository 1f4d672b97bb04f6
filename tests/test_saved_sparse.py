import io
import pickle
import zipfile
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from convert.errors import Refusal
from convert.saved.budget import Spending
from convert.saved.damage import Damaged
from convert.saved.scan import Findings, read_pickle
from convert.saved.sparse import PARTS, read_npz
from convert.saved.written import Made, Name
from tests.rebuilt import rebuilt

KINDS = [f"{form}_{what}" for form in PARTS for what in ("array", "matrix")]


def made(kind: str, dense: Any) -> Any:
    return getattr(scipy.sparse, kind)(dense)


def saved(matrix: Any, *without: str, **changes: Any) -> bytes:
    """Return the file of a matrix, in which some arrays are others or none."""
    file, changed = io.BytesIO(), io.BytesIO()
    scipy.sparse.save_npz(file, matrix)
    with np.load(io.BytesIO(file.getvalue())) as arrays:
        kept = {name: arrays[name] for name in arrays if name not in without}
    np.savez(changed, **{**kept, **changes})
    return changed.getvalue()


def loaded(content: bytes) -> Any:
    return scipy.sparse.load_npz(io.BytesIO(content))


def read(content: bytes, kind: str, n_bytes: int = 10**6) -> dict[str, Any]:
    return read_npz(content, kind, Findings().find, Spending(n_bytes))


def made_of(state: dict[str, Any], kind: str) -> Any:
    return rebuilt(Made(Name("scipy.sparse", kind), how="new", states=[state]))


def damage(content: bytes, kind: str = "csr_matrix") -> str:
    with pytest.raises(Damaged) as damaged:
        read(content, kind)
    return str(damaged.value)


@pytest.mark.parametrize("kind", KINDS)
@given(
    values=st.lists(
        st.lists(st.sampled_from([0.0, 1.5, -2.0]), min_size=3, max_size=3),
        min_size=1,
        max_size=4,
    )
)
def test_a_matrix_is_what_scipy_loads(kind: str, values: list[list[float]]) -> None:
    content = saved(made(kind, values))

    state = read(content, kind)

    again = made_of(state, kind)
    expected = loaded(content)
    assert (type(again), again.shape) == (type(expected), expected.shape)
    assert again.dtype == expected.dtype
    np.testing.assert_array_equal(again.toarray(), expected.toarray())


@pytest.mark.parametrize("kind", KINDS)
def test_the_state_is_that_of_a_pickle(kind: str) -> None:
    matrix = made(kind, np.eye(3)[:2])

    state = read(saved(matrix), kind)

    (pickled,) = read_pickle(pickle.dumps(loaded(saved(matrix)))).tree.states
    assert state.keys() == pickled.keys()
    assert state["_shape"] == pickled["_shape"]
    assert state["maxprint"] == pickled["maxprint"]


@pytest.mark.parametrize("numbers", ["<i4", ">i4", "<i8", ">i8"])
def test_the_shape_may_be_of_the_integers_of_any_machine(numbers: str) -> None:
    matrix = made("csr_matrix", np.eye(3)[:2])
    content = saved(matrix, shape=np.array([2, 3], numbers))

    assert loaded(content).shape == (2, 3)
    assert read(content, "csr_matrix")["_shape"] == (2, 3)


def test_the_format_may_be_text_as_an_old_scipy_wrote_it() -> None:
    matrix = made("csc_matrix", np.eye(3)[:2])
    content = saved(matrix, format=np.array("csc"))

    again = made_of(read(content, "csc_matrix"), "csc_matrix")

    np.testing.assert_array_equal(again.toarray(), loaded(content).toarray())


@pytest.mark.parametrize("kind", ["lil_matrix", "dok_array", "csr_frame", "csr", ""])
def test_a_kind_that_scipy_does_not_save_is_damaged(kind: str) -> None:
    assert damage(saved(made("csr_matrix", np.eye(2))), kind) == (
        "it has a sparse matrix of a kind that scipy does not save"
    )


def test_a_matrix_of_another_format_than_its_class_is_damaged() -> None:
    assert damage(saved(made("csc_matrix", np.eye(2)))) == (
        "a sparse matrix in it is of another format than its class"
    )


@pytest.mark.parametrize("shape", [[2.0, 2.0], [[2, 2]], 2, ["2", "2"]], ids=str)
def test_a_shape_that_is_none_is_damaged(shape: Any) -> None:
    content = saved(made("csr_matrix", np.eye(2)), shape=np.array(shape))

    assert damage(content) == "a sparse matrix in it has no shape"


def test_values_that_are_objects_are_damaged() -> None:
    content = saved(made("csr_matrix", np.eye(2)), data=np.array([None]))

    assert damage(content) == "an array in it says that it has Python objects"


def test_a_file_that_was_cut_off_is_damaged() -> None:
    assert damage(saved(made("csr_matrix", np.eye(2)))[:-1]) == (
        "it has no directory, so it was cut off"
    )


def test_what_is_unpacked_is_counted() -> None:
    content = saved(made("csr_matrix", np.eye(2)))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        n_bytes = sum(member.file_size for member in archive.infolist())

    assert read(content, "csr_matrix", -(-n_bytes // 2))["_shape"] == (2, 2)
    with pytest.raises(Refusal) as refusal:
        read(content, "csr_matrix", n_bytes // 2 - 1)

    assert str(refusal.value) == (
        "it makes more bytes of what is in it than it has itself"
    )
