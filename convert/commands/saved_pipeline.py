"""A pipeline that somebody saved and rows for it, as a command line names them."""

import argparse
import logging

from sklearn.pipeline import Pipeline

from convert.fitted.sample import Sample, read_sample
from convert.saved.load import load_pipeline

log = logging.getLogger(__name__)


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
