import datetime
import io
import pickle
import pickletools
import random
from fractions import Fraction
from typing import Any

import joblib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.saved.budget import LIMITS, Limits, Spending
from convert.saved.damage import Damaged
from convert.saved.machine import INSTRUCTIONS, Machine, _unknown
from convert.saved.scan import Findings
from convert.saved.written import Made, RawArray
from tests.assembler import (
    Code,
    call,
    call_inst,
    call_obj,
    joblib_array,
    listed,
    name,
    new,
    new_ex,
    program,
    tupled,
)
from tests.rebuilt import rebuilt

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.sampled_from(["\ud800", "a\udfff"])
    | st.binary(max_size=5)
)
KEYS = LEAVES | st.tuples(LEAVES, LEAVES) | st.frozensets(LEAVES, max_size=2)
THINGS = st.recursive(
    KEYS | st.sets(KEYS, max_size=3) | st.binary(max_size=3).map(bytearray),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=3)
    ),
    max_leaves=12,
)


def machine(content: bytes, at: int = 0, limits: Limits = LIMITS) -> Machine:
    return Machine(content, Findings(), Spending(len(content), limits), at)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@given(thing=THINGS)
def test_the_tree_of_plain_things_is_what_pickle_loads(
    thing: Any, protocol: int
) -> None:
    content = pickle.dumps(thing, protocol)

    tree = machine(content).run()

    loaded = pickle.loads(content)
    assert (type(tree), tree) == (type(loaded), loaded)
    assert repr(tree) == repr(loaded)


def test_it_has_every_instruction_that_python_has_and_no_other() -> None:
    known = {bytes([code]) for code in range(256) if INSTRUCTIONS[code] != _unknown}

    codes = {opcode.code.encode("latin-1") for opcode in pickletools.opcodes}
    assert known == codes - {pickle.STOP}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"I01\n.", True),
        (b"I00\n.", False),
        (b"I-12\n.", -12),
        (b"I16\n.", 16),
        (b"L-7L\n.", -7),
        (b"L7\n.", 7),
        (b"F-1.5e3\n.", -1500.0),
        (b"S'a\\n\\x41'\n.", "a\nA"),
        (b'S"a"\n.', "a"),
        (b"Va\\u00e9\\u000a\n.", "aé\n"),
        (b"T\x02\0\0\0ab.", "ab"),
        (b"U\x02ab.", "ab"),
        (b"NI1\n0.", None),
        (b"N(I1\nI2\n1.", None),
        (b"N(0.", None),
        (b"(I1\n2l.", [1, 1]),
        (b"(lp0\nI1\na0g0\n.", [1]),
        (b"](I1\nI2\neI3\na.", [1, 2, 3]),
        (b"(I1\nI2\nd.", {1: 2}),
        (b"}(I1\nI2\nuI3\nI4\ns.", {1: 2, 3: 4}),
        (b"Nq\x050h\x05.", None),
        (b"Nr\x05\0\0\x000j\x05\0\0\0.", None),
        (b"(I1\nI2\nI3\nt.", (1, 2, 3)),
        (b"I1\nI2\nI3\n\x87.", (1, 2, 3)),
        (b"\x8f(I1\nI1\n\x90.", {1}),
        (b"(I1\nI1\n\x91.", frozenset({1})),
    ],
    ids=repr,
)
def test_what_a_hand_writes_is_what_pickle_loads(content: bytes, expected: Any) -> None:
    tree = machine(content).run()

    assert pickle.loads(content) == expected
    assert (type(tree), tree) == (type(expected), expected)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_objects_are_made_and_filled_as_pickle_does(protocol: int) -> None:
    day = datetime.datetime(2026, 11, 26, tzinfo=datetime.UTC)
    thing = [day, 1 + 2j, np.float64(2.5), np.arange(3.0), random.Random(3)]

    again = rebuilt(machine(pickle.dumps(thing, protocol)).run())

    assert again.pop().random() == random.Random(3).random()
    assert repr(again) == repr(thing[:-1])


