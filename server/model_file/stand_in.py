"""Tells by its first bytes what a file is that is not what its name says."""

import re
from typing import NamedTuple

N_BYTES = 64
"""Enough of a file to tell."""


class StandIn(NamedTuple):
    """What there is in the place of a file, and what to do."""

    found: str
    remedy: str


STAND_INS = {
    rb"version https://git-lfs\.github\.com/spec/": StandIn(
        "a Git LFS pointer, not the file itself", "run git lfs pull"
    ),
    rb"(?i)(\xef\xbb\xbf)?\s*<(!doctype html|html)": StandIn(
        "a web page", "download the raw file that the page shows"
    ),
}

PACKED = {
    rb"\x1f\x8b\x08": StandIn("compressed with gzip", "unpack it"),
    rb"PK\x03\x04": StandIn("a ZIP archive", "unpack it and pass the file in it"),
    rb"\x80[\x02-\x05][\x95c(}\x5d]": StandIn(
        "a pickle",
        "pass a pipeline to python -m convert export, or save a table as CSV",
    ),
}
"""What only a saved pipeline may be."""


def find_stand_in(content: bytes, *, may_be_packed: bool = False) -> StandIn | None:
    """Return what stands in the place of a file; None if it may be the right one."""
    known = STAND_INS if may_be_packed else {**STAND_INS, **PACKED}
    beginning = content[:N_BYTES]
    found = (known[first] for first in known if re.match(first, beginning))
    return next(found, None)
