"""The work of `export`: makes a model file and its card of a saved pipeline and a sample."""

import argparse
import logging
from pathlib import Path

from convert.commands.export import CARD, MODEL
from convert.commands.saved_pipeline import read_saved
from convert.conversion import convert
from convert.model_file import ModelFile
from convert.report.sentences import doubt, proof, say_interval
from convert.tables.description import check_names, find_description

log = logging.getLogger(__name__)


def run(arguments: argparse.Namespace, folder: Path) -> str:
    """Convert and prove; leave both files in a folder, and return what to tell."""
    output: Path = arguments.output
    pipeline, sample = read_saved(arguments, arguments.target)
    description = find_description(arguments.description, output)
    check_names(description, map(str, sample.frame))
    log.info("proving the graph on %d rows and on edge rows …", len(sample.frame))
    exported = convert(pipeline, sample, arguments.target, description)
    Path(folder, MODEL).write_bytes(exported.content)
    Path(folder, CARD).write_text(exported.card(), "utf-8")
    return _report(exported, output, output.with_suffix(".md"))


def _report(exported: ModelFile, output: Path, card: Path) -> str:
    signature = exported.signature
    scores = signature.provenance.scores
    lines = [
        f"wrote {output}, {len(exported.content):,} bytes, and {card}",
        f"{signature.estimator} over {len(signature.features)} features",
    ]
    if scores:
        name, score = next(iter(scores.items()))
        n_rows = signature.provenance.n_test_rows
        lines.append(f"{name} {score:.4f} on {n_rows} labelled rows of the sample")
    lines.append(doubt(signature.provenance))
    lines += map(say_interval, signature.targets)
    lines.append(proof(signature.provenance))
    return "\n".join(filter(None, lines))
