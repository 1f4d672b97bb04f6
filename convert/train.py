"""`python -m convert train`: from a table to one proved model file."""

import argparse
import logging
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from sklearn.pipeline import Pipeline

from convert.card import check_card, doubt, proof, say_interval, write_card
from convert.compare.comparison import Comparison, read_json
from convert.compare.folds import MIN_TRAIN_ROWS, N_FOLDS, cross_validate
from convert.conformal import calibrate, measure, observe
from convert.dataset import Table, add_reading_options, read_named_table
from convert.description import (
    Description,
    add_description_option,
    description_beside,
    find_description,
)
from convert.evaluation import evaluate
from convert.export import Export, export
from convert.files import check_output, write_files
from convert.importances import draw_importances
from convert.latency import measure_latency
from convert.oracle import rejections
from convert.refusal import Refusal
from convert.regressors import CANDIDATES, Parameters, make_candidate
from convert.split import SEED, TEST_SIZE, Split, add_split_options, split_table
from server.signature import Interval, Provenance

log = logging.getLogger(__name__)

BEST = "best"

EXAMPLE = """\
example:
  python -m convert train students.csv --target math_score \\
      --output build/maths.onnx
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "train",
        description="Fit a CSV table, prove the graph against scikit-learn, and write "
        "one ONNX file, with its model card (.md) beside it.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("table", type=Path, help="CSV file with a header; an empty cell is missing")
    add("--target", required=True, metavar="COLUMN", help="numeric column to predict")
    add(
        "--regressor",
        choices=[*CANDIDATES, BEST],
        default="linear",
        metavar="NAME",
        help=f"{', '.join(CANDIDATES)}, or {BEST}: the one that compare chose "
        "(default: %(default)s)",
    )
    add(
        "--comparison",
        type=Path,
        metavar="FILE",
        help="what compare --json wrote: gives the choice and the tuned parameters",
    )
    add("--output", required=True, type=Path, metavar="FILE", help="ends with .onnx")
    add_description_option(parser)
    add_reading_options(parser)
    add_split_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> str:
    """Train, prove and write; return what to tell the user."""
    output: Path = arguments.output
    check_output(output, ".onnx")
    check_card(output.with_suffix(".md"))
    description = find_description(arguments.description, output)
    table = read_named_table(arguments, description.columns_of_kind("category"))
    trained = train(
        table,
        arguments.target,
        description,
        _regressor(arguments, table),
        seed=arguments.seed,
        test_size=arguments.test_size,
        command=_command(arguments),
    )
    contents = _files(trained, output, arguments.seed)
    latency_us = measure_latency(trained.exported, trained.split.X_test)
    write_files(contents)
    return _report(trained.exported, list(contents), latency_us)


@dataclass(frozen=True)
class Regressor:
    """What is fitted: the name of a candidate, and what differs from its defaults."""

    name: str = "linear"
    parameters: Parameters = field(default_factory=dict)


class Trained(NamedTuple):
    pipeline: Pipeline
    split: Split
    exported: Export


def train(
    table: Table,
    target: str,
    description: Description,
    regressor: Regressor,
    *,
    seed: int = SEED,
    test_size: float = TEST_SIZE,
    command: str = "",
) -> Trained:
    """Fit a regressor on a part of a table, and export it.

    Parameters
    ----------
    test_size
        Share of the rows, between 0 and 1, that the scores are computed on.

    Raises
    ------
    Refusal
        The table, the description or the split cannot give a proved model.
    """
    split = split_table(table, target, description, seed, test_size)
    X = table.frame.drop(columns=target)
    log.info("read %d rows and %d features from %s", *X.shape, table.path)
    pipeline = make_candidate(
        regressor.name, split.numbers, split.categories, seed, regressor.parameters
    )
    log.info("fitting %s on %d rows …", type(pipeline[-1]).__name__, len(split.X_train))
    pipeline.fit(split.X_train, split.y_train)
    interval = _interval(pipeline, split, regressor, seed)
    log.info("proving the graph on %d rows and on edge rows …", len(X))
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
    exported = export(
        pipeline,
        split.X_train,
        X,
        [target],
        description,
        provenance,
        [interval],
        [observe(split.y_train.to_numpy())],
    )
    return Trained(pipeline, split, exported)


def _regressor(arguments: argparse.Namespace, table: Table) -> Regressor:
    name, path = arguments.regressor, arguments.comparison
    if path is None:
        if name == BEST:
            raise Refusal(
                f"--regressor {BEST} is what compare chose: run python -m convert compare "
                f"{table.path} --target {arguments.target} --json compare.json and add "
                "--comparison compare.json"
            )
        return Regressor(name)
    comparison = read_json(path)
    _check_comparison(arguments, table, comparison)
    chosen = comparison.choice.name if name == BEST else name
    return Regressor(chosen, comparison.entry(chosen).parameters)


def _check_comparison(
    arguments: argparse.Namespace, table: Table, comparison: Comparison
) -> None:
    """Refuse a comparison that had other rows: it may have seen those held out here."""
    pairs = {
        "the table with SHA-256": (comparison.table_sha256, table.sha256),
        "--target": (comparison.target, arguments.target),
        "--seed": (comparison.seed, arguments.seed),
        "--test-size": (comparison.test_size, arguments.test_size),
        "--rename": (sorted(comparison.renamed), sorted(table.renamed)),
        "--drop": (sorted(comparison.dropped), sorted(table.dropped)),
    }
    for what, (compared, asked) in pairs.items():
        if compared != asked:
            raise Refusal(
                f"{arguments.comparison} compared with {what} {compared} and this is "
                f"{asked}: give both commands the same, or compare again"
            )


def _files(trained: Trained, output: Path, seed: int) -> dict[Path, bytes]:
    """Return the model, its card and the card's picture."""
    exported = trained.exported
    picture = output.with_suffix(".svg")
    log.info("measuring what each column is worth …")
    evaluation = evaluate(trained.pipeline, trained.split, seed, picture.name)
    card = write_card(exported.signature, len(exported.content), evaluation)
    unit = exported.signature.targets[0].unit
    return {
        output: exported.content,
        output.with_suffix(".md"): card.encode(),
        picture: draw_importances(evaluation.importances, unit).encode(),
    }


