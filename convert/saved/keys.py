"""Says whether things may be keys of a dict or members of a set; hashes no traps.

Python hashes a tuple by walking all of it, shared parts again and again, and compares
keys of equal hashes one by one: 60 tuples of two, or large integers that are chosen for
it, would keep it busy for ever.
"""

from collections import Counter
from collections.abc import Collection
from typing import Any

from convert.saved.budget import Spending
from convert.saved.damage import Damaged
from convert.saved.written import Made, Name, RawArray

MAX_PARTS = 1000
"""Of a tuple or a frozenset that is a key, and of those in it."""

CERTAIN = frozenset({str, bytes, bool, float, type(None), Name, Made, RawArray})
"""Hashed by what they are, with a secret seed, or with few others of the same hash."""

OWN_HASH = range(-(2**61) + 2, 2**61 - 1)
"""Integers that no other one here shares its hash with, but -1 and -2."""


class Keys:
    """Checks the keys of one file."""

    def __init__(self, spending: Spending) -> None:
        self.spending = spending
        self.met: Counter[tuple[int, int]] = Counter()

    def check(self, keys: Collection[Any], container: Any = None) -> None:
        """Check keys that are about to be put into a container, or into a new one.

        Raises
        ------
        Damaged
            One of them cannot be a key.
        Refusal
            To compare them takes more steps than there are.
        """
        if CERTAIN.issuperset(map(type, keys)):
            return
        met = Counter[tuple[int, int]]() if container is None else self.met
        for key in keys:
            if type(key) not in CERTAIN and not _has_own_hash(key):
                n_parts = _count_parts(key)
                place = (id(container), hash(key))
                met[place] += 1
                self.spending.step(n_parts * met[place])


def _has_own_hash(key: Any) -> bool:
    return type(key) is int and key in OWN_HASH


def _count_parts(key: Any) -> int:
    n_parts = 0
    waiting = [key]
    while waiting:
        part = waiting.pop()
        n_parts += 1
        if type(part) in (tuple, frozenset):
            if len(part) + len(waiting) + n_parts > MAX_PARTS:
                raise Damaged(f"a key in it has more than {MAX_PARTS} parts")
            waiting += part
        elif type(part) in (list, dict, set, bytearray):
            raise Damaged(f"a {type(part).__name__} in it is a key")
    return n_parts
