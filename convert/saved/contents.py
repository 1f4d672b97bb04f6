"""Finds the estimators in a dict, list or tuple, which people save around a model."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

Part = tuple[str, Any]
"""Where in the container, and what is there."""


def find_parts(thing: Any, is_wanted: Callable[[Any], bool]) -> Iterator[Part]:
    """Yield what is wanted in a container, and in the containers in it.

    Each container is opened once, however often a file refers to it.
    """
    opened: set[int] = set()
    waiting = deque(_items("", thing))
    while waiting:
        place, item = waiting.popleft()
        if is_wanted(item):
            yield place, item
        elif id(item) not in opened:
            opened.add(id(item))
            waiting += _items(place, item)


def _items(place: str, thing: Any) -> list[Part]:
    if isinstance(thing, dict):
        named = [(repr(key), value) for key, value in thing.items()]
    elif isinstance(thing, list | tuple):
        named = [(str(index), value) for index, value in enumerate(thing)]
    else:
        return []
    before = f"{place} / " if place else ""
    return [(before + name, value) for name, value in named]
