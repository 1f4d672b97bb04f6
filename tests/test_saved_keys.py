from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.errors import Refusal
from convert.saved.budget import Limits, Spending
from convert.saved.damage import Damaged
from convert.saved.keys import OWN_HASH, Keys
from convert.saved.written import Made, Name

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
KEYS = st.recursive(
    LEAVES | st.binary(max_size=3),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=9,
)


def cost(keys: list[Any], container: Any = None) -> int:
    spending = Spending(0)
    Keys(spending).check(keys, container)
    return spending.steps


def is_free(key: Any) -> bool:
    if isinstance(key, int) and not isinstance(key, bool):
        return hash(key) == key or key == -1
    return not isinstance(key, tuple | frozenset)


def count(key: Any) -> int:
    return 1 + sum(map(count, key)) if isinstance(key, tuple | frozenset) else 1


def one_in_another(n_tuples: int) -> Any:
    key: Any = ()
    for _ in range(n_tuples - 1):
        key = (key,)
    return key


@given(keys=st.lists(KEYS, max_size=4))
def test_whatever_python_takes_as_a_key_costs_its_parts(keys: list[Any]) -> None:
    met: Counter[int] = Counter()
    expected = 0
    for key in keys:
        if not is_free(key):
            met[hash(key)] += 1
            expected += count(key) * met[hash(key)]

    assert cost(keys) == expected


@pytest.mark.parametrize(
    ("keys", "steps"),
    [
        (["a", b"b", 0.5, True, None, Name("a", "b"), Made(Name("a", "b"))], 0),
        ([0, 1, -3, OWN_HASH[0], OWN_HASH[-1]], 0),
        ([2**61 - 1], 1),
        ([-(2**61) + 1], 1),
        ([()], 1),
        ([(1, (2, 3))], 5),
        ([frozenset({1, 2})], 3),
        ([(1, 2), (1, 2), (1, 2)], 3 + 6 + 9),
        ([7 + (2**61 - 1) * factor for factor in (1, 2, 3)], 1 + 2 + 3),
    ],
)
def test_a_key_costs_its_parts_for_each_of_the_same_hash_until_now(
    keys: list[Any], steps: int
) -> None:
    assert cost(keys) == steps


def test_no_two_integers_are_taken_for_free_that_share_a_hash() -> None:
    ends = [*range(-1000, -2), *range(1000), *OWN_HASH[:1000], *OWN_HASH[-1000:]]

    assert [hash(key) for key in ends] == ends


def test_keys_of_one_container_are_counted_on_from_call_to_call() -> None:
    spending = Spending(0)
    keys = Keys(spending)
    one: dict[Any, Any] = {}
    other: dict[Any, Any] = {}

    steps = []
    for container in (one, one, other, None, None):
        keys.check([(1, 2)], container)
        steps.append(spending.steps)

    assert steps == [3, 9, 12, 15, 18]


def test_a_key_of_a_thousand_parts_is_the_largest() -> None:
    assert cost([one_in_another(1000)]) == 1000
    assert cost([tuple(range(999))]) == 1000
    for key in (one_in_another(1001), tuple(range(1000)), frozenset(range(1000))):
        with pytest.raises(Damaged) as damaged:
            cost([key])
        assert str(damaged.value) == "a key in it has more than 1000 parts"


def test_a_key_that_python_would_walk_for_ever_is_damaged() -> None:
    key: Any = ()
    for _ in range(60):
        key = (key, key)

    with pytest.raises(Damaged, match="a key in it has more than 1000 parts"):
        cost([key])


@pytest.mark.parametrize("thing", [[1], {"a": 1}, {1}, bytearray(b"a")])
@pytest.mark.parametrize("is_inside", [False, True])
def test_what_python_cannot_hash_is_named(thing: Any, is_inside: bool) -> None:
    key = ("a", (thing,)) if is_inside else thing
    with pytest.raises(TypeError):
        hash(key)

    with pytest.raises(Damaged) as damaged:
        cost([key])

    assert str(damaged.value) == f"a {type(thing).__name__} in it is a key"


def test_many_keys_of_one_hash_are_refused() -> None:
    spending = Spending(0, Limits(steps=100))
    keys = [7 + (2**61 - 1) * factor for factor in range(1, 15)]

    with pytest.raises(Refusal) as refusal:
        Keys(spending).check(keys, {})

    assert str(refusal.value) == (
        "it has more than 100 instructions: save the fitted pipeline alone"
    )