@pytest.mark.parametrize(
    "made",
    [
        call(name("fractions", "Fraction"), 1, 2),
        call_inst("fractions", "Fraction", 1, 2),
        call_obj(name("fractions", "Fraction"), 1, 2),
        new(name("fractions", "Fraction"), 1, 2),
        new_ex(name("fractions", "Fraction"), (1,), {"denominator": 2}),
    ],
    ids=["REDUCE", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX"],
)
def test_what_is_called_is_written_and_rebuilt_as_pickle_loads_it(made: Code) -> None:
    tree = machine(program(made)).run()

    assert isinstance(tree, Made)
    assert str(tree.maker) == "fractions.Fraction"
    assert pickle.loads(program(made)) == rebuilt(tree) == Fraction(1, 2)


def test_items_and_pairs_of_what_is_made_are_kept_in_order() -> None:
    made = call(name("collections", "OrderedDict"))
    pairs = Code(made + b"(K\x01K\x02K\x03K\x04uK\x05K\x06s")
    made = call(name("collections", "deque"))
    items = Code(made + b"(K\x01K\x02eK\x03a")

    tree = machine(program(tupled([pairs, items]))).run()

    assert tree[0].pairs == [(1, 2), (3, 4), (5, 6)]
    assert tree[1].items == [1, 2, 3]
    assert rebuilt(tree) == pickle.loads(program(tupled([pairs, items])))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_what_the_file_refers_to_twice_is_one_thing_and_shared(protocol: int) -> None:
    twice, once = [1], [2]
    of_itself: list[Any] = []
    of_itself.append(of_itself)

    read = machine(pickle.dumps([twice, twice, once, of_itself], protocol))
    tree = read.run()

    assert tree[0] is tree[1]
    assert tree[3][0] is tree[3]
    assert read.shared == {id(tree[0]): tree[0], id(tree[3]): tree[3]}


def test_what_is_made_of_a_list_may_share_what_is_in_it() -> None:
    made = call(name("builtins", "frozenset"), listed([tupled([2, 3])]))

    read = machine(program(made))
    (item,) = read.run()

    assert item == (2, 3)
    assert read.shared[id(item)] is item


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.arange(6.0).reshape(2, 3).T,
        np.array(["a", "bc"]),
        np.array([1, "a", None], object),
        np.zeros((0, 3)),
    ],
    ids=["C", "F", "text", "objects", "empty"],
)
def test_an_array_between_the_instructions_is_read_in_its_place(array: Any) -> None:
    file = io.BytesIO()
    joblib.dump({"before": 1, "array": array, "behind": 2}, file)

    read = machine(file.getvalue())
    tree = read.run()

    assert type(tree["array"]) is RawArray
    assert read.at == len(file.getvalue())
    np.testing.assert_array_equal(rebuilt(tree)["array"], array, strict=True)
    assert (tree["before"], tree["behind"]) == (1, 2)


def test_what_is_shared_in_an_array_of_objects_is_shared() -> None:
    twice = [1]
    array: Any = np.array([None, None, 2])
    array[0] = array[1] = twice
    file = io.BytesIO()
    joblib.dump([array], file)

    read = machine(file.getvalue())
    again = rebuilt(read.run())[0]

    assert again[0] is again[1]
    assert [1] in read.shared.values()


def test_it_begins_and_ends_where_it_is_told() -> None:
    one, other = pickle.dumps([1]), pickle.dumps("a")
    content = b"before" + one + other + b"behind"

    first = machine(content, 6)
    assert first.run() == [1]
    second = machine(content, first.at)

    assert second.run() == "a"
    assert (first.at, second.at) == (6 + len(one), len(content) - 6)


