"""What the converter will not do, said to a person.

Refusal
├── Unsupported  a step or an estimator has no exact form in ONNX
├── Differs      the graph and the pipeline do not agree on a row
├── Unreadable   a file, a table or rows are not what they should be
└── Invalid      what was asked for cannot be: a name, an option, a description

Of these four a caller need not read the texts.
"""

import difflib
from collections.abc import Iterable
from typing import Any

MAX_NAMED = 10


class Refusal(ValueError):
    """One sentence: what was found, where, and the remedy.

    The command line prints it and exits with 2; everything else that is raised
    is a defect and keeps its traceback.
    """


class Unsupported(Refusal):
    """A step or an estimator has no exact form in ONNX; names it and a way out."""


class Differs(Refusal):
    """The graph and the pipeline do not agree on `row`, a Series by feature."""

    def __init__(self, said: str, row: Any) -> None:
        super().__init__(said)
        self.row = row


class Unreadable(Refusal):
    """A file, a table or rows are not what they should be."""


class Invalid(Refusal):
    """What was asked for cannot be: a name, an option, a description."""


def listed(names: Iterable[str], most: int = MAX_NAMED) -> str:
    """Return the names with commas between them; of the last ones only how many."""
    all_names = list(names)
    n_more = len(all_names) - most
    more = f" and {n_more} more" if n_more > 0 else ""
    return ", ".join(all_names[:most]) + more


def suggest(name: str, known: Iterable[str]) -> str:
    """Return the remedy for a name that is not known: the nearest one, and what is."""
    names = list(known)
    nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    others = listed([repr(each) for each in names if each not in nearest])
    if not nearest:
        return f"there is {others or 'none'}"
    also = f" There is also {others}" if others else ""
    return f"did you mean {nearest[0]!r}?{also}"
