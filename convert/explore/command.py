"""``convert explore``: a table to look at before a model is made of it."""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from convert.explore.report import explore
from convert.refusal import Refusal

QUIET_S = 2.0
"""Work that is done sooner needs no progress."""


def add_parser(
    subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> None:
    parser = subparsers.add_parser(
        "explore",
        help="write a report of what a table says about one of its columns",
        description="Write one self-contained HTML page: findings, checks, pictures.",
    )
    parser.add_argument("table", metavar="DATA", type=Path, help="a CSV file")
    parser.add_argument("--target", required=True, help="the column to explain")
    parser.add_argument(
        "-o", "--output", required=True, type=Path, help="the HTML file to write"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    path: Path = arguments.table
    progress = _Progress()
    progress(f"reading {path.name}")
    written = explore(_read(path), arguments.target, path.name, progress)
    progress.close()
    _replace(arguments.output, written)
    return 0


class _Progress:
    """Says on standard error what is being done, once it takes a while."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._said = False

    def __call__(self, text: str) -> None:
        if time.monotonic() - self._started < QUIET_S:
            return
        self._said = True
        start, end = ("\r\033[K", "") if sys.stderr.isatty() else ("", "\n")
        sys.stderr.write(f"{start}{text} …{end}")
        sys.stderr.flush()

    def close(self) -> None:
        if self._said and sys.stderr.isatty():
            sys.stderr.write("\r\033[K")


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(
            path, keep_default_na=False, na_values=[""], low_memory=False
        )
    except OSError as error:
        raise Refusal(f"{path} cannot be read: {error.strerror}.") from error


def _replace(path: Path, text: str) -> None:
    """Write beside the file first: no reader ever sees half a report."""
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, suffix=".html")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise Refusal(f"{path} cannot be written: {error.strerror}.") from error
