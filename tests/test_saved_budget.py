import pickle
import struct
from collections.abc import Callable

import pytest

from convert.errors import Refusal
from convert.saved.budget import LIMITS, Limits
from convert.saved.damage import Damaged
from convert.saved.scan import read_pickle

HEAD = b"\x80\x04"


def text(value: str) -> bytes:
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def name(module: str, of: str) -> bytes:
    return text(module) + text(of) + b"\x93"


def nested(n_lists: int) -> bytes:
    return HEAD + b"]" * n_lists + b"a" * (n_lists - 1) + b"."


def doubled(n_lists: int) -> bytes:
    """Return a list that is twice in a list, that is twice in a list …"""
    steps = (b"]\x94(h%ch%ce" % (index, index) for index in range(n_lists))
    return HEAD + b"]\x94" + b"".join(steps) + b"."


def doubled_key(n_tuples: int) -> bytes:
    """Return a dict whose key is a tuple of the same tuple twice, of …"""
    steps = (b"h%ch%c\x86\x940" % (index, index) for index in range(n_tuples))
    return HEAD + b"}" + b")\x940" + b"".join(steps) + b"h%cNs." % n_tuples


def large_integers_of_one_hash(n_keys: int) -> bytes:
    keys = (7 + (2**61 - 1) * (index + 1) for index in range(n_keys))
    pushed = (b"\x8a\x0b" + key.to_bytes(11, "little") + b"N" for key in keys)
    return HEAD + b"}(" + b"".join(pushed) + b"u."


def tuples_of_one_hash(n_keys: int) -> bytes:
    return HEAD + b"}(" + b"(K\x01K\x02tN" * n_keys + b"u."


def array(shape: bytes, kind: str = "f8") -> bytes:
    """Return joblib's wrapper of an array, without the array."""
    dtype = name("numpy", "dtype") + text(kind) + b"\x89\x88\x87R(K\x03" + text("<")
    dtype += b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    wrapper = name("joblib.numpy_pickle", "NumpyArrayWrapper") + b")\x81}("
    wrapper += text("shape") + shape + text("order") + text("C")
    return HEAD + wrapper + text("dtype") + dtype + b"ub."


def encoded(n_times: int) -> bytes:
    """Return bytes that are made of one text again and again."""
    call = b"h\x01h\x00h\x02\x86R"
    named = name("_codecs", "encode") + b"\x94" + text("latin1") + b"\x94"
    return HEAD + b"(" + text("a" * 10_000) + b"\x94" + named + call * n_times + b"t."


def repeated_set(n_times: int) -> bytes:
    """Return sets that are made of one list again and again."""
    items = b"]\x94(" + b"N" * 1000 + b"e"
    made = name("builtins", "frozenset") + b"\x94" + b"h\x01h\x00\x85R" * n_times
    return HEAD + b"(" + items + made + b"t."


@pytest.mark.parametrize(
    ("pickled", "reason"),
    [
        (HEAD + b"\x96" + struct.pack("<Q", 3 * 10**9) + b".", "it ends too early"),
        (HEAD + b"\x8e" + struct.pack("<Q", 2**62) + b".", "it ends too early"),
        (HEAD + b"\x95" + struct.pack("<Q", 2**62) + b"N.", "it ends too early"),
        (HEAD + b"T\xff\xff\xff\xff.", "a length in it is below zero"),
        (HEAD + b"(" * 10**6 + b".", "it nests deeper than 1000"),
        (HEAD + b"N\x72\xff\xff\xff\xff.", "it numbers its parts with large gaps"),
        (b"Np999999999\n.", "it numbers its parts with large gaps"),
        (b"L" + b"9" * 10**6 + b"L\n.", "a line in it does not end"),
        (b"I" + b"9" * 10**6 + b"\n.", "a line in it does not end"),
        (b"c" + b"a" * 10**6 + b"\nb\n.", "a line in it does not end"),
        (b"c" + b"a" * 501 + b"\nb\n.", "a name in it has more than 500 letters"),
        (
            HEAD + b"\x8b" + struct.pack("<i", 10**6) + b"\xff" * 10**6 + b".",
            "an integer in it has 1000000 bytes",
        ),
        (array(b"J\xff\xff\xff\xff\x85"), "an array in it has a length below zero"),
        (array(b"J\xff\xff\xff\x7f\x85"), "it ends in the middle of an array"),
        (
            array(b"J\xff\xff\xff\x7f\x85", "V0"),
            "an array in it has 2147483647 items of no bytes",
        ),
        (array(b"K\x01\x85", "q"), "an array in it is of no dtype that numpy writes"),
        (array(b"K\x01"), "an array in it has no shape"),
        (doubled_key(60), "a key in it has more than 1000 parts"),
    ],
)
def test_what_a_small_file_claims_is_not_believed(pickled: bytes, reason: str) -> None:
    with pytest.raises(Damaged) as damaged:
        read_pickle(pickled)

    assert str(damaged.value) == reason


