"""Options that several commands have."""

import argparse
from pathlib import Path


def add_reading_options(parser: argparse.ArgumentParser) -> None:
    """Add what every command that reads a table lets people say about it."""
    add = parser.add_argument
    add(
        "--rename",
        action="append",
        default=[],
        metavar="OLD=NEW",
        help="call a column of the table NEW, here and in the model; once for each",
    )
    add("--drop", action="append", default=[], metavar="COLUMN", help="leave it out")
    add(
        "--missing",
        action="append",
        default=[],
        metavar="TEXT",
        help="what stands for a missing value beside the empty cell, such as NA",
    )
    add("--encoding", default="utf-8", help="of the table (default: %(default)s)")


def add_description_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--description",
        type=Path,
        metavar="FILE",
        help="TOML with titles, units and bounds (default: the .toml beside the output)",
    )
