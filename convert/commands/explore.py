"""``convert explore``: a table to look at before a model is made of it."""

import argparse
import logging
from pathlib import Path

from convert.commands.options import add_reading_options
from convert.commands.tables import read_named_table
from convert.explore.report import explore
from convert.report.files import check_output, write_files

log = logging.getLogger(__name__)

EXAMPLE = """\
example:
  python -m convert explore students.csv --target math_score --output report.html
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "explore",
        description="Write one self-contained HTML page: findings, checks, pictures.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
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
    table = read_named_table(arguments)
    page = explore(table.frame, arguments.target, table.path.name, _say)
    write_files({output: page.encode()})
    return f"wrote {output}: open it in a browser"


def _say(text: str) -> None:
    log.info("%s …", text)