@pytest.mark.parametrize(
    ("pickled", "reason"),
    [
        (
            nested(2000),
            "it has more than 1000 lists, tuples and objects inside each other: save "
            "the fitted pipeline alone",
        ),
        (
            HEAD + b"]" * 10**6 + b".",
            "it has more than 225000 lists, tuples and objects: save the fitted "
            "pipeline alone",
        ),
        (
            HEAD + b"N" + b"\x85" * 10**6 + b".",
            "it has more than 225000 lists, tuples and objects: save the fitted "
            "pipeline alone",
        ),
        (
            doubled(60),
            "what it repeats comes to more than 1007260 parts: save the fitted "
            "pipeline alone",
        ),
        (
            large_integers_of_one_hash(50_000),
            "it has more than 20000000 instructions: save the fitted pipeline alone",
        ),
        (
            tuples_of_one_hash(50_000),
            "it has more than 20000000 instructions: save the fitted pipeline alone",
        ),
        (encoded(10), "it makes more bytes of what is in it than it has itself"),
        (
            repeated_set(30_000),
            "it has more than 20000000 instructions: save the fitted pipeline alone",
        ),
    ],
    ids=["deep", "lists", "tuples", "shared", "integers", "keys", "bytes", "sets"],
)
def test_what_would_take_long_or_much_is_refused(pickled: bytes, reason: str) -> None:
    with pytest.raises(Refusal) as refusal:
        read_pickle(pickled)

    assert str(refusal.value) == reason


def test_the_limits_are_those_that_are_given() -> None:
    with pytest.raises(Refusal, match="it has more than 2 lists, tuples and objects"):
        read_pickle(
            pickle.dumps([[]] * 2 + [[] for _ in range(20_000)]),
            Limits(free_branches=2, bytes_per_branch=10**9),
        )


def rows() -> list[tuple[int, str]]:
    return [(number, f"row {number}") for number in range(100_000)]


@pytest.mark.parametrize(
    "make",
    [
        lambda: {f"word number {number}": number for number in range(300_000)},
        lambda: list(range(300_000)),
        lambda: set(range(300_000)),
        lambda: {(number, str(number)): number for number in range(10_000)},
        lambda: [frozenset({number, -1.0, 2**90}) for number in range(10_000)],
        lambda: [0.5, b"x" * 10**7, bytearray(10**7), "é" * 10**6, 10**300],
        rows,
    ],
    ids=["words", "list", "set", "tuples", "frozensets", "long", "rows"],
)
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_what_an_honest_file_has_is_read(
    make: Callable[[], object], protocol: int
) -> None:
    thing = make()

    assert read_pickle(pickle.dumps(thing, protocol)).tree == thing


def test_a_list_in_itself_is_read() -> None:
    thing: list[object] = [1]
    thing.append(thing)

    tree = read_pickle(pickle.dumps(thing)).tree

    assert tree[0] == 1
    assert tree[1] is tree


def test_what_may_be_unpacked_depends_on_what_is_packed() -> None:
    assert LIMITS.unpacked_bytes_of(3000) == 64 * 2**20
    assert LIMITS.unpacked_bytes_of(10 * 2**20) == 1000 * 2**20
    assert LIMITS.unpacked_bytes_of(2**30) == 4 * 2**30