NO_SENSE = "its instructions make no sense"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\xff.", NO_SENSE),
        (b"N\x86.", NO_SENSE),
        (b"cos\nsystem\nNR.", NO_SENSE),
        (b"cos\nsystem\nN\x81.", NO_SENSE),
        (b"cos\nsystem\n)]\x92.", NO_SENSE),
        (b"T\xff\xff\xff\xff.", "a length in it is below zero"),
        (b"\x8c\x05abc", "it ends too early"),
        (b"\x95\x02\0\0\0\0\0\0\0N", "it ends too early"),
        (b"Va", "a line in it does not end"),
        (b"I" + b"1" * 1001 + b"\n.", "a line in it does not end"),
        (b"c" + b"a" * 501 + b"\nb\n.", "a name in it has more than 500 letters"),
        (b"cb\n" + b"a" * 501 + b"\n.", "a name in it has more than 500 letters"),
        (b"Nr\x05\0\0\0h\x04.", "it refers to a part of it that is not there"),
        (b"Nr\xe9\x03\0\0.", "it numbers its parts with large gaps"),
        (b"\x8b\xe9\x03\0\0" + bytes(1001), "an integer in it has 1001 bytes"),
        (b"Sa\n.", "a text in it has no quotes"),
        (b"S'\n.", "a text in it has no quotes"),
        (b"S'a\"\n.", "a text in it has no quotes"),
        (b"\x80\x06N.", "it is of protocol 6, which no Python has"),
        (b"(" * 2001, "it nests deeper than 1000"),
        (b"Np-1\n.", "a number in it is below zero"),
        (b"Np0\ng-1\n.", "a number in it is below zero"),
        (b"NNa.", "it appends to what is no list"),
        (b"](N\x90.", "it adds to what is no set"),
        (b"]NNs.", "it sets an item of what is no dict"),
        (b"NK\x01\x93.", "a name in it is no text"),
        (b"]}b.", "it gives a state to what has none"),
        (b"(]N\x91.", "a list in it is a key"),
        (b"N}]Ns.", "a list in it is a key"),
        (b"\x8f(]\x90.", "a list in it is a key"),
        (joblib_array("f8", (2,), bytes(15)), "it ends in the middle of an array"),
        (b"P1\n.", "it refers to things outside it"),
        (b"NQ.", "it refers to things outside it"),
        (
            b"\x82\x01.",
            "it refers to extensions of copyreg, which only its writer has",
        ),
        (b"\x97.", "its arrays were kept outside it"),
        (b"N\x98.", "its arrays were kept outside it"),
    ],
    ids=range(36),
)
def test_what_no_pickler_writes_is_damaged(content: bytes, sentence: str) -> None:
    with pytest.raises(Damaged) as damaged:
        machine(content).run()

    assert str(damaged.value) == sentence


def test_a_whole_number_is_decimal() -> None:
    """Python before 3.14 reads 0x10 as well, which no pickler writes."""
    with pytest.raises(Damaged, match="not written as Python writes one"):
        machine(b"I0x10\n.").run()


def test_as_many_gaps_and_marks_as_are_allowed_are_taken() -> None:
    limits = Limits(gaps=3, depth=2, number_bytes=3, name_bytes=3)

    assert machine(b"Nr\x03\0\0\0.", limits=limits).run() is None
    assert machine(b"((((I123\n.", limits=limits).run() == 123
    assert str(machine(b"cabc\nabc\n.", limits=limits).run()) == "abc.abc"


def test_the_work_is_counted_by_the_instruction() -> None:
    content = pickle.dumps([[number] for number in range(20_000)])

    read = machine(content)
    read.run()

    n_instructions = sum(1 for _ in pickletools.genops(content))
    assert read.spending.steps == n_instructions - 1  # all but the end
    assert read.spending.branches == 20_001


def test_a_set_takes_as_much_memory_as_four_lists() -> None:
    lists = machine(program(listed([Code(b"]")] * 100)))
    sets = machine(program(listed([Code(b"\x8f")] * 100)))

    assert lists.run() == [[]] * 100
    assert sets.run() == [set()] * 100
    assert (lists.spending.branches, sets.spending.branches) == (101, 401)
