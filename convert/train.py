"""`python -m convert train`: from a table to one proved model file."""

import argparse
import logging
import math
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pandas as pd
from sklearn.metrics import (
    mean_absolute_error,
    r2_score,
    root_mean_squared_error,
)
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline

from convert.card import write_card
from convert.dataset import Table, numeric_target, read_table
from convert.description import Description, check_features, read_description
from convert.discrepancy import predict
from convert.export import Export, export, write_files
from convert.refusal import Refusal
from convert.regressors import make_candidate
from server.signature import Provenance

log = logging.getLogger(__name__)

EXAMPLE = """example:
  python -m convert train students.csv --target math_score \\
      --output models/student_performance.onnx
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "train",
        help="fit a table and write one model file",
        description="Fit a CSV table, prove the graph against scikit-learn, and write "
        "one ONNX file with its model card (.md) beside it.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("table", type=Path, help="CSV file with a header; an empty cell is missing")
    add(
        "--target",
        required=True,
        metavar="COLUMN",
        help="the numeric column to predict",
    )
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
        help="a text that means missing, such as NA",
    )
    add("--encoding", default="utf-8", help="of the table (default: %(default)s)")
    add("--seed", type=int, default=42, help="of the split (default: %(default)s)")
    add(
        "--test-size",
        type=float,
        default=0.2,
        metavar="SHARE",
        help="of the rows, held out for the scores (default: %(default)s)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> str:
    """Train, prove and write; return what to tell the user."""
    output = _checked_output(arguments.output)
    description = _description(arguments.description, output)
    table = read_table(
        arguments.table,
        encoding=arguments.encoding,
        missing=arguments.missing,
        drop=arguments.drop,
        categories=[
            name
            for name, feature in description.features.items()
            if feature.kind == "category"
        ],
    )
    exported = train(
        table,
        arguments.target,
        description,
        seed=arguments.seed,
        test_size=arguments.test_size,
    )
    card = output.with_suffix(".md")
    write_files(
        {output: exported.content, card: write_card(exported).encode()},
    )
    return _report(exported, output, card)


def train(
    table: Table,
    target: str,
    description: Description,
    *,
    seed: int = 42,
    test_size: float = 0.2,
) -> Export:
    """Fit the classic pipeline on part of a table and export it.

    Parameters
    ----------
    test_size
        Share of the rows, between 0 and 1, that the scores are computed on.
    """
    y = numeric_target(table, target)
    X = table.frame.drop(columns=target)
    check_features(description, X.columns, table.path)
    log.info("read %d rows, %d features from %s", *X.shape, table.path)
    X_train, X_test, y_train, y_test = _split(table, X, y, seed, test_size)
    numbers, categories = _columns(X, description)
    _check_categories(table, X_train, X_test, categories)
    pipeline = make_candidate("linear", numbers, categories, seed)
    log.info("fitting %s on %d rows", type(pipeline[-1]).__name__, len(X_train))
    pipeline.fit(X_train, y_train)
    log.info("proving the graph on %d rows and on edge rows", len(X))
    provenance = Provenance(
        dataset=table.path.name,
        dataset_sha256=table.sha256,
        n_rows=len(X),
        n_train_rows=len(X_train),
        n_test_rows=len(X_test),
        split=f"random, {test_size:.0%} held out, seed {seed}",
        scores=_scores(pipeline, X_test, y_test),
    )
    return export(pipeline, X_train, X, target, description, provenance)


def _checked_output(output: Path) -> Path:
    if output.suffix != ".onnx":
        raise Refusal(f"the output is {str(output)!r}: give it a name ending in .onnx")
    return output


def _description(path: Path | None, output: Path) -> Description:
    beside = output.with_suffix(".toml")
    if path is None and not beside.exists():
        return Description(name=output.stem)
    description = read_description(path or beside)
    if description.name:
        return description
    return msgspec.structs.replace(description, name=output.stem)


def _split(
    table: Table, X: pd.DataFrame, y: pd.Series, seed: int, test_size: float
) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series, pd.Series]:
    if not 0 < test_size < 1:
        raise Refusal(f"--test-size is {test_size}: it is a share between 0 and 1")
    n_test = math.ceil(test_size * len(X))
    if min(n_test, len(X) - n_test) < 2:
        raise Refusal(
            f"{table.path} has {len(X)} rows, too few to fit and to hold out "
            f"{test_size:.0%}: at least 2 rows are needed for each"
        )
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=test_size, random_state=seed
    )
    return X_train, X_test, y_train, y_test


def _columns(X: pd.DataFrame, description: Description) -> tuple[list[str], list[str]]:
    """Return the columns that are scaled, and those that are encoded."""
    numbers = [
        name
        for name in map(str, X.select_dtypes("number"))
        if description.feature(name).kind != "category"
    ]
    return numbers, [name for name in map(str, X) if name not in numbers]


def _check_categories(
    table: Table, X_train: pd.DataFrame, X_test: pd.DataFrame, categories: Sequence[str]
) -> None:
    """Refuse a category of which the fitted encoder knows nothing."""
    for name in categories:
        is_new = ~X_test[name].isin(X_train[name]) & X_test[name].notna()
        if is_new.any():
            row = X_test.index[is_new][0]
            raise Refusal(
                f"{X_test.loc[row, name]!r} in {name!r} on {table.place(row)} is among "
                "the held-out rows only, so nothing can be learned about it: remove or "
                f"merge rare categories, or leave the column out with --drop {name!r}"
            )


def _scores(
    pipeline: Pipeline, X_test: pd.DataFrame, y_test: pd.Series
) -> dict[str, float]:
    predictions = predict(pipeline, X_test)
    return {
        score.__name__: float(score(y_test, predictions))
        for score in (r2_score, mean_absolute_error, root_mean_squared_error)
    }


def _report(exported: Export, output: Path, card: Path) -> str:
    provenance = exported.signature.provenance
    return "\n".join(
        [
            f"{output}: {len(exported.content):,} bytes, card in {card}",
            f"R² {provenance.scores['r2_score']:.4f} on {provenance.n_test_rows} rows",
            f"discrepancy at most {exported.discrepancy.largest:.1e} on "
            f"{exported.discrepancy.n_rows} rows and "
            f"{exported.discrepancy.n_edge_rows} edge rows",
        ]
    )
