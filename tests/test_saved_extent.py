from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.errors import Refusal
from convert.saved.budget import LIMITS, Limits
from convert.saved.extent import Extent
from convert.saved.written import Made, Name, RawArray

LEAVES = st.none() | st.integers() | st.text(max_size=3)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=2), inner, max_size=4)
        | st.builds(
            Made,
            maker=st.just(Name("a", "b")),
            arguments=st.lists(inner, min_size=1, max_size=2).map(tuple),
            keywords=st.dictionaries(st.text(max_size=2), inner, max_size=1),
            states=st.lists(inner, max_size=2),
            items=st.lists(inner, max_size=2),
            pairs=st.lists(st.tuples(LEAVES, inner), max_size=2),
        )
        | st.builds(
            RawArray,
            dtype=inner,
            shape=st.just((2,)),
            order=st.just("C"),
            objects=inner,
        )
    ),
    max_leaves=20,
)


def parts(branch: Any) -> list[Any]:
    """Return what is in a branch, as a person would list it."""
    match branch:
        case Made():
            pairs = [part for pair in branch.pairs for part in pair]
            keywords = [branch.keywords] if branch.keywords else []
            filled = [*branch.states, *branch.items, *keywords, *pairs]
            return [branch.maker, *branch.arguments, *filled]
        case RawArray():
            return [branch.dtype, branch.objects]
        case dict():
            return [*branch.keys(), *branch.values()]
    return list(branch)


def is_branch(thing: Any) -> bool:
    return isinstance(thing, list | tuple | dict | set | frozenset | Made | RawArray)


def branches(tree: Any) -> Iterator[Any]:
    """Yield each branch, once for each place where it is."""
    if is_branch(tree):
        yield tree
        for part in parts(tree):
            yield from branches(part)


def size(tree: Any) -> int:
    return sum(1 + len(parts(branch)) for branch in branches(tree))


def depth(tree: Any) -> int:
    return 1 + max(map(depth, parts(tree)), default=0) if is_branch(tree) else 0


def shared(tree: Any) -> dict[int, Any]:
    met = Counter(id(branch) for branch in branches(tree))
    return {id(each): each for each in branches(tree) if met[id(each)] > 1}


def refusal(tree: Any, most: int, limits: Limits = LIMITS) -> str:
    """Return the sentence about a tree, or nothing."""
    try:
        Extent(shared(tree), most, limits).check(tree)
    except Refusal as error:
        return str(error)
    return ""


def too_large(most: int) -> str:
    return (
        f"what it repeats comes to more than {most} parts: save the fitted pipeline "
        "alone"
    )


def too_deep(most: int) -> str:
    return (
        f"it has more than {most} lists, tuples and objects inside each other: save "
        "the fitted pipeline alone"
    )


@given(tree=TREES, twice=st.booleans())
def test_a_tree_may_have_as_many_parts_as_it_has(tree: Any, twice: bool) -> None:
    tree = [tree, [tree, {"a": tree}]] if twice else tree

    whole = size(tree)
    assert refusal(tree, whole + 1) == ""
    if whole:
        assert refusal(tree, whole - 1) == too_large(whole - 1)


@given(tree=TREES, twice=st.booleans())
def test_a_tree_may_be_as_deep_as_it_is(tree: Any, twice: bool) -> None:
    tree = [tree, (tree, [tree])] if twice else [tree]
    deep = depth(tree)

    assert refusal(tree, 10**6, Limits(depth=deep)) == ""
    assert refusal(tree, 10**6, Limits(depth=deep - 1)) == too_deep(deep - 1)


def test_what_is_shared_counts_at_each_of_its_places_and_is_walked_once() -> None:
    tree: Any = [1, 2]
    lists = [tree]
    for _ in range(60):
        tree = [tree, tree]
        lists.append(tree)
    whole = 3
    for _ in range(60):
        whole = 3 + 2 * whole

    everything = {id(each): each for each in lists}
    Extent(everything, 2**63, Limits(depth=61)).check(tree)

    for limits, most, sentence in [
        (LIMITS, whole - 1, too_large(whole - 1)),
        (Limits(depth=60), whole, too_deep(60)),
    ]:
        with pytest.raises(Refusal) as refused:
            Extent(everything, most, limits).check(tree)
        assert str(refused.value) == sentence


def test_a_branch_in_itself_is_walked_once() -> None:
    tree: list[Any] = [1]
    tree.append(tree)

    extent = Extent({id(tree): tree}, 10, LIMITS)
    extent.check(tree)

    assert extent.known[id(tree)] == (3, 1)


def test_arguments_that_are_shared_are_a_branch_of_their_own() -> None:
    arguments = ([1], [2])
    tree = [Made(Name("a", "b"), arguments), Made(Name("c", "d"), arguments)]

    extent = Extent({id(arguments): arguments}, 1000, LIMITS)
    extent.check(tree)

    assert extent.known == {id(arguments): (1 + 2 + 2 + 2, 2)}


@pytest.mark.parametrize("tree", [None, 3, "text" * 1000, Name("a", "b")], ids=type)
def test_what_has_no_parts_is_no_tree_at_all(tree: Any) -> None:
    assert refusal(tree, 1) == ""
