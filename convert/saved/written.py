"""What is written in a saved file: a plain tree, in which nothing was called.

Whoever reads a file (a pickle, a skops archive) makes this tree of it, and whoever
builds an estimator reads nothing else. Its leaves are None, booleans, numbers, text and
bytes; its branches are lists, tuples, dicts, sets and frozensets, and what is here. One
thing that the file refers to twice is one object in the tree too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

NOTHING: Mapping[Any, Any] = MappingProxyType({})


@dataclass(eq=False, slots=True)
class Name:
    """A class or a function that a file names, under the names of Python 3 and numpy 2."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(eq=False, slots=True)
class Made:
    """What a file says is made by calling something, and is then filled.

    Parameters
    ----------
    maker
        What is called: in an honest file a `Name`.
    arguments, keywords
        What it is called with.
    how
        "new" for ``maker.__new__(maker, …)``, "call" for ``maker(…)``.
    states
        What is given to it as its state, in order; an honest file has one at most.
    items
        What is appended or added to it.
    pairs
        Keys and values that are set in it.

    Notes
    -----
    A file may hold a million of these (a vocabulary whose numbers are numpy's), so what
    most of them lack is the same empty tuple and the same empty mapping for all.
    """

    maker: Any
    arguments: tuple[Any, ...] = ()
    keywords: Mapping[Any, Any] = field(default_factory=lambda: NOTHING)
    how: Literal["call", "new"] = "call"
    states: Sequence[Any] = ()
    items: Sequence[Any] = ()
    pairs: Sequence[tuple[Any, Any]] = ()


@dataclass(eq=False, slots=True)
class RawArray:
    """An array whose values stand beside the tree (joblib, skops).

    Parameters
    ----------
    dtype
        As the file writes it: a `Made`, or text as ``numpy.dtype`` takes it.
    shape
        Lengths, none below zero.
    order
        "C" or "F".
    content
        The bytes of the values, as many as shape and dtype say.
    objects
        The tree of what is in it instead, where its values are Python objects.
    """

    dtype: Any
    shape: tuple[int, ...]
    order: Literal["C", "F"]
    content: bytes | memoryview = b""
    objects: Any = None
