"""Has the work on a pipeline that somebody saved done behind a wall."""

import argparse
import os
from pathlib import Path

from convert.commands.options import add_reading_options
from convert.inputs import check_input
from convert.saved.environments import find_python, needed_environment
from convert.saved.examine import examine
from convert.wall.outside import WallLimits, work

GIB = 2**30

TIME_LIMIT_S = 3600
UNKNOWN_BYTES = 8 * GIB


def add_saved_options(parser: argparse.ArgumentParser) -> None:
    """Add what `export` and `verify` both read, beside `pipeline` and `sample`."""
    add = parser.add_argument
    add("--preprocessor", type=Path, metavar="FILE", help="where it was saved apart")
    add("--model", type=Path, metavar="FILE", help="the estimator behind it")
    add(
        "--trust",
        action="append",
        default=[],
        metavar="MODULE.NAME",
        help="what the file may import beside the estimators of known libraries; its "
        "code will run, behind the wall like all that is read of the file",
    )
    add_reading_options(parser)
    add(
        "--cache",
        type=Path,
        metavar="FOLDER",
        help="for environments with another scikit-learn",
    )
    add(
        "--time-limit",
        type=_positive,
        default=TIME_LIMIT_S,
        metavar="SECONDS",
        help="for all that is done with the file (default: %(default)s)",
    )
    add(
        "--memory-limit",
        type=_positive,
        default=max(1, round(machine_bytes() / GIB)),
        metavar="GIB",
        help="for the same (default: what this machine has, %(default)s)",
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def machine_bytes() -> int:
    """Return the memory of this machine; `UNKNOWN_BYTES` where the system is not asked."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return UNKNOWN_BYTES


def saved_files(arguments: argparse.Namespace) -> list[Path]:
    """Return the files that the pipeline is in."""
    named = (arguments.pipeline, arguments.preprocessor, arguments.model)
    return [path for path in named if path is not None]


def work_behind_wall(arguments: argparse.Namespace, folder: Path, *others: Path) -> str:
    """Have the work done beside the scikit-learn that wrote the files.

    Parameters
    ----------
    others
        Files that it reads beside the pipeline and the sample.

    Returns
    -------
    What to tell the user.

    Raises
    ------
    Refusal
        A file is not trusted, there is no such environment, or the work's own.
    """
    saved = saved_files(arguments)
    scans = [examine(path, arguments.trust) for path in saved]
    version = needed_environment(scans)
    python = None
    if version is not None:
        python = find_python(version, scans, arguments.words, arguments.cache)
    check_input(arguments.sample)
    limits = WallLimits(arguments.time_limit, arguments.memory_limit * GIB)
    return work(
        arguments.words,
        folder,
        limits,
        read=[*saved, arguments.sample, *others],
        python=python,
        with_own_modules=bool(arguments.trust),
    )
