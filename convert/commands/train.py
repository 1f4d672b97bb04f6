"""`python -m convert train`: from a table to one proved model file."""

import argparse
import logging
import shlex
from pathlib import Path

from convert.commands.options import add_description_option, add_reading_options
from convert.commands.tables import (
    add_split_options,
    add_table_arguments,
    read_named_table,
)
from convert.compare.comparison import Comparison, read_json
from convert.errors import Invalid
from convert.model_file import ModelFile
from convert.report.beside import card_path, check_card, write_model
from convert.report.files import check_output
from convert.report.sentences import doubt, proof, say_interval
from convert.tables.description import (
    description_beside,
    find_description,
)
from convert.tables.holdout import SEED, TEST_SIZE
from convert.tables.table import Table
from convert.training.card import write_card
from convert.training.evaluation import evaluate
from convert.training.importances import draw_importances
from convert.training.latency import measure_latency
from convert.training.regressors import CANDIDATES
from convert.training.train import Regressor, Trained, train
from server.signature import Provenance

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
    add_table_arguments(parser)
    add = parser.add_argument
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
    check_card(card_path(output))
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
    beside = _beside(trained, output, arguments.seed)
    latency_us = measure_latency(trained.exported, trained.split.X_test)
    write_model(output, trained.exported.content, beside)
    return _report(trained.exported, output, list(beside), latency_us)


def _regressor(arguments: argparse.Namespace, table: Table) -> Regressor:
    name, path = arguments.regressor, arguments.comparison
    if path is None:
        if name == BEST:
            raise Invalid(
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
    """Refuse a comparison that had other rows: it may have seen those held out here.

    Raises
    ------
    Invalid
        If it had another table, target, seed, or test size, or other columns were
        renamed or dropped.
    """
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
            raise Invalid(
                f"{arguments.comparison} compared with {what} {compared} and this is "
                f"{asked}: give both commands the same, or compare again"
            )


def _beside(trained: Trained, output: Path, seed: int) -> dict[Path, bytes]:
    """Return the model's card and the card's picture."""
    exported = trained.exported
    picture = output.with_suffix(".svg")
    log.info("measuring what each column is worth …")
    evaluation = evaluate(trained.pipeline, trained.split, seed, picture.name)
    card = write_card(exported.signature, len(exported.content), evaluation)
    unit = exported.signature.targets[0].unit
    return {
        card_path(output): card.encode(),
        picture: draw_importances(evaluation.importances, unit).encode(),
    }


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


def _report(
    exported: ModelFile, output: Path, beside: list[Path], latency_us: float
) -> str:
    provenance = exported.signature.provenance
    lines = [
        f"wrote {output}, {len(exported.content):,} bytes, and beside it "
        f"{' and '.join(path.name for path in beside)}",
        f"{_score(provenance)} on {provenance.n_test_rows} rows that were held out",
        doubt(provenance),
        *map(say_interval, exported.signature.targets),
        proof(provenance),
        f"One prediction for one row takes about {latency_us:.2g} µs here, in the runtime "
        "that serves it.",
    ]
    return "\n".join(filter(None, lines))


def _score(provenance: Provenance) -> str:
    """Return R², or the error where all held-out rows have one target: then none is."""
    scores = provenance.scores
    if "r2_score" in scores:
        return f"R² {scores['r2_score']:.4f}"
    return f"mean absolute error {scores['mean_absolute_error']:.4g}"
