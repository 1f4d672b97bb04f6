"""From a table to a fitted regressor and its proved model file."""

import logging
from dataclasses import dataclass, field
from typing import NamedTuple

from sklearn.pipeline import Pipeline

from convert.export import export
from convert.fitted.oracle import rejections
from convert.model_file import ModelFile
from convert.tables.description import Description
from convert.tables.holdout import SEED, TEST_SIZE, Split, split_table
from convert.tables.table import Table
from convert.training.folds import MIN_TRAIN_ROWS, N_FOLDS, cross_validate
from convert.training.intervals import calibrate, measure, observe
from convert.training.regressors import Parameters, make_candidate
from convert.training.scores import score_regression
from server.signature import Interval, Provenance

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Regressor:
    """What is fitted: the name of a candidate, and what differs from its defaults."""

    name: str = "linear"
    parameters: Parameters = field(default_factory=dict)


class Trained(NamedTuple):
    pipeline: Pipeline
    split: Split
    exported: ModelFile


def train(
    table: Table,
    target: str,
    description: Description,
    regressor: Regressor,
    *,
    seed: int = SEED,
    test_size: float = TEST_SIZE,
    command: str = "",
) -> Trained:
    """Fit a regressor on a part of a table, and export it.

    Parameters
    ----------
    test_size
        Share of the rows, between 0 and 1, that the scores are computed on.

    Raises
    ------
    Refusal
        The table, the description or the split cannot give a proved model.
    """
    split = split_table(table, target, description, seed, test_size)
    X = table.frame.drop(columns=target)
    log.info("read %d rows and %d features from %s", *X.shape, table.path)
    pipeline = make_candidate(
        regressor.name, split.numbers, split.categories, seed, regressor.parameters
    )
    log.info("fitting %s on %d rows …", type(pipeline[-1]).__name__, len(split.X_train))
    pipeline.fit(split.X_train, split.y_train)
    interval = _interval(pipeline, split, regressor, seed)
    log.info("proving the graph on %d rows and on edge rows …", len(X))
    provenance = Provenance(
        dataset=table.path.name,
        dataset_sha256=table.sha256,
        command=command,
        n_rows=len(X),
        n_train_rows=len(split.X_train),
        n_test_rows=len(split.X_test),
        distributions="the rows that were fitted",
        split=f"chosen at random with seed {seed}, {test_size:.0%} of all",
        scores=score_regression(
            split.y_test.to_numpy()[:, None], pipeline.predict(split.X_test)[:, None]
        ),
    )
    exported = export(
        pipeline,
        split.X_train,
        X,
        [target],
        description,
        provenance,
        [interval],
        [observe(split.y_train.to_numpy())],
        [*map(str, table.frame), *table.dropped],
    )
    return Trained(pipeline, split, exported)


def _interval(
    pipeline: Pipeline, split: Split, regressor: Regressor, seed: int
) -> Interval | None:
    """Calibrate on the training rows, and measure on those that were held out.

    Each training row is predicted by a model fitted without its fold. There, a
    category that no other fold has is ignored; on every row that the server accepts
    that pipeline does what this one does.
    """
    if len(split.X_train) < MIN_TRAIN_ROWS:
        log.info("no interval: %d rows to fit are too few", len(split.X_train))
        return None
    log.info("fitting %d times more, to see how far off it is on new rows …", N_FOLDS)
    try:
        folds = cross_validate(split, regressor.name, regressor.parameters, 1, seed)
    except rejections() as error:
        log.info("no interval: without a fold it cannot be fitted (%s)", error)
        return None
    interval = calibrate(split.y_train.to_numpy(), folds.predictions)
    if interval is None:
        return None
    predictions = pipeline.predict(split.X_test)
    return measure(interval, split.y_test.to_numpy(), predictions)
