"""Makes up the rows that show whether columns act together or one by one."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np

MAX_COMBINATIONS = 100_000
"""A pair of two texts shows in one row of all: each is asked for."""

N_MIXTURES = 300

Name = TypeVar("Name")
Any_ = TypeVar("Any_")


def combinations(
    values: Mapping[Name, Sequence[Any_]],
) -> list[dict[Name, Any_]] | None:
    """Return every combination of one value a name; None where they are too many."""
    if count(values) > MAX_COMBINATIONS:
        return None
    return [
        dict(zip(values, each, strict=True))
        for each in itertools.product(*values.values())
    ]


def count(values: Mapping[Name, Sequence[Any_]]) -> int:
    return math.prod(map(len, values.values()))


def mixtures(values: Mapping[Name, Sequence[Any_]]) -> Iterator[dict[Name, Any_]]:
    """Yield one value a name, at random, the same every time."""
    rng = np.random.default_rng(0)
    for _ in range(N_MIXTURES):
        yield {
            name: some[int(rng.integers(len(some)))] for name, some in values.items()
        }
