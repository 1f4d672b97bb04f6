"""`python -m convert verify`: a model file against its golden rows, or its pipeline."""

import argparse
from pathlib import Path

import onnx

from convert.card import proof
from convert.discrepancy import Proof
from convert.load import load_pipeline
from convert.oracle import Oracle
from convert.refusal import Refusal
from convert.sample import read_sample
from server.model import Model, UnservableModel
from server.signature import Provenance, Signature


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "verify",
        help="check a model file against what scikit-learn predicted",
        description="Replay the golden rows of a model file, as the server does at its "
        "start; with --pipeline and --sample compare it with the pipeline itself.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="ends with .onnx")
    parser.add_argument("--pipeline", type=Path, help="that the file was made from")
    parser.add_argument(
        "--sample", type=Path, metavar="ROWS", help="CSV or Parquet, with --pipeline"
    )
    parser.add_argument(
        "--trust",
        action="append",
        default=[],
        metavar="MODULE.NAME",
        help="what the pipeline's file may import beside known estimators",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> str:
    """Verify, and return what was found."""
    if (arguments.pipeline is None) != (arguments.sample is None):
        raise Refusal("--pipeline and --sample go together: give both, or neither")
    signature = open_model(arguments.file)
    replayed = (
        f"{arguments.file}: {len(signature.golden_rows)} golden rows are reproduced "
        f"within {signature.golden_tolerance:.1g}"
    )
    if arguments.pipeline is None:
        return replayed
    return f"{replayed}\n{_compare(arguments, signature)}"


def open_model(path: Path) -> Signature:
    """Load a model file as the server does, and return its signature.

    Raises
    ------
    Refusal
        It is not a model file, or does not reproduce its golden rows.
    """
    try:
        model = Model.load(path)
    except UnservableModel as error:
        raise Refusal(f"{error}: export it again") from error
    model.close()
    return model.signature


def _compare(arguments: argparse.Namespace, signature: Signature) -> str:
    pipeline = load_pipeline(arguments.pipeline, trusted=arguments.trust)
    targets = [target.name for target in signature.targets]
    sample = read_sample(arguments.sample, pipeline, targets)
    names = [feature.name for feature in signature.features]
    if names != list(sample.frame):
        raise Refusal(
            f"{arguments.file} reads {names} and the pipeline {list(sample.frame)}: it "
            "was made from another one"
        )
    oracle = Oracle(pipeline, names)
    graph = onnx.load(arguments.file).SerializeToString()
    found = Proof(oracle, graph, signature.features, sample.frame).measure()
    return proof(Provenance(discrepancy=found))
