"""What the converter will not do, said to a person."""

import difflib
from collections.abc import Iterable

MAX_NAMED = 10


class Refusal(ValueError):
    """One sentence: what was found, where, and the remedy.

    The command line prints it and exits with 2; everything else that is raised
    is a defect and keeps its traceback.
    """


def listed(names: Iterable[str], most: int = MAX_NAMED) -> str:
    """Return the names with commas between them; of the last ones only how many."""
    all_names = list(names)
    n_more = len(all_names) - most
    more = f" and {n_more} more" if n_more > 0 else ""
    return ", ".join(all_names[:most]) + more


def suggest(name: str, known: Iterable[str]) -> str:
    """Return the remedy for a name that is not known: the nearest one, or all."""
    names = list(known)
    guesses = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if guesses:
        return f"did you mean {guesses[0]!r}?"
    if not names:
        return "there is no other"
    some = ", ".join(map(repr, names[:MAX_NAMED]))
    return f"there is {some}" if len(names) <= MAX_NAMED else f"there is {some}, …"
