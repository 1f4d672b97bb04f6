"""`python -m convert compare`: nine regressors side by side, one chosen by a rule."""

import argparse
import logging
import os
from pathlib import Path

import msgspec

from convert.commands.options import add_reading_options
from convert.commands.tables import (
    add_split_options,
    add_table_arguments,
    read_named_table,
)
from convert.compare.comparison import Comparison, write_json
from convert.compare.terminal import write_text
from convert.errors import Invalid
from convert.report.files import write_files
from convert.tables.description import Description, read_description
from convert.tables.table import Table

log = logging.getLogger(__name__)

N_TRIALS = 40
BUDGET_SECONDS = 300.0

EXAMPLE = """\
examples:
  python -m convert compare students.csv --target math_score --published
  python -m convert compare students.csv --target math_score \\
      --json compare.json --output compare.html
  python -m convert train students.csv --target math_score --regressor best \\
      --comparison compare.json --output build/maths.onnx
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "compare",
        description="Tune nine regressors by cross-validation on a part of the table, "
        "score them, export each as ONNX, and choose the smallest within one standard "
        "error of the best, which is how far its score moves by chance alone.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_table_arguments(parser)
    add = parser.add_argument
    add(
        "--published",
        action="store_true",
        help="instead: the figures published for the student table, beside ours",
    )
    add("-o", "--output", type=Path, metavar="FILE", help="HTML page to write")
    add(
        "--json",
        nargs="?",
        type=Path,
        const=Path("-"),
        metavar="FILE",
        help="JSON to write, for train --comparison; without FILE it is printed",
    )
    add(
        "--resume",
        action="store_true",
        help="go on with the trials of an interrupted run",
    )
    add(
        "--budget",
        type=float,
        default=BUDGET_SECONDS,
        metavar="SECONDS",
        help="for the whole run; every regressor gets one trial in any case "
        "(default: %(default)g)",
    )
    add(
        "--trials",
        type=int,
        default=N_TRIALS,
        metavar="NUMBER",
        help="for each regressor, if the budget lasts (default: %(default)s)",
    )
    add(
        "--jobs",
        type=int,
        default=os.cpu_count() or 1,
        metavar="NUMBER",
        help="trials at the same time (default: one a core)",
    )
    add(
        "--description",
        type=Path,
        metavar="FILE",
        help="TOML with units, and with the columns whose numbers are categories",
    )
    add_reading_options(parser)
    add_split_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> str:
    """Compare, write the files, and return what is printed."""
    said = arguments.description
    description = read_description(said) if said else Description()
    table = read_named_table(arguments, description.columns_of_kind("category"))
    if arguments.published:
        return _published(table, arguments.target)
    _check(arguments)
    comparison = _compare(arguments, table, description)
    contents = {}
    if arguments.output:
        from convert.compare.report import write_page

        contents[arguments.output] = write_page(comparison).encode()
    if arguments.json and arguments.json != Path("-"):
        contents[arguments.json] = write_json(comparison)
    write_files(contents)
    if arguments.json == Path("-"):
        return write_json(comparison).decode().rstrip()
    wrote = [f"wrote {path}" for path in contents]
    return "\n".join([write_text(comparison), *wrote])


def _published(table: Table, target: str) -> str:
    from convert.compare.published import reproduce, write_table
    from convert.compare.run import library_versions

    found = reproduce(table, target)
    return write_table(found, library_versions())


def _compare(
    arguments: argparse.Namespace, table: Table, description: Description
) -> Comparison:
    # here, so that the other commands do not wait for optuna
    from convert.compare.run import Question, compare_candidates
    from convert.compare.tuning import Effort

    named = msgspec.structs.replace(description, name=description.name or "compared")
    question = Question(
        table, arguments.target, named, arguments.seed, arguments.test_size
    )
    journal = _journal(arguments)
    if not arguments.resume:
        journal.unlink(missing_ok=True)
    effort = Effort(arguments.trials, arguments.budget, arguments.jobs)
    try:
        return compare_candidates(question, effort, journal)
    except KeyboardInterrupt:
        log.warning("--resume goes on with the trials in %s", journal)
        raise


def _journal(arguments: argparse.Namespace) -> Path:
    """Return the file with the trials, beside what is written."""
    files = [path for path in (arguments.output, arguments.json) if path]
    beside = [path for path in files if path != Path("-")]
    beside.append(Path(arguments.table.name))
    return Path(beside[0]).with_suffix(".journal")


def _check(arguments: argparse.Namespace) -> None:
    if arguments.output == arguments.json and arguments.output:
        raise Invalid(
            f"--output and --json are both {arguments.output}: name two files"
        )
    for option in ("budget", "trials", "jobs"):
        value = getattr(arguments, option)
        if not value > 0:
            raise Invalid(f"--{option} is {value}: it is above 0")
