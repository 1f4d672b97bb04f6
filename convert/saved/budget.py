"""What reading a saved file may cost, so that a small file cannot take a machine.

A file of 13 bytes may claim 3 GB, one of 3 kB may unpack to gigabytes, and one of 200
bytes may hold a list that is 2**60 long to whoever walks it. Each of these is a number
here, far above what fitted pipelines need.
"""

import os
from dataclasses import dataclass

from convert.errors import Unreadable


@dataclass(frozen=True)
class Limits:
    """The most that one saved file may have.

    Parameters
    ----------
    file_bytes
        As it lies on the disk, and again once it is unpacked. Half of this machine's
        memory is a limit too: an estimator takes as much again as its file.
    free_bytes
        To which any file may unpack, however small it is.
    packing
        Beyond that, how many times its own size: 20 is much for a forest.
    steps
        Instructions that are read. A vocabulary of a million words has 3 million, and 10
        million if its numbers are numpy's.
    branches
        Lists, dicts, tuples, sets and made things. The 13 000 predictors of a large
        histogram booster have 400 000.
    free_branches, bytes_per_branch
        How many any file may have, and the bytes that each one more needs. Where
        predictors or numbers of numpy are all that a file holds, it has 16 for each.
    depth
        Of things inside each other. pickle itself gives up near 500 objects.
    parts, parts_per_step
        How many lists, objects and things in them any file may have if each place that
        refers to one had a copy of its own, and how many more for each instruction.
    schema_bytes, free_schema_bytes, schema_packing
        Of a skops file: the most, and to what any one may unpack, or how many times the
        size of the whole file.
    number_bytes
        Of an integer, or of a number that is written as a line of text.
    name_bytes
        Of a module or of a name in it.
    gaps
        Numbers that a file leaves out where it numbers its parts.
    """

    file_bytes: int = 4 * 2**30
    free_bytes: int = 64 * 2**20
    packing: int = 100
    steps: int = 20_000_000
    branches: int = 4_000_000
    free_branches: int = 100_000
    bytes_per_branch: int = 8
    depth: int = 1000
    parts: int = 1_000_000
    parts_per_step: int = 20
    schema_bytes: int = 256 * 2**20
    free_schema_bytes: int = 4 * 2**20
    schema_packing: int = 50
    number_bytes: int = 1000
    name_bytes: int = 500
    gaps: int = 1000

    def branches_of(self, n_bytes: int) -> int:
        """Return how many branches a file of this size may have."""
        allowed = self.free_branches + n_bytes // self.bytes_per_branch
        return min(allowed, self.branches)

    def unpacked_bytes_of(self, n_bytes: int) -> int:
        """Return to how many bytes a compressed file of this size may unpack."""
        return min(max(self.free_bytes, self.packing * n_bytes), self.file_bytes)

    def schema_bytes_of(self, n_bytes: int) -> int:
        """Return how long the schema of a skops file of this size may be."""
        allowed = max(self.free_schema_bytes, self.schema_packing * n_bytes)
        return min(allowed, self.schema_bytes)


LIMITS = Limits()


class Spending:
    """What reading one file has cost until now.

    Parameters
    ----------
    n_bytes
        Of what is read, unpacked.
    copied_bytes
        That may be made of it anew; twice as many, if it is not said, since an old
        protocol makes a bytearray of bytes that it makes of a text.
    """

    def __init__(
        self, n_bytes: int, limits: Limits = LIMITS, copied_bytes: int | None = None
    ) -> None:
        self.limits = limits
        self.max_branches = limits.branches_of(n_bytes)
        self.max_copied_bytes = 2 * n_bytes if copied_bytes is None else copied_bytes
        self.steps = 0
        self.branches = 0
        self.copied_bytes = 0

    def step(self, n_steps: int) -> None:
        """Count work that is as much as this many instructions.

        Raises
        ------
        Unreadable
            If there are more instructions than `limits.steps`, or more branches than
            `max_branches`.
        """
        self.steps += n_steps
        if self.steps > self.limits.steps:
            raise Unreadable(
                f"it has more than {self.limits.steps} instructions: save the fitted "
                "pipeline alone"
            )
        if self.branches > self.max_branches:
            raise Unreadable(
                f"it has more than {self.max_branches} lists, tuples and objects: save "
                "the fitted pipeline alone"
            )

    @property
    def most_parts(self) -> int:
        """How many parts the tree of what was read may have."""
        return self.limits.parts + self.limits.parts_per_step * self.steps

    def copy(self, n_bytes: int) -> None:
        """Count bytes that are written in the file once and made from it anew.

        Raises
        ------
        Unreadable
            If they are more than `max_copied_bytes`.
        """
        self.copied_bytes += n_bytes
        if self.copied_bytes > self.max_copied_bytes:
            raise Unreadable("it makes more bytes of what is in it than it has itself")


def memory_bytes() -> int:
    """Return how much memory this machine has."""
    if not hasattr(os, "sysconf"):  # Windows
        return 2**63
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
