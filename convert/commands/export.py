"""`python -m convert export`: from a saved pipeline and a sample to one model file."""

import argparse
from pathlib import Path

from convert.commands.options import add_description_option
from convert.commands.saved import add_saved_options, work_behind_wall
from convert.errors import Invalid
from convert.inputs import check_input
from convert.report.beside import MARK, card_path, check_card, write_model
from convert.report.files import check_output
from convert.report.markdown import visible
from convert.wall.outside import private_folder, take
from server.model_file.content import MAX_BYTES, read_signature

MODEL, CARD = "model.onnx", "card.md"
"""What the work leaves in its folder."""

MAX_CARD_BYTES = 16 * 2**20

EXAMPLE = """\
examples:
  python -m convert export pipeline.joblib --sample rows.csv --output build/price.onnx
  python -m convert export --preprocessor preprocessor.pkl --model model.pkl \\
      --sample rows.csv --target math_score --output build/student.onnx
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "export",
        description="Convert a fitted pipeline, prove the graph against scikit-learn, "
        "and write one ONNX file, with its model card (.md) beside it.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "pipeline",
        type=Path,
        nargs="?",
        metavar="PIPELINE",
        help="joblib, pickle, cloudpickle, dill or skops",
    )
    add(
        "--sample",
        type=Path,
        required=True,
        metavar="ROWS",
        help="CSV or Parquet: rows that the pipeline predicts, like those it was fitted "
        "on; a column with the truth, named by --target, gives scores and an interval",
    )
    add("--output", required=True, type=Path, metavar="FILE", help="ends with .onnx")
    add(
        "--target",
        action="append",
        default=[],
        metavar="NAME",
        help="of what is predicted; once for each target",
    )
    add_description_option(parser)
    add_saved_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> str:
    """Have the work done behind a wall, and write what came of it."""
    output: Path = arguments.output
    check_output(output, ".onnx")
    check_card(card_path(output))
    said = output.with_suffix(".toml")
    description = arguments.description or (said if said.exists() else None)
    described = [description] if description else []
    for path in described:
        check_input(path)
    with private_folder() as folder:
        report = work_behind_wall(arguments, folder, *described)
        content = take(folder, MODEL, MAX_BYTES)
        card = take(folder, CARD, MAX_CARD_BYTES)
    check_made(content, card)
    write_model(output, content, {card_path(output): card})
    return report


def check_made(content: bytes, card: bytes) -> None:
    """Check a model file as the server does before it runs it, and its card.

    Raises
    ------
    Invalid
        They are not what the converter makes, whoever made them.
    """
    try:
        read_signature(content)
    except ValueError as error:
        raise Invalid(
            f"what came from behind the wall as a model is refused: {error}"
        ) from error
    if not _is_card(card):
        raise Invalid("what came from behind the wall as a model's card is none")


def _is_card(content: bytes) -> bool:
    try:
        lines = content.decode().split("\n")
    except UnicodeDecodeError:
        return False
    return MARK in lines and all(visible(line) == line for line in lines)
