"""What is said where nothing is: which methods a path has, and which path is near."""

import re
from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches

MAX_LENGTH = 100
"""Of a path that others are compared with: that takes as long as it is long."""


def meant(routes: Iterable[tuple[str, Collection[str]]]) -> Iterator[str]:
    """Yield the methods of those that are meant: whose path is parameters the least.

    Parameters
    ----------
    routes
        Path and methods of each that matches.
    """
    found = [(len(re.sub("{.*?}", "", path)), methods) for path, methods in routes]
    most = max(length for length, _ in found)
    for length, methods in found:
        if length == most:
            yield from methods


def allowed(methods: Iterable[str]) -> list[str]:
    """Return the methods of a path in alphabetical order; each can be asked for them."""
    return sorted({*methods, "OPTIONS"})


def not_allowed(method: str, path: str, allowed: Collection[str]) -> str:
    """Return the sentence of a 405."""
    *others, last = allowed
    return f"{method} is not answered at {path}; send {', '.join(others)} or {last}."


def not_found(path: str, paths: Iterable[str], root_path: str = "") -> str:
    """Return the sentence of a 404, with the one of `paths` that was perhaps meant."""
    said = f"There is nothing at {root_path}{path[:MAX_LENGTH]}"
    is_short = len(path) <= MAX_LENGTH
    nearest = get_close_matches(path, paths, 1) if is_short else []
    if nearest:
        return f"{said}; there is {root_path}{nearest[0]}."
    return (
        f"{said}; predictions are at {root_path}/predict and "
        f"{root_path}/models/{{name}}/predict, and GET {root_path}/models lists the "
        "models."
    )


def no_problem(kinds: Iterable[str]) -> str:
    """Return the sentence of a 404 for a kind of problem."""
    return f"There is no such problem; there are: {', '.join(kinds)}."
