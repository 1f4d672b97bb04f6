"""What a command said on standard error, beside what it said of its progress."""

import re

PROGRESS = re.compile(r".*…( \d+ s)?\n")


def but_progress(text: str) -> str:
    """Leave out the lines about what goes on: a slow machine has some, a fast one none."""
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if not PROGRESS.fullmatch(line))
