"""`python -m convert verify`: a model file against its golden rows, or its pipeline."""

import argparse
from pathlib import Path

from convert.commands.saved import add_saved_options, saved_files, work_behind_wall
from convert.errors import Invalid
from convert.inputs import check_input
from convert.proof.replay import open_model, replayed
from convert.report.beside import warn_of_card
from convert.wall.outside import private_folder

EXAMPLE = """\
examples:
  python -m convert verify build/price.onnx --pipeline pipeline.joblib \\
      --sample rows.csv
  python -m convert verify build/student.onnx --preprocessor preprocessor.pkl \\
      --model model.pkl --sample rows.csv
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "verify",
        description="Replay the golden rows of a model file (made-up rows, with what\n"
        "scikit-learn predicted for them), as the server does at its start; with its\n"
        "pipeline and a sample compare it with scikit-learn itself.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("file", type=Path, metavar="FILE", help="ends with .onnx")
    add("--pipeline", type=Path, metavar="FILE", help="that the file was made from")
    add("--sample", type=Path, metavar="ROWS", help="CSV or Parquet, for the pipeline")
    add_saved_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> str:
    """Return what was found: of the file alone, or of its pipeline behind a wall.

    Raises
    ------
    Invalid
        If a pipeline is given without --sample, or --sample without a pipeline.
    """
    is_compared = arguments.sample is not None
    if is_compared != bool(saved_files(arguments)):
        raise Invalid("a pipeline and --sample go together: give both, or neither")
    if not is_compared:
        _, signature = open_model(arguments.file)
        warn_of_card(arguments.file, signature.version)
        return replayed(arguments.file, signature)
    check_input(arguments.file)
    with private_folder() as folder:
        return work_behind_wall(arguments, folder, arguments.file)
