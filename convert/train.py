"""`python -m convert train`: from a table to one proved model file."""

import argparse
import logging
import math
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import pandas as pd
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline

from convert.card import proof, write_card
from convert.dataset import Table, numeric_target, read_table
from convert.description import Description, check_description, read_description
from convert.export import Export, export, write_files
from convert.refusal import Refusal
from convert.regressors import make_candidate
from server.signature import Provenance

log = logging.getLogger(__name__)

SEED = 42
TEST_SIZE = 0.2

EXAMPLE = """\
example:
  python -m convert train students.csv --target math_score \\
      --output models/student_performance.onnx
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "train",
        help="fit a table and write one model file",
        description="Fit a CSV table, prove the graph against scikit-learn, and write "
        "one ONNX file, with its model card (.md) beside it.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("table", type=Path, help="CSV file with a header; an empty cell is missing")
    add("--target", required=True, metavar="COLUMN", help="numeric column to predict")
    add("--output", required=True, type=Path, metavar="FILE", help="ends with .onnx")
    add(
        "--description",
        type=Path,
        metavar="FILE",
        help="TOML with titles, units and bounds (default: the .toml beside the output)",
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
    add("--seed", type=int, default=SEED, help="of the split (default: %(default)s)")
    add(
        "--test-size",
        type=float,
        default=TEST_SIZE,
        metavar="SHARE",
        help="of the rows, held out for the scores (default: %(default)s)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> str:
    """Train, prove and write; return what to tell the user."""
    output: Path = arguments.output
    if output.suffix != ".onnx":
        raise Refusal(f"the output is called {output}: give it a name ending in .onnx")
    description = _description(arguments.description, output)
    table = read_table(
        arguments.table,
        encoding=arguments.encoding,
        missing=arguments.missing,
        drop=arguments.drop,
        categories=description.columns_of_kind("category"),
    )
    exported = train(
        table,
        arguments.target,
        description,
        seed=arguments.seed,
        test_size=arguments.test_size,
        command=_command(arguments),
    )
    card = write_card(exported.signature, len(exported.content))
    beside = output.with_suffix(".md")
    write_files({output: exported.content, beside: card.encode()})
    return _report(exported, output, beside)


def train(
    table: Table,
    target: str,
    description: Description,
    *,
    seed: int = SEED,
    test_size: float = TEST_SIZE,
    command: str = "",
) -> Export:
    """Fit the classic pipeline on a part of a table, and export it.

    Parameters
    ----------
    test_size
        Share of the rows, between 0 and 1, that the scores are computed on.

    Raises
    ------
    Refusal
        The table, the description or the split cannot give a proved model.
    """
    y = numeric_target(table, target)
    X = table.frame.drop(columns=target)
    if X.empty:
        raise Refusal(
            f"{table.path} has no column beside {target!r} to predict it from"
        )
    check_description(description, table, target)
    log.info("read %d rows and %d features from %s", *X.shape, table.path)
    numbers, categories = _columns(X, description)
    split = _split(table, X, y, seed, test_size)
    _check_split(table, split, categories)
    pipeline = make_candidate("linear", numbers, categories, seed)
    log.info("fitting %s on %d rows", type(pipeline[-1]).__name__, len(split.X_train))
    pipeline.fit(split.X_train, split.y_train)
    log.info("proving the graph on %d rows and on edge rows", len(X))
    provenance = Provenance(
        dataset=table.path.name,
        dataset_sha256=table.sha256,
        command=command,
        n_rows=len(X),
        n_train_rows=len(split.X_train),
        n_test_rows=len(split.X_test),
        split=f"chosen at random with seed {seed}, {test_size:.0%} of all",
        scores=_scores(pipeline, split),
    )
    return export(pipeline, split.X_train, X, [target], description, provenance)


class _Split(NamedTuple):
    X_train: pd.DataFrame
    X_test: pd.DataFrame
    y_train: pd.Series
    y_test: pd.Series


def _split(
    table: Table, X: pd.DataFrame, y: pd.Series, seed: int, test_size: float
) -> _Split:
    if not 0 < test_size < 1:
        raise Refusal(f"--test-size is {test_size}: it is a share between 0 and 1")
    if not 0 <= seed < 2**32:
        raise Refusal(f"--seed is {seed}: it is a whole number from 0 to {2**32 - 1}")
    n_test = math.ceil(test_size * len(X))
    if min(n_test, len(X) - n_test) < 2:
        raise Refusal(
            f"{table.path} has too few rows ({len(X)}) to fit some and to hold out "
            f"{test_size:.0%}: at least 2 are needed for each"
        )
    return _Split(*train_test_split(X, y, test_size=test_size, random_state=seed))


def _columns(X: pd.DataFrame, description: Description) -> tuple[list[str], list[str]]:
    """Return the columns that are scaled, and those that are encoded."""
    named = description.columns_of_kind("category")
    numbers = [str(name) for name in X.select_dtypes("number") if name not in named]
    return numbers, [str(name) for name in X if name not in numbers]


def _check_split(table: Table, split: _Split, categories: Sequence[str]) -> None:
    """Refuse what only the held-out rows have: a category, or any value at all."""
    for name in split.X_train:
        if split.X_train[name].isna().all():
            raise Refusal(
                f"{name!r} has no value among the {len(split.X_train)} rows of "
                f"{table.path} to fit: leave the column out with --drop {name!r}"
            )
    for name in categories:
        held_out = split.X_test[name].dropna()
        is_new = ~held_out.isin(split.X_train[name])
        if is_new.any():
            row = int(held_out.index[is_new][0])
            raise Refusal(
                f"{held_out[row]!r} in {name!r} on {table.place(row)} is only among the "
                "held-out rows, so that nothing can be learned about it: merge or remove "
                f"rare categories, or leave the column out with --drop {name!r}"
            )


def _scores(pipeline: Pipeline, split: _Split) -> dict[str, float]:
    predictions = pipeline.predict(split.X_test)
    return {
        score.__name__: float(score(split.y_test, predictions))
        for score in (r2_score, mean_absolute_error, root_mean_squared_error)
    }


def _description(path: Path | None, output: Path) -> Description:
    beside = output.with_suffix(".toml")
    if path is None and not beside.exists():
        return Description(name=output.stem)
    description = read_description(path or beside)
    return msgspec.structs.replace(description, name=description.name or output.stem)


def _command(arguments: argparse.Namespace) -> str:
    """Return the command that was given, without folders that others do not have."""
    words = ["python", "-m", "convert", "train", arguments.table.name]
    words += ["--target", arguments.target, "--output", _relative(arguments.output)]
    if arguments.description:
        words += ["--description", _relative(arguments.description)]
    for option in ("drop", "missing"):
        for text in getattr(arguments, option):
            words += [f"--{option}", text]
    for option, default in (
        ("encoding", "utf-8"),
        ("seed", SEED),
        ("test_size", TEST_SIZE),
    ):
        if getattr(arguments, option) != default:
            words += [f"--{option.replace('_', '-')}", str(getattr(arguments, option))]
    return shlex.join(words)


def _relative(path: Path) -> str:
    return path.name if path.is_absolute() else path.as_posix()


def _report(exported: Export, output: Path, card: Path) -> str:
    provenance = exported.signature.provenance
    return "\n".join(
        [
            f"wrote {output}, {len(exported.content):,} bytes, and {card}",
            f"R² {provenance.scores['r2_score']:.4f} on {provenance.n_test_rows} rows that "
            "were held out",
            proof(provenance),
        ]
    )
