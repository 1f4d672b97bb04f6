"""The work of `verify`: a model file against the pipeline that it was made from."""

import argparse
import logging
from pathlib import Path

from convert.commands.saved_pipeline import read_saved
from convert.proof.comparison import compare_with_pipeline
from convert.proof.replay import open_model, replayed
from convert.report.sentences import proof
from server.signature import Provenance, Signature

log = logging.getLogger(__name__)


def run(arguments: argparse.Namespace, folder: Path) -> str:
    """Replay, and compare with the pipeline; return what was found, and write nothing."""
    signature = open_model(arguments.file)
    return f"{replayed(arguments.file, signature)}\n{_compare(arguments, signature)}"


def _compare(arguments: argparse.Namespace, signature: Signature) -> str:
    targets = [target.name for target in signature.targets]
    pipeline, sample = read_saved(arguments, targets)
    log.info("comparing on %d rows and on edge rows …", len(sample.frame))
    path: Path = arguments.file
    found = compare_with_pipeline(
        path.read_bytes(), signature, pipeline, sample.frame, str(path)
    )
    return proof(Provenance(discrepancy=found), "the file would have been refused")