def _scores(pipeline: Pipeline, split: Split) -> dict[str, float]:
    predictions = pipeline.predict(split.X_test)
    return {
        score.__name__: float(score(split.y_test, predictions))
        for score in (r2_score, mean_absolute_error, root_mean_squared_error)
    }


def _interval(
    pipeline: Pipeline, split: Split, regressor: Regressor, seed: int
) -> Interval | None:
    """Calibrate on the training rows, and measure on those that were held out.

    Each training row is predicted by a model fitted without its fold. There, a
    category that no other fold has is ignored; on every row that the server accepts
    that pipeline does what this one does.
    """
    if len(split.X_train) < MIN_TRAIN_ROWS:
        log.info("no interval: %d rows to fit are too few", len(split.X_train))
        return None
    log.info("fitting %d times more, to see how far off it is on new rows …", N_FOLDS)
    try:
        folds = cross_validate(split, regressor.name, regressor.parameters, 1, seed)
    except rejections() as error:
        log.info("no interval: without a fold it cannot be fitted (%s)", error)
        return None
    interval = calibrate(split.y_train.to_numpy(), folds.predictions)
    if interval is None:
        return None
    predictions = pipeline.predict(split.X_test)
    return measure(interval, split.y_test.to_numpy(), predictions)


def _command(arguments: argparse.Namespace) -> str:
    """Return the command that was given, as it is in the folder of these files.

    Whose folders they are in is nobody's business, and the file would not be the same.
    """
    words = ["python", "-m", "convert", "train", arguments.table.name]
    words += ["--target", arguments.target, "--output", arguments.output.name]
    if arguments.regressor != "linear":
        words += ["--regressor", arguments.regressor]
    if arguments.comparison:
        words += ["--comparison", arguments.comparison.name]
    if description := arguments.description or description_beside(arguments.output):
        words += ["--description", description.name]
    for option in ("rename", "drop", "missing"):
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


def _report(exported: Export, paths: list[Path], latency_us: float) -> str:
    output, *beside = paths
    provenance = exported.signature.provenance
    lines = [
        f"wrote {output}, {len(exported.content):,} bytes, and beside it "
        f"{' and '.join(path.name for path in beside)}",
        f"R² {provenance.scores['r2_score']:.4f} on {provenance.n_test_rows} rows that "
        "were held out",
        doubt(provenance),
        *map(say_interval, exported.signature.targets),
        proof(provenance),
        f"One prediction for one row takes about {latency_us:.2g} µs here, in the runtime "
        "that serves it.",
    ]
    return "\n".join(filter(None, lines))
