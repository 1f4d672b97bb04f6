"""Makes a tree of what is written into what it says, believing all of it.

It is the oracle of the readers: what it makes of an honest file is what the file's own
library makes of it. Never to be given another file.
"""

import importlib
from typing import Any

import numpy as np

from convert.saved.written import Made, Name, RawArray


class Rebuilder:
    """Keeps what was made, so that what is one thing in the tree is one thing."""

    def __init__(self) -> None:
        self.made: dict[int, Any] = {}

    def make(self, part: Any) -> Any:
        if id(part) not in self.made:
            self.made[id(part)] = self._make(part)
        return self.made[id(part)]

    def _make(self, part: Any) -> Any:
        match part:
            case Name():
                return self._find(part)
            case RawArray():
                return self._array(part)
            case Made():
                return self._filled(part)
            case list():
                items: list[Any] = []
                self.made[id(part)] = items
                items += map(self.make, part)
                return items
            case dict():
                pairs: dict[Any, Any] = {}
                self.made[id(part)] = pairs
                pairs.update((self.make(k), self.make(v)) for k, v in part.items())
                return pairs
            case tuple() | set() | frozenset():
                return type(part)(map(self.make, part))
        return part

    def _find(self, name: Name) -> Any:
        found = importlib.import_module(name.module)
        for attribute in name.name.split("."):
            found = getattr(found, attribute)
        return found

    def _array(self, array: RawArray) -> Any:
        if array.objects is not None:
            return self.make(array.objects)
        buffer = bytearray(array.content)
        dtype = self.make(array.dtype)
        return np.ndarray(array.shape, dtype, buffer, order=array.order)

    def _filled(self, part: Made) -> Any:
        maker = self.make(part.maker)
        arguments = self.make(part.arguments)
        keywords = {key: self.make(value) for key, value in part.keywords.items()}
        if part.how == "new":
            thing = maker.__new__(maker, *arguments, **keywords)
        else:
            thing = maker(*arguments, **keywords)
        self.made[id(part)] = thing
        for state in part.states:
            set_state(thing, self.make(state))
        for item in part.items:
            (thing.add if isinstance(thing, set) else thing.append)(self.make(item))
        for key, value in part.pairs:
            thing[self.make(key)] = self.make(value)
        return thing


def set_state(thing: Any, state: Any) -> None:
    if hasattr(thing, "__setstate__"):
        thing.__setstate__(state)
        return
    slots = None
    if isinstance(state, tuple) and len(state) == 2:
        state, slots = state
    thing.__dict__.update(state or {})
    for key, value in (slots or {}).items():
        setattr(thing, key, value)


def rebuilt(tree: Any) -> Any:
    return Rebuilder().make(tree)
