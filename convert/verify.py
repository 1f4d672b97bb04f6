"""`python -m convert verify`: a model file against its golden rows, or its pipeline."""

import argparse
import logging
from pathlib import Path

import onnx
import pandas as pd

from convert.card import proof
from convert.discrepancy import Differs, Proof
from convert.encoded import open_columns
from convert.files import check_input
from convert.frame import Row, make_frame
from convert.oracle import Oracle
from convert.preprocessing.own import name_of
from convert.refusal import Refusal
from convert.saved import add_saved_options, read_saved, run_elsewhere, saved_files
from server.model import Model, UnservableModel
from server.runtime import RuntimeFault
from server.seal import UNSEALED
from server.signature import Provenance, Signature

log = logging.getLogger(__name__)

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


def run(arguments: argparse.Namespace) -> str | int:
    """Verify, and return what was found, or an exit code."""
    is_compared = arguments.sample is not None
    if is_compared != bool(saved_files(arguments)):
        raise Refusal("a pipeline and --sample go together: give both, or neither")
    signature = open_model(arguments.file)
    status = run_elsewhere(arguments)
    if status is not None:
        return status
    replayed = (
        f"{arguments.file}: {say_golden_rows(signature)} within "
        f"{signature.golden_tolerance:.1g}"
    )
    return f"{replayed}\n{_compare(arguments, signature)}" if is_compared else replayed


def say_golden_rows(signature: Signature) -> str:
    """Say how many are reproduced, and what they are."""
    n_rows = len(signature.golden_rows)
    rows, them, are = (
        ("golden row", "it", "is") if n_rows == 1 else ("golden rows", "them", "are")
    )
    made = f"made up, with what scikit-learn predicted for {them}"
    return f"{n_rows} {rows} ({made}) {are} reproduced"


def open_model(path: Path) -> Signature:
    """Load a model file as the server does, and return its signature.

    Raises
    ------
    Refusal
        It is not a model file, or does not reproduce its golden rows.
    """
    check_input(path)
    try:
        model = Model.load(path)
    except (UnservableModel, RuntimeFault) as error:
        raise Refusal(str(error)) from error
    model.close()
    if not model.signature.sha256:
        log.warning("%s %s", path, UNSEALED)
    return model.signature


def _compare(arguments: argparse.Namespace, signature: Signature) -> str:
    targets = [target.name for target in signature.targets]
    pipeline, sample = read_saved(arguments, targets)
    names = [feature.name for feature in signature.features]
    if names != list(sample.frame):
        raise Refusal(
            f"{arguments.file} reads {names} and the pipeline {list(sample.frame)}: it "
            "was made from another one"
        )
    oracle = Oracle(pipeline, names)
    log.info("comparing on %d rows and on edge rows …", len(sample.frame))
    graph = onnx.load(arguments.file).SerializeToString()
    compared = Proof(oracle, graph, signature.features, sample.frame)
    try:
        found = compared.measure()
    except Differs as error:
        why = _why(compared, error.row)
        raise Refusal(f"{error}: {arguments.file} {why}; export it again") from error
    return proof(Provenance(discrepancy=found), "the file would have been refused")


def _why(compared: Proof, row: pd.Series) -> str:
    """Say why a graph and a pipeline differ on a row, as far as can be found out."""
    cells = row.astype(object).where(row.notna(), None)
    values: Row = {str(name): value for name, value in cells.items()}
    for feature in compared.features:
        value = values[feature.name]
        if value is None or feature.unknown == "reject" or value in feature.categories:
            continue
        usual = make_frame(
            [{**values, feature.name: feature.typical}], compared.table.frame
        )
        if compared.agrees(usual).all():
            return (
                f"takes {value!r} of {feature.name!r} for unknown, and the pipeline "
                "knows it"
            )
    names = [feature.name for feature in compared.features]
    for name, step in open_columns(compared.oracle.pipeline, names).items():
        return (
            f"was made from another pipeline, or {name_of(step)}, which reads {name!r} "
            f"and is not scikit-learn's, has an answer here that nobody asked it for"
        )
    return "was made from another pipeline"
