"""A pipeline that somebody saved and rows for it, as a command line names them."""

import argparse
import logging
from pathlib import Path

from sklearn.pipeline import Pipeline

from convert.dataset import add_reading_options
from convert.environments import needed_environment, reexecute
from convert.load import examine, load_pipeline
from convert.sample import Sample, read_sample

log = logging.getLogger(__name__)


def add_saved_options(parser: argparse.ArgumentParser) -> None:
    """Add what `export` and `verify` both read, beside `pipeline` and `sample`."""
    add = parser.add_argument
    add("--preprocessor", type=Path, metavar="FILE", help="where it was saved apart")
    add("--model", type=Path, metavar="FILE", help="the estimator behind it")
    add(
        "--trust",
        action="append",
        default=[],
        metavar="MODULE.NAME",
        help="what the file may import beside the estimators of known libraries",
    )
    add_reading_options(parser)
    add(
        "--cache",
        type=Path,
        metavar="FOLDER",
        help="for environments with another scikit-learn",
    )


def saved_files(arguments: argparse.Namespace) -> list[Path]:
    """Return the files that the pipeline is in."""
    named = (arguments.pipeline, arguments.preprocessor, arguments.model)
    return [path for path in named if path is not None]


def run_elsewhere(arguments: argparse.Namespace) -> int | None:
    """Run the command beside the scikit-learn that wrote the files, if it is another.

    Returns
    -------
    Its exit code; None if this is the scikit-learn that wrote them.

    Raises
    ------
    Refusal
        A file is not trusted, or there is no such environment.
    """
    scans = [examine(path, arguments.trust) for path in saved_files(arguments)]
    version = needed_environment(scans)
    if version is None:
        return None
    return reexecute(arguments.words, version, scans, arguments.cache)


def read_saved(
    arguments: argparse.Namespace, targets: list[str]
) -> tuple[Pipeline, Sample]:
    """Load the pipeline and the rows that it is to predict.

    Raises
    ------
    Refusal
        One of the files cannot be read, or they do not belong together.
    """
    log.info("reading the pipeline and %s …", arguments.sample)
    pipeline = load_pipeline(
        arguments.pipeline,
        preprocessor=arguments.preprocessor,
        model=arguments.model,
        trusted=arguments.trust,
    )
    sample = read_sample(
        arguments.sample,
        pipeline,
        targets,
        encoding=arguments.encoding,
        missing=arguments.missing,
        rename=arguments.rename,
        drop=arguments.drop,
    )
    return pipeline, sample
