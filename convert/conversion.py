"""`python -m convert export`: from a saved pipeline and a sample to one model file."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from convert.card import check_card, doubt, proof, say_interval, write_card
from convert.conformal import (
    calibrate,
    observe,
    score_classification,
    score_regression,
)
from convert.description import (
    Description,
    add_description_option,
    check_names,
    find_description,
)
from convert.export import Export, export
from convert.files import check_output, write_files
from convert.oracle import Oracle
from convert.plain import is_same_label, plain
from convert.refusal import Refusal
from convert.sample import Sample
from convert.saved import add_saved_options, read_saved, run_elsewhere
from server.signature import Interval, Provenance

log = logging.getLogger(__name__)

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


def run(arguments: argparse.Namespace) -> str | int:
    """Convert, prove and write; return what to tell the user, or an exit code."""
    output: Path = arguments.output
    check_output(output, ".onnx")
    status = run_elsewhere(arguments)
    if status is not None:
        return status
    beside = output.with_suffix(".md")
    check_card(beside)
    pipeline, sample = read_saved(arguments, arguments.target)
    description = find_description(arguments.description, output)
    check_names(description, map(str, sample.frame))
    exported = convert(pipeline, sample, arguments.target, description)
    card = write_card(exported.signature, len(exported.content))
    write_files({output: exported.content, beside: card.encode()})
    return _report(exported, output, beside)


def convert(
    pipeline: Any, sample: Sample, targets: Sequence[str], description: Description
) -> Export:
    """Export a fitted pipeline with what a sample tells about it."""
    log.info("proving the graph on %d rows and on edge rows …", len(sample.frame))
    measured = _measure(pipeline, sample, sample.truth(targets))
    provenance = Provenance(
        dataset=sample.path.name,
        dataset_sha256=sample.sha256,
        n_rows=len(sample.frame),
        n_test_rows=measured.n_rows,
        split="the labelled rows of the sample" if measured.scores else "",
        scores=measured.scores,
    )
    return export(
        pipeline,
        sample.frame,
        sample.frame,
        targets or _names(pipeline, sample.frame),
        description,
        provenance,
        measured.intervals,
        measured.observed,
    )


class _Measured(NamedTuple):
    """What labelled rows tell of a pipeline; intervals and ranges one a target."""

    scores: dict[str, float]
    n_rows: int = 0
    intervals: tuple[Interval | None, ...] = ()
    observed: tuple[tuple[float, float], ...] = ()


def _measure(pipeline: Any, sample: Sample, truth: pd.DataFrame | None) -> _Measured:
    """Compare predictions with the truth, in the rows that have one."""
    if truth is None:
        return _Measured({})
    oracle = Oracle(pipeline, [str(name) for name in sample.frame])
    rows = truth.notna().all(axis=1).to_numpy()
    taken, answers = oracle.answer_taken(sample.frame[rows])
    if answers is None:
        return _Measured({})
    truth = truth[rows][taken]
    if truth.shape[1] != (1 if oracle.classes else answers.values.shape[1]):
        return _Measured({})  # the export says how many targets there are
    if oracle.classes:
        expected = [plain(value) for value in truth.iloc[:, 0]]
        _check_labels(sample, expected, oracle.classes)
        labels = [oracle.classes[int(index)] for index in answers.values[:, 0]]
        return _Measured(score_classification(expected, labels), len(truth))
    numbers = _numbers(sample, truth)
    scores = score_regression(numbers, answers.values)
    intervals = tuple(map(calibrate, numbers.T, answers.values.T))
    return _Measured(scores, len(truth), intervals, tuple(map(observe, numbers.T)))


def _check_labels(sample: Sample, truth: Sequence[Any], classes: Sequence[Any]) -> None:
    for value in dict.fromkeys(truth):
        if not any(is_same_label(value, label) for label in classes):
            raise Refusal(
                f"the target of {sample.path} holds {value!r}, and the classifier knows "
                f"{', '.join(map(repr, classes[:10]))}: name the column that it predicts "
                "with --target"
            )


def _numbers(sample: Sample, truth: pd.DataFrame) -> "np.ndarray":
    for name in truth:
        if not pd.api.types.is_numeric_dtype(truth[name]):
            raise Refusal(
                f"the target {name!r} of {sample.path} holds {truth[name].iloc[0]!r} and "
                "the pipeline predicts numbers: name the column that it predicts"
            )
        if not np.isfinite(truth[name].to_numpy(float)).all():
            raise Refusal(
                f"the target {name!r} of {sample.path} holds infinity: leave such cells "
                "empty"
            )
    return truth.to_numpy(float)


def _names(pipeline: Any, frame: pd.DataFrame) -> list[str]:
    """Return names for targets that the user has not named."""
    oracle = Oracle(pipeline, [str(name) for name in frame])
    oracle.learn_targets(frame)
    if oracle.n_targets == 1:
        return ["label" if oracle.classes else "prediction"]
    return [f"prediction_{number}" for number in range(1, oracle.n_targets + 1)]


def _report(exported: Export, output: Path, card: Path) -> str:
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
