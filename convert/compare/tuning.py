"""Looks for good parameters: one study a candidate, side by side, in a journal.

A study goes on from its finished trials alone: trial n is seeded by n, and a trial
that was cut off is run again. A run that is resumed therefore tries what a run in
one piece would have tried.
"""

import time
from collections import Counter
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

from convert.compare.spaces import Space, distributions, start
from convert.compare.workers import Submit
from convert.tables.holdout import Split
from convert.training.folds import cross_validate
from convert.training.regressors import Parameters

SCORING_REPEATS = 4
"""Of the tuning's folds: what scoring, the last fit and the proof take afterwards."""


class Tuned(NamedTuple):
    parameters: Parameters
    n_trials: int


Progress = Callable[[str, int, float, float], None]
"""Is told a candidate, its number of trials, its best R², and the seconds left."""


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
    clock = _Clock(effort, time.monotonic(), dict.fromkeys(studies, 0.0), Counter())
    running: dict[Future[float], _Running] = {}
    while True:
        busy = {one.name for one in running.values()}
        for name in sorted(studies, key=lambda name: clock.spent[name]):
            study, space = studies[name], spaces[name]
            if len(running) == effort.n_jobs or name in busy:
                continue
            if _n_wanted(study, space, effort) and clock.allows(study):
                number, parameters = _ask(study, space, seed)
                future = submit(_mean_score, name, parameters, seed)
                running[future] = _Running(name, number, time.monotonic())
        if not running:
            break
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            name, number, since = running.pop(future)
            clock.spent[name] += time.monotonic() - since
            clock.n_trials[name] += 1
            studies[name].tell(number, future.result())
            wanted = {
                each: _n_wanted(studies[each], spaces[each], effort) for each in studies
            }
            n_trials, best = _n_finished(studies[name]), studies[name].best_value
            progress(name, n_trials, best, clock.seconds_left(wanted))
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
    n_trials: Counter[str]

    def allows(self, study: optuna.Study) -> bool:
        """Whether a trial leaves time for the scoring of every candidate."""
        return _n_finished(study) == 0 or self._scoring() < self._budget()

    def seconds_left(self, wanted: Mapping[str, int]) -> float:
        """Estimate the time of the trials that are wanted, and of what follows them."""
        tuning = sum(n * self._a_trial(name) for name, n in wanted.items())
        tuning /= self.effort.n_jobs
        return min(tuning + self._scoring(), max(self._scoring(), self._budget()))

    def _budget(self) -> float:
        return self.effort.seconds - (time.monotonic() - self.started)

    def _scoring(self) -> float:
        a_trial_of_each = sum(map(self._a_trial, self.spent))
        return SCORING_REPEATS * a_trial_of_each / self.effort.n_jobs

    def _a_trial(self, name: str) -> float:
        """Return the mean time of its trials; before the first one, that of any."""
        if self.n_trials[name]:
            return self.spent[name] / self.n_trials[name]
        return sum(self.spent.values()) / max(self.n_trials.total(), 1)


def _n_wanted(study: optuna.Study, space: Space, effort: Effort) -> int:
    return max(0, (effort.n_trials if space else 1) - _n_finished(study))


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
