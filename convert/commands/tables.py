"""What the commands that read a table of their own ask of the command line."""

import argparse
import logging
from collections.abc import Collection
from pathlib import Path

from convert.tables.holdout import SEED, TEST_SIZE
from convert.tables.table import Table, read_table

log = logging.getLogger(__name__)


def add_table_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the table and what is predicted from the rest of it."""
    add = parser.add_argument
    add("table", type=Path, help="CSV file with a header; an empty cell is missing")
    add("--target", required=True, metavar="COLUMN", help="numeric column to predict")


def add_split_options(parser: argparse.ArgumentParser) -> None:
    """Add what every command that holds rows out lets people say about it."""
    add = parser.add_argument
    add(
        "--seed",
        type=int,
        default=SEED,
        help="of all that is drawn at random (default: %(default)s)",
    )
    add(
        "--test-size",
        type=float,
        default=TEST_SIZE,
        metavar="SHARE",
        help="of the rows, held out and scored once at the end (default: %(default)s)",
    )


def read_named_table(
    arguments: argparse.Namespace, categories: Collection[str] = ()
) -> Table:
    """Read the table of a command line that has `add_reading_options`."""
    log.info("reading %s …", arguments.table)
    return read_table(
        arguments.table,
        encoding=arguments.encoding,
        missing=arguments.missing,
        rename=arguments.rename,
        drop=arguments.drop,
        categories=categories,
    )
