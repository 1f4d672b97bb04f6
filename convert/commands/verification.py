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
    content, signature = open_model(arguments.file)
    said = replayed(arguments.file, signature)
    return f"{said}\n{_compare(arguments, content, signature)}"


def _compare(
    arguments: argparse.Namespace, content: bytes, signature: Signature
) -> str:
    targets = [target.name for target in signature.targets]
    pipeline, sample = read_saved(arguments, targets)
    log.info("comparing on %d rows and on edge rows …", len(sample.frame))
    found = compare_with_pipeline(
        content, signature, pipeline, sample.frame, str(arguments.file)
    )
    return proof(Provenance(discrepancy=found), "the file would have been refused")
