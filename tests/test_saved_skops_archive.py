import io
import json
import pickle
import zipfile
from collections import OrderedDict, defaultdict
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import sklearn
import skops.io
from sklearn.datasets import make_regression
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVR
from sklearn.utils import Bunch

from convert.errors import Refusal
from convert.saved.damage import Damaged
from convert.saved.scan import read_pickle
from convert.saved.skops_archive import LOADERS, read_skops
from convert.saved.written import Made, Name
from tests.rebuilt import rebuilt

ROWS, TARGET = make_regression(60, 4, random_state=0)


def constant(value: Any) -> dict[str, Any]:
    named = {"__class__": "str", "__module__": "builtins"}
    return {**named, "__loader__": "JsonNode", "content": json.dumps(value)}


def node(loader: str, kind: str = "builtins.list", **rest: Any) -> dict[str, Any]:
    module, _, name = kind.rpartition(".")
    return {"__class__": name, "__module__": module, "__loader__": loader, **rest}


def listed(*items: Any, **rest: Any) -> dict[str, Any]:
    return node("ListNode", content=list(items), **rest)


def archived(schema: Any, **members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        if isinstance(schema, dict):
            schema = json.dumps({**schema, "protocol": 2, "_skops_version": "0.16"})
        archive.writestr("schema.json", schema)
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def saved_array(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


@pytest.mark.parametrize(
    "estimator",
    [
        make_pipeline(StandardScaler(), RandomForestRegressor(3, random_state=0)),
        GradientBoostingRegressor(n_estimators=3),
        HistGradientBoostingRegressor(max_iter=3),
        KNeighborsRegressor(algorithm="kd_tree"),
        GridSearchCV(SVR(), {"C": [1.0, 2.0]}, cv=2),
        make_pipeline(OneHotEncoder(handle_unknown="ignore"), SVR()),
    ],
    ids=["forest", "boosting", "histograms", "neighbours", "search", "encoder"],
)
def test_a_skops_file_has_what_its_pickle_has(estimator: Any) -> None:
    estimator.fit(ROWS, TARGET)

    written = read_skops(skops.io.dumps(estimator))

    again = rebuilt(written.tree)
    assert written.sklearn_versions == (sklearn.__version__,)
    assert written.readers == ("skops",)
    assert repr(again) == repr(estimator)
    np.testing.assert_array_equal(again.predict(ROWS), estimator.predict(ROWS))


@pytest.mark.parametrize(
    "thing",
    [
        {"a": 1, "b": [None, True, 0.5, "ö"], "c": (1, 2)},
        {1: "a", 2: "b"},
        OrderedDict(b=1, a=2),
        {"set": {1, 2}, "slice": slice(1, None, 2)},
        [b"bytes", bytearray(b"more")],
        Bunch(a=1),
        datetime(2026, 11, 26, tzinfo=UTC),
        np.float64(3.5),
        np.str_("text"),
        np.dtype("f4"),
        np.dtype("O"),
        frozenset({1, 2}),
    ],
    ids=repr,
)
def test_what_is_no_estimator_is_read_too(thing: Any) -> None:
    again = rebuilt(read_skops(skops.io.dumps(thing)).tree)

    assert type(again) is type(thing)
    assert again == thing


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6).reshape(2, 3)),
        np.array(["a", None, 1], dtype=object),
        np.array([["a", None], [1, 2.5]], dtype=object),
        np.array(["naïve", "🎓"]),
        np.zeros(2, [("a", "<i8"), ("b", "u1")]),
        np.zeros((0, 3)),
        np.array("2026-11-26", dtype="M8[D]").reshape(1),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_an_array_is_read(array: Any) -> None:
    again = rebuilt(read_skops(skops.io.dumps(array)).tree)

    assert again.dtype == array.dtype
    np.testing.assert_array_equal(again, array, strict=True)


@pytest.mark.parametrize("mask", [[True, False], False], ids=["two", "one"])
@pytest.mark.parametrize("kind", [float, object])
def test_a_masked_array_is_read(mask: Any, kind: type) -> None:
    array: Any = np.ma.MaskedArray(np.array([1, 2], kind), mask)

    again = rebuilt(read_skops(skops.io.dumps(array)).tree)

    assert again.tolist() == array.tolist()
    assert again.dtype == array.dtype


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr", "dia"])
@pytest.mark.parametrize("what", ["array", "matrix"])
def test_a_sparse_matrix_is_read(form: str, what: str) -> None:
    matrix = getattr(scipy.sparse, f"{form}_{what}")(np.eye(3)[:2])

    again = rebuilt(read_skops(skops.io.dumps(matrix)).tree)

    assert type(again) is type(matrix)
    assert again.shape == (2, 3)
    np.testing.assert_array_equal(again.toarray(), matrix.toarray())


@pytest.mark.parametrize(
    "source", [np.random.RandomState(3), np.random.default_rng(3)], ids=["old", "new"]
)
def test_a_source_of_random_numbers_goes_on_where_it_was(source: Any) -> None:
    again = rebuilt(read_skops(skops.io.dumps(source)).tree)

    assert again.uniform() == source.uniform()


def test_functions_and_methods_are_names_and_calls() -> None:
    thing = [partial(np.add, 1), np.log1p, "x".upper, float, defaultdict(list, a=[1])]
    for part in thing[:2] + thing[3:]:
        tree = read_skops(skops.io.dumps(part)).tree
        pickled = read_pickle(pickle.dumps(part)).tree
        assert type(tree) is type(pickled)
        assert str(getattr(tree, "maker", tree)) == str(
            getattr(pickled, "maker", pickled)
        )


