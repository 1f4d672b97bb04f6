"""``convert explore``: a table to look at before a model is made of it."""

import argparse
import logging
import time
from pathlib import Path

from convert.dataset import add_reading_options, read_named_table
from convert.explore.report import explore
from convert.files import check_output, write_files

log = logging.getLogger(__name__)

QUIET_S = 2.0
"""Between two lines of progress; work that is done sooner needs none."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "explore",
        help="write a report of what a table says about one of its columns",
        description="Write one self-contained HTML page: findings, checks, pictures.",
    )
    add = parser.add_argument
    add("table", type=Path, help="CSV file with a header; an empty cell is missing")
    add("--target", required=True, metavar="COLUMN", help="column to explain")
    add(
        "-o", "--output", required=True, type=Path, metavar="FILE", help="ends in .html"
    )
    add_reading_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> str:
    """Explore and write; return what to tell the user."""
    output: Path = arguments.output
    check_output(output, ".html")
    progress = _Progress()
    progress(f"reading {arguments.table}")
    table = read_named_table(arguments)
    page = explore(table.frame, arguments.target, table.path.name, progress)
    write_files({output: page.encode()})
    return f"wrote {output}: open it in a browser"


class _Progress:
    """Logs what is being done, now and then."""

    def __init__(self) -> None:
        self._said = time.monotonic()

    def __call__(self, text: str) -> None:
        now = time.monotonic()
        if now - self._said >= QUIET_S:
            self._said = now
            log.info("%s …", text)
