import builtins
import pickle
from fractions import Fraction
from typing import Any, NamedTuple

import dill
import numpy as np
import pytest
from sklearn.utils import Bunch

from convert.errors import Refusal
from convert.saved.budget import Spending
from convert.saved.calls import REPLACED, Reader, spelled_out
from convert.saved.damage import Damaged
from convert.saved.keys import Keys
from convert.saved.scan import read_pickle
from convert.saved.written import Made, Name
from tests.rebuilt import rebuilt

FRACTION, OBJECT = Name("fractions", "Fraction"), Name("builtins", "object")


def reader(n_bytes: int = 1000) -> Reader:
    spending = Spending(n_bytes)
    return Reader(Name, spending, Keys(spending))


def call(maker: str, *arguments: Any) -> Made:
    module, _, name = maker.rpartition(".")
    return Made(Name(module, name), arguments)


def title(made: Made) -> str:
    return f"{made.maker.name}{made.arguments}"


@pytest.mark.parametrize(
    "made",
    [
        call("_codecs.encode", "naïve \xff", "latin1"),
        call("_codecs.encode", "naïve", "latin-1"),
        call("builtins.bytes"),
        call("builtins.bytearray"),
        call("builtins.bytearray", b"\0a"),
        call("builtins.bytearray", "\xff", "latin-1"),
        call("builtins.set"),
        call("builtins.set", [1, "a", (2,)]),
        call("builtins.frozenset"),
        call("builtins.frozenset", [None, b"b"]),
        call("builtins.complex", 1.5, -0.0),
    ],
    ids=title,
)
def test_a_call_is_replaced_by_what_it_returns(made: Made) -> None:
    expected = rebuilt(made)

    found = spelled_out(made, reader())

    assert type(found) is type(expected)
    assert found == expected


@pytest.mark.parametrize(
    "made",
    [
        call("copyreg.__newobj__", FRACTION, 1, 2),
        call("copyreg.__newobj_ex__", FRACTION, (1,), {"denominator": 2}),
    ],
    ids=["arguments", "keywords"],
)
def test_a_call_that_makes_an_object_becomes_its_making(made: Made) -> None:
    found = spelled_out(made, reader())

    assert (found.maker, found.how) == (FRACTION, "new")
    assert rebuilt(found) == rebuilt(made) == Fraction(1, 2)


def test_an_object_of_protocol_1_becomes_its_making() -> None:
    found = spelled_out(
        call("copyreg._reconstructor", FRACTION, OBJECT, None), reader()
    )

    assert (found.maker, found.how) == (FRACTION, "new")
    assert (found.arguments, found.keywords) == ((), {})


class Named(NamedTuple):
    first: int
    second: str


@pytest.mark.parametrize("protocol", [0, 1])
@pytest.mark.parametrize("saved", [Bunch(a=1, b="c"), Named(1, "a")])
def test_a_dict_or_a_tuple_of_protocol_1_becomes_its_making(
    saved: Any, protocol: int
) -> None:
    found = read_pickle(pickle.dumps(saved, protocol)).tree

    assert found.how == "new"
    assert rebuilt(found) == saved


@pytest.mark.parametrize("extra", [(), (None,)], ids=["alone", "none"])
def test_the_array_that_dill_fills_is_made_and_given_its_state(extra: Any) -> None:
    reduced: Any = np.arange(3.0).__reduce__()
    maker, arguments, state = reduced
    named = Name(maker.__module__, maker.__name__)
    given = reader()

    made = call("dill._dill._create_array", named, arguments, state, *extra)
    found = spelled_out(made, given)

    assert (found.maker, found.arguments, found.how) == (named, arguments, "call")
    assert found.states == [state]
    assert given.spending.branches == 1
    with_dict = call("dill._dill._create_array", named, arguments, state, {"a": 1})
    assert spelled_out(with_dict, given).states == [state, {"a": 1}]


def test_the_types_of_dill_are_named_as_their_modules_have_them() -> None:
    written = dill._dill._reverse_typemap
    known = [n for n in written if n == "PartialType" or n in dir(builtins)]
    found = {
        name: rebuilt(spelled_out(call("dill._dill._load_type", name), reader()))
        for name in known
    }

    assert {"PartialType", "float", "dict", "type", "object"} <= found.keys()
    assert found == {name: dill._dill._load_type(name) for name in known}


@pytest.mark.parametrize(
    "made",
    [
        call("_codecs.encode", "import os", "rot13"),
        call("_codecs.encode", "a"),
        call("builtins.bytes", 10**12),
        call("builtins.bytearray", 10**12),
        call("builtins.bytearray", "a", "utf-8"),
        call("builtins.set", (1, 2)),
        call("builtins.frozenset", [1], [2]),
        call("builtins.complex", "1e999"),
        call("builtins.complex", 1),
        call("copyreg.__newobj__"),
        call("copyreg.__newobj__", "fractions.Fraction"),
        call("copyreg.__newobj_ex__", FRACTION, [1], {}),
        call("copyreg._reconstructor", FRACTION, FRACTION, None),
        call("copyreg._reconstructor", FRACTION, OBJECT, 3),
        call("copyreg._reconstructor", FRACTION, Name("builtins", "dict"), [1]),
        call("copyreg._reconstructor", FRACTION, Name("builtins", "tuple"), None),
        call("dill._dill._create_array", OBJECT, ()),
        call("dill._dill._create_array", OBJECT, (), 1, 2, 3),
        call("dill._dill._load_type", 3),
        call("os.system", "true"),
    ],
    ids=title,
)
def test_what_no_pickler_writes_stays_a_call(made: Made) -> None:
    assert spelled_out(made, reader()) is made


@pytest.mark.parametrize("protocol", range(3))
def test_no_call_is_left_of_what_an_old_protocol_spells_out(protocol: int) -> None:
    thing = [b"bytes", b"", bytearray(b"a"), {1}, frozenset({2}), 1j]

    written = read_pickle(pickle.dumps(thing, protocol))

    assert written.tree == thing
    assert {name for _, name in REPLACED.keys() & {*written.imports}} == {
        *("encode", "bytes", "bytearray", "set", "frozenset", "complex")
    }


@pytest.mark.parametrize(
    "made",
    [
        call("_codecs.encode", "a" * 51, "latin1"),
        call("builtins.bytearray", b"a" * 51),
        call("builtins.bytearray", "a" * 51, "latin-1"),
    ],
    ids=["encode", "bytes", "text"],
)
def test_what_is_made_anew_is_counted(made: Made) -> None:
    assert len(spelled_out(made, reader(26))) == 51
    with pytest.raises(Refusal) as refusal:
        spelled_out(made, reader(25))

    assert str(refusal.value) == (
        "it makes more bytes of what is in it than it has itself"
    )


def test_a_set_costs_its_items() -> None:
    given = reader()

    spelled_out(call("builtins.set", [1, "a", 2.0]), given)

    assert given.spending.steps == 3


def test_a_set_of_lists_is_damaged() -> None:
    with pytest.raises(Damaged) as damaged:
        spelled_out(call("builtins.frozenset", [[1]]), reader())

    assert str(damaged.value) == "a list in it is a key"