def test_a_tree_is_made_as_in_a_pickle() -> None:
    forest = RandomForestRegressor(1, random_state=0).fit(ROWS, TARGET)
    tree = read_skops(skops.io.dumps(forest.estimators_[0].tree_)).tree
    pickled = read_pickle(pickle.dumps(forest.estimators_[0].tree_)).tree

    assert isinstance(tree, Made)
    assert (str(tree.maker), tree.how) == (str(pickled.maker), pickled.how)
    assert tree.arguments[0] == pickled.arguments[0] == 4
    assert tree.states[0].keys() == pickled.states[0].keys()


def test_what_is_twice_in_a_file_is_one_thing() -> None:
    scaler = StandardScaler().fit(ROWS)

    first, second = read_skops(skops.io.dumps([scaler, scaler])).tree

    assert first is second


def test_several_estimators_have_their_places() -> None:
    thing = {"scaler": StandardScaler().fit(ROWS), "model": SVR().fit(ROWS, TARGET)}

    found = read_skops(skops.io.dumps(thing))

    assert found.parts == (("'scaler'", "StandardScaler"), ("'model'", "SVR"))


def test_what_skops_does_not_trust_is_named_by_skops() -> None:
    found = read_skops(archived(node("FunctionNode", "os.system")))

    assert found.imports == (("os", "system"),)
    assert isinstance(found.tree, Name)


def test_every_loader_of_skops_is_known() -> None:
    from skops.io._audit import NODE_TYPE_MAPPING

    foreign = {"QuantileForestNode", "_DictWithDeprecatedKeysNode"}
    assert {loader for loader, _ in NODE_TYPE_MAPPING} - foreign == LOADERS.keys()


NOT_NUMPY = b"\x93NUMPY\x01\x00" + (60).to_bytes(2, "little")
HUGE = "{'descr': 'f8', 'fortran_order': False, 'shape': (4611686018427387904,)}"
OBJECTS = "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}"


def header(text: str, length: int = 96) -> bytes:
    return NOT_NUMPY[:8] + length.to_bytes(2, "little") + text.ljust(length).encode()


def array_node(**rest: Any) -> dict[str, Any]:
    return node("NdArrayNode", "numpy.ndarray", **rest)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (archived(b"{"), "its instructions make no sense"),
        (archived({}), "its instructions make no sense"),
        (archived(listed(3)), "its instructions make no sense"),
        (archived(listed(constant([1]))), "its instructions make no sense"),
        (archived(node("BytesNode", file="no")), "a part of it is missing"),
        (
            archived(node("CachedNode", __id__=3)),
            "it refers to a part that is not there",
        ),
        (
            archived(array_node(type="numpy", file="a"), a=header(HUGE)),
            "an array in it is longer or shorter than its shape",
        ),
        (
            archived(array_node(type="numpy", file="a"), a=header(OBJECTS)),
            "an array in it says that it has Python objects",
        ),
        (
            archived(array_node(type="numpy", file="a"), a=header("[" * 90)),
            "the header of an array in it makes no sense",
        ),
        (
            archived(array_node(type="numpy", file="a"), a=b"hello, this is no array"),
            "an array in it is not as numpy writes one",
        ),
        (
            archived(
                node(
                    "DictNode",
                    "builtins.dict",
                    content={"a": constant(1)},
                    key_types=listed(),
                )
            ),
            "a dict in it has not as many kinds of keys as keys",
        ),
        (archived(listed())[:-30], "it has no directory, so it was cut off"),
    ],
)
def test_what_skops_would_not_have_written_is_damaged(
    content: bytes, reason: str
) -> None:
    with pytest.raises(Damaged) as damaged:
        read_skops(content)

    assert str(damaged.value) == reason


def doubled(n_lists: int) -> dict[str, Any]:
    """Return a list that is twice in a list, that is twice in a list …"""
    inner = listed(__id__=1)
    for number in range(2, n_lists):
        inner = listed(inner, node("CachedNode", __id__=number - 1), __id__=number)
    return inner


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (archived(node("EvalNode")), "of a kind that is not known here ('EvalNode')"),
        (archived(b" " * 5 * 10**6), "its schema has 4 MiB"),
        (archived(b"[" * 60_000), "parts in 60000 bytes, which skops does not write"),
        (archived(b"1," * 300_000), "300000 parts in 600000 bytes, which skops does"),
        (archived(doubled(60)), "what it repeats comes to more than"),
        (
            archived(listed(listed(__id__=1, content2=None), __id__=1)),
            "a part of it is inside itself",
        ),
        (
            archived(listed(*[node("BytesNode", file="a")] * 99), a=bytes(10**6)),
            "it makes more bytes of what is in it than it has itself",
        ),
        (archived(listed(), a=bytes(70 * 2**20)), "it unpacks to more than 64 MiB"),
    ],
    ids=["loader", "spaces", "deep", "parts", "shared", "itself", "member", "large"],
)
def test_what_takes_more_than_it_is_worth_is_refused(
    content: bytes, reason: str
) -> None:
    with pytest.raises(Refusal) as refusal:
        read_skops(content)

    assert reason in str(refusal.value)


def test_an_archive_of_too_many_members_is_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(100):
            archive.writestr(f"{number}".zfill(60_000), b"")

    with pytest.raises(Refusal, match="more members, or larger ones, than this"):
        read_skops(file.getvalue())


def test_an_archive_that_bzip2_packed_is_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("schema.json", "{}")

    with pytest.raises(Refusal, match="in another way than by deflating"):
        read_skops(file.getvalue())


def test_one_wrong_byte_is_read_or_reported() -> None:
    whole = skops.io.dumps(SVR().fit(ROWS, TARGET))

    for position in range(0, len(whole), 97):
        content = bytearray(whole)
        content[position] ^= 0x5A
        try:
            read_skops(bytes(content))
        except (Damaged, Refusal):
            continue
