"""What the arguments of a tool are called: as the features, where that is allowed."""

import re
from collections.abc import Sequence
from itertools import count

MAX_KEY_CHARACTERS = 64
NOT_IN_KEY = re.compile(r"[^a-zA-Z0-9_.-]")
"""With one of these in a name, or a longer name, services that run models of language
refuse all tools of all servers at once (PrefectHQ/fastmcp#839)."""


def keys_of(names: Sequence[str]) -> dict[str, str]:
    """Return by name what an argument is called; most are called by their name."""
    fitting = [
        name
        for name in names
        if len(name) <= MAX_KEY_CHARACTERS and name and not NOT_IN_KEY.search(name)
    ]
    found = dict(zip(fitting, fitting, strict=True))
    taken, numbers = set(fitting), count(2)
    for name in names:
        if name not in found:
            key = stem = NOT_IN_KEY.sub("_", name)[: MAX_KEY_CHARACTERS - 8] or "_"
            while key in taken:
                key = f"{stem}_{next(numbers)}"
            taken.add(key)
            found[name] = key
    return found
