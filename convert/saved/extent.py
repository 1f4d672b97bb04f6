"""Says how deep a tree is, and how large it would be if nothing in it were shared.

Sixty lists, each twice in the next, are a file of 300 bytes and 2**60 lists to whoever
prints or compares them. What is shared is known from the reading, so that a tree in
which nothing is, however large, is walked once and remembered nowhere.
"""

from collections.abc import Collection, Mapping
from typing import Any

from convert.errors import Refusal, Unreadable
from convert.saved.budget import Limits
from convert.saved.written import Made, RawArray

BRANCHES = frozenset({list, dict, tuple, set, frozenset, Made, RawArray})


class _Walked:
    """A branch that is being walked."""

    __slots__ = ("height", "key", "size", "waiting")

    def __init__(self, key: int, waiting: list[Any], size: int, height: int) -> None:
        self.key = key
        self.waiting = waiting
        self.size = size
        self.height = height


class Extent:
    """Measures one tree.

    Parameters
    ----------
    shared
        The branches that may be at several places in it, by their identity.
    most
        Parts that it may have, where a shared one counts at each of its places.
    """

    def __init__(self, shared: Mapping[int, Any], most: int, limits: Limits) -> None:
        self.shared = shared
        self.most = most
        self.limits = limits
        self.known: dict[int, tuple[int, int]] = {}

    def check(self, tree: Any) -> None:
        """Walk the tree.

        Raises
        ------
        Refusal
            It is too deep, or too large.
        """
        path = [_Walked(0, _branches([tree]), 0, 0)]
        for _ in range(self.most):
            last = path[-1]
            if last.waiting:
                self._enter(last.waiting.pop(), path)
            elif len(path) > 1:
                self._leave(path.pop(), path[-1], len(path))
            else:
                return
        raise self._too_large()

    def _enter(self, branch: Any, path: list[_Walked]) -> None:
        """Walk a branch, or go into it if there are others in it to walk."""
        key = id(branch)
        if key in self.known:
            self._add(path[-1], *self.known[key], len(path))
            return
        if key in self.shared:
            self.known[key] = 0, 0  # until it was walked: a branch may be in itself
        inner, size = self._inside(branch)
        if inner:
            path.append(_Walked(key, inner, size, 0))
            self._check_depth(len(path))
        else:
            self._leave(_Walked(key, inner, size, 0), path[-1], len(path))

    def _leave(self, done: _Walked, outer: _Walked, depth: int) -> None:
        if done.key in self.shared:
            self.known[done.key] = done.size, done.height + 1
        self._add(outer, done.size, done.height + 1, depth)

    def _add(self, outer: _Walked, size: int, height: int, depth: int) -> None:
        outer.size += size
        if height > outer.height:
            outer.height = height
        self._check_depth(depth + height)
        if outer.size > self.most:
            raise self._too_large()

    def _check_depth(self, depth: int) -> None:
        if depth > self.limits.depth + 1:
            raise Unreadable(
                f"it has more than {self.limits.depth} lists, tuples and objects "
                "inside each other: save the fitted pipeline alone"
            )

    def _too_large(self) -> Refusal:
        return Unreadable(
            f"what it repeats comes to more than {self.most} parts: save the fitted "
            "pipeline alone"
        )

    def _inside(self, branch: Any) -> tuple[list[Any], int]:
        """Return the branches in a branch, and how many parts it has itself."""
        kind = type(branch)
        if kind is Made:
            parts = self._parts_of(branch)
            return _branches(parts), 1 + len(parts)
        if kind is dict:
            keys, values = _branches(branch.keys()), _branches(branch.values())
            return keys + values, 1 + 2 * len(branch)
        if kind is RawArray:
            return _branches((branch.dtype, branch.objects)), 3
        return _branches(branch), 1 + len(branch)

    def _parts_of(self, made: Made) -> list[Any]:
        if id(made.arguments) in self.shared:
            parts = [made.maker, made.arguments, *made.states, *made.items]
        else:
            parts = [made.maker, *made.arguments, *made.states, *made.items]
        if made.keywords:
            parts.append(made.keywords)
        for pair in made.pairs:
            parts += pair
        return parts


def _branches(parts: Collection[Any]) -> list[Any]:
    if BRANCHES.isdisjoint(map(type, parts)):
        return []
    return [part for part in parts if type(part) in BRANCHES]
