"""Runs a comparison: tune, score, choose, and then look at the held-out rows."""

import logging
import math
import time
from collections.abc import Mapping
from concurrent.futures import Future, as_completed
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from convert.compare.choice import Choice, Contestant, choose
from convert.compare.comparison import Comparison, Entry
from convert.compare.conversion import Final, finish, measure
from convert.compare.spaces import Space, space_of
from convert.compare.tuning import Effort, Tuned, open_studies, tune
from convert.compare.workers import Submit, workers
from convert.errors import Refusal
from convert.tables.description import Description
from convert.tables.holdout import Split, split_table
from convert.tables.table import Table
from convert.training.estimates import SCORES, estimates
from convert.training.folds import (
    MIN_TRAIN_ROWS,
    N_FOLDS,
    Folds,
    cross_validate,
)
from convert.training.groups import group_errors
from convert.training.regressors import CANDIDATES

log = logging.getLogger(__name__)

N_REPEATS = 3
LIBRARIES = ("catboost", "numpy", "onnx", "optuna", "pandas", "scikit-learn", "xgboost")


class Question(NamedTuple):
    """What is compared; two runs with the same question have the same studies."""

    table: Table
    target: str
    description: Description
    seed: int
    test_size: float

    @property
    def label(self) -> str:
        """What tells the studies of one question from those of another."""
        kinds = ",".join(sorted(self.description.columns_of_kind("category")))
        dropped = ",".join(sorted(self.table.dropped))
        renamed = ",".join(sorted(self.table.renamed))
        return (
            f"{self.table.sha256} {self.target} {self.seed} {self.test_size} "
            f"{kinds} {dropped} {renamed}"
        )


def compare_candidates(question: Question, effort: Effort, journal: Path) -> Comparison:
    """Compare every candidate and choose one.

    Parameters
    ----------
    journal
        File with the studies; what is in it already is not done again.

    Raises
    ------
    Refusal
        The table cannot be compared on, or no candidate can be exported.
    """
    started = time.monotonic()
    split = _checked_split(question)
    seed = question.seed
    spaces = {name: space_of(name, _n_fitted(split)) for name in CANDIDATES}
    studies = open_studies(journal, question.label, tuple(CANDIDATES))
    log.info(
        "comparing %d regressors on %s rows, in up to %d trials each and within about "
        "%.0f s (--budget)",
        *(len(CANDIDATES), f"{len(split.X_train):,}", effort.n_trials, effort.seconds),
    )
    log.info("starting %d processes …", effort.n_jobs)
    with workers(split, effort.n_jobs) as submit:
        tuned = tune(studies, spaces, effort, seed, submit, _say_trial)
        folds = _score(tuned, seed, submit)
        finals = _finish(question, tuned, submit)
    entries = []
    for name in CANDIDATES:
        log.info("measuring %s …", CANDIDATES[name].title)
        entry = _entry(split, name, tuned[name], folds[name], finals[name])
        entries.append(entry)
    choice = _choose(entries, spaces)
    return Comparison(
        table=question.table.path.name,
        table_sha256=question.table.sha256,
        target=question.target,
        unit=question.description.target.unit,
        seed=seed,
        test_size=question.test_size,
        n_train_rows=len(split.X_train),
        n_test_rows=len(split.X_test),
        n_folds=N_FOLDS,
        n_repeats=N_REPEATS,
        dropped=question.table.dropped,
        renamed=question.table.renamed,
        seconds=round(time.monotonic() - started, 1),
        libraries=library_versions(),
        entries=tuple(entries),
        choice=choice,
        actual=tuple(split.y_test.tolist()),
        groups=tuple(
            group_errors(
                split.X_train,
                split.categories,
                split.y_train.to_numpy(float),
                folds[choice.name].predictions,
            )
        ),
    )


def library_versions() -> dict[str, str]:
    return {name: _version(name) for name in LIBRARIES}


def _checked_split(question: Question) -> Split:
    split = split_table(
        question.table,
        question.target,
        question.description,
        question.seed,
        question.test_size,
    )
    path, n_rows = question.table.path, len(split.X_train)
    if n_rows < MIN_TRAIN_ROWS:
        raise Refusal(
            f"{path} leaves {n_rows} rows to fit and {N_FOLDS} folds need "
            f"{MIN_TRAIN_ROWS}: add rows, or train one regressor without a comparison"
        )
    return split


def _n_fitted(split: Split) -> int:
    return math.floor(len(split.X_train) * (1 - 1 / N_FOLDS))


def _score(tuned: Mapping[str, Tuned], seed: int, submit: Submit) -> dict[str, Folds]:
    asked = {
        submit(cross_validate, name, found.parameters, N_REPEATS, seed): name
        for name, found in tuned.items()
    }
    return _gather(asked, "scoring")


def _finish(
    question: Question,
    tuned: Mapping[str, Tuned],
    submit: Submit,
) -> dict[str, Final]:
    target, seed = question.target, question.seed
    asked: dict[Future[Final], str] = {}
    for name, found in tuned.items():
        description = question.description
        future = submit(finish, name, found.parameters, seed, target, description)
        asked[future] = name
    return _gather(asked, "exporting")


def _gather(asked: Mapping[Future[Any], str], doing: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    log.info("%s %d regressors …", doing, len(asked))
    for future in as_completed(asked):
        found[asked[future]] = future.result()
        log.info("%s %d regressors, %d done …", doing, len(asked), len(found))
    return found


def _say_trial(name: str, n_trials: int, best: float, seconds_left: float) -> None:
    log.info(
        "tuning: %s reaches R² %.4f after %s, about %.0f s left …",
        *(CANDIDATES[name].title, best),
        *("1 trial" if n_trials == 1 else f"{n_trials} trials", seconds_left),
    )


def _entry(split: Split, name: str, tuned: Tuned, folds: Folds, final: Final) -> Entry:
    exported = final.exported
    predictions = np.array(final.predictions)
    return Entry(
        name=name,
        title=CANDIDATES[name].title,
        parameters=dict(tuned.parameters),
        n_trials=tuned.n_trials,
        fit_seconds=folds.fit_seconds,
        cross_validated=estimates(folds.scores, N_FOLDS),
        test={
            key: float(score(split.y_test, predictions))
            for key, score in SCORES.items()
        },
        predictions=tuple(final.predictions),
        conversion=None if isinstance(exported, str) else measure(exported, split),
        refusal=exported if isinstance(exported, str) else "",
    )


def _choose(entries: list[Entry], spaces: Mapping[str, Space]) -> Choice:
    contestants = [
        Contestant(
            name=entry.name,
            title=entry.title,
            score=entry.cross_validated["r2_score"].mean,
            standard_error=entry.cross_validated["r2_score"].standard_error,
            n_bytes=entry.conversion.n_bytes,
            n_parameters=len(spaces[entry.name]),
        )
        for entry in entries
        if entry.conversion
    ]
    if not contestants:
        raise Refusal(f"no candidate can be exported: {entries[0].refusal}")
    return choose(contestants)


def _version(name: str) -> str:
    """Return a library's version; XGBoost without GPU has a name of its own."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return metadata.version(f"{name}-cpu")
