"""Does the work of a command behind the wall, and leaves its files in a folder."""

import logging
import sys
import traceback
from importlib import import_module
from pathlib import Path
from types import TracebackType

from convert.__main__ import parse
from convert.errors import Refusal
from convert.libraries import as_refusals
from convert.wall.relay import FAILED, REFUSED, Records, say

log = logging.getLogger(__name__)

WORK = {
    "export": "convert.commands.conversion",
    "verify": "convert.commands.verification",
}
"""Command → the module that does its work: `run` of its options and a folder."""


def main(words: list[str], folder: Path, walls: str) -> int:
    """Run a command, and return its exit code.

    Parameters
    ----------
    walls
        What holds, as a sentence says it.
    """
    sys.excepthook = say_defect
    logger = logging.getLogger("convert")
    logger.addHandler(Records())
    logger.setLevel(logging.INFO)
    log.info("behind a wall: %s", walls)
    try:
        with as_refusals():
            parsed = parse(words)
            said = import_module(WORK[words[0]]).run(parsed, folder)
    except Refusal as error:
        say(REFUSED, str(error))
        return 2
    sys.stdout.write(f"{said}\n")
    return 0


def say_defect(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Say in one line what would be a traceback, and where it was raised."""
    first, *_ = str(error).splitlines() or [""]
    said = f"{kind.__name__}: {first}" if first else kind.__name__
    for frame in traceback.extract_tb(trace)[-1:]:
        said += f", {Path(frame.filename).name}, line {frame.lineno}"
    say(FAILED, said)
