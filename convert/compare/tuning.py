"""Looks for good parameters: one study a candidate, side by side, in a journal.

A study goes on from its finished trials alone: trial n is seeded by n, and a trial
that was cut off is run again. A run that is resumed therefore tries what a run in
one piece would have tried.
"""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import optuna
from optuna.samplers import TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from convert.compare.folds import cross_validate
from convert.compare.spaces import Space, distributions, start
from convert.compare.workers import Submit
from convert.regressors import Parameters
from convert.split import Split

SCORING_REPEATS = 4
"""Of the tuning's folds: what scoring, the last fit and the proof take afterwards."""


class Tuned(NamedTuple):
    parameters: Parameters
    n_trials: int


Progress = Callable[[str, int, float], None]
"""Is told a candidate, its number of trials and its best R²."""


class Effort(NamedTuple):
    """How much may be spent on tuning.

    Parameters
    ----------
    n_trials
        For each candidate that has something to tune.
    seconds
        For the whole run. Each candidate gets its first trial whatever it takes.
    n_jobs
        Trials that run at the same time, of different candidates.
    """

    n_trials: int
    seconds: float
    n_jobs: int


def open_studies(
    journal: Path, label: str, names: tuple[str, ...]
) -> dict[str, optuna.Study]:
    """Open or begin a study for each candidate.

    Parameters
    ----------
    label
        Tells apart what must not be mixed: table, target, split, seed.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = JournalStorage(JournalFileBackend(str(journal)))
    return {
        name: optuna.create_study(
            storage=storage,
            study_name=f"{name} {label}",
            direction="maximize",
            load_if_exists=True,
        )
        for name in names
    }


def tune(
    studies: Mapping[str, optuna.Study],
    spaces: Mapping[str, Space],
    effort: Effort,
    seed: int,
    submit: Submit,
    progress: Progress,
) -> dict[str, Tuned]:
    """Search until the trials or the seconds are used up.

    The candidate that has taken the least time so far has the next turn, so that
    no slow one starves the others.
    """
    clock = _Clock(effort, time.monotonic(), dict.fromkeys(studies, 0.0))
    running: dict[Future[float], _Running] = {}
    while True:
        busy = {one.name for one in running.values()}
        for name in sorted(studies, key=lambda name: clock.spent[name]):
            study, space = studies[name], spaces[name]
            if len(running) == effort.n_jobs or name in busy:
                continue
            if _is_wanted(study, space, effort) and clock.allows(study):
                number, parameters = _ask(study, space, seed)
                future = submit(_mean_score, name, parameters, seed)
                running[future] = _Running(name, number, time.monotonic())
        if not running:
            break
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            name, number, since = running.pop(future)
            clock.spent[name] += time.monotonic() - since
            clock.n_trials += 1
            studies[name].tell(number, future.result())
            progress(name, _n_finished(studies[name]), studies[name].best_value)
    return {
        name: Tuned(study.best_params, _n_finished(study))
        for name, study in studies.items()
    }


class _Running(NamedTuple):
    name: str
    number: int
    since: float


@dataclass
class _Clock:
    effort: Effort
    started: float
    spent: dict[str, float]
    n_trials: int = 0

    def allows(self, study: optuna.Study) -> bool:
        """Whether a trial leaves time for the scoring of every candidate."""
        used = time.monotonic() - self.started
        a_trial_of_each = sum(self.spent.values()) / max(self.n_trials, 1)
        a_trial_of_each *= len(self.spent) / self.effort.n_jobs
        left = self.effort.seconds - used
        return _n_finished(study) == 0 or SCORING_REPEATS * a_trial_of_each < left


def _is_wanted(study: optuna.Study, space: Space, effort: Effort) -> bool:
    return _n_finished(study) < (effort.n_trials if space else 1)


def _ask(study: optuna.Study, space: Space, seed: int) -> tuple[int, Parameters]:
    """Return the number and the parameters of the next trial."""
    for trial in study.get_trials(states=(TrialState.RUNNING,)):  # was cut off
        if trial.params.keys() == space.keys():
            return trial.number, trial.params
        study.tell(trial.number, state=TrialState.FAIL)
    done = _n_finished(study)
    if done == 0:
        study.enqueue_trial(dict(start(space)), skip_if_exists=True)
    sampler_seed = (seed + done) % 2**32
    study.sampler = TPESampler(seed=sampler_seed, constant_liar=False)
    asked = study.ask(distributions(space))
    return asked.number, asked.params


def _mean_score(split: Split, name: str, parameters: Parameters, seed: int) -> float:
    # other folds than those of the scoring, so that parameters are not fitted to them
    scores = cross_validate(split, name, parameters, 1, (seed + 1) % 2**32).scores[
        "r2_score"
    ]
    return sum(scores) / len(scores)


def _n_finished(study: optuna.Study) -> int:
    return len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))
