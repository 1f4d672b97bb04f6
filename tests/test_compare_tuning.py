from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from convert.compare.spaces import Space, space_of, start
from convert.compare.tuning import Effort, Tuned, open_studies, tune
from convert.compare.workers import Submit
from convert.tables.description import Description
from convert.tables.holdout import Split, split_table
from convert.tables.table import read_table
from convert.training.folds import cross_validate
from convert.training.regressors import CANDIDATES
from tests.students import make_students

NAMES = ("linear", "ridge", "lasso")


@pytest.fixture
def split(tmp_path: Path) -> Split:
    make_students(60).to_csv(tmp_path / "table.csv", index=False)
    return split_table(read_table(tmp_path / "table.csv"), "math_score", Description())


@contextmanager
def threads(split: Split, n_jobs: int) -> Iterator[Submit]:
    with ThreadPoolExecutor(n_jobs) as pool:

        def submit(function: Callable[..., Any], /, *arguments: object) -> Future[Any]:
            return pool.submit(function, split, *arguments)

        yield submit


def run(
    split: Split,
    journal: Path,
    n_trials: int,
    seconds: float = 1e9,
    n_jobs: int = 2,
    progress: Callable[[str, int, float, float], None] = lambda *_: None,
) -> dict[str, Tuned]:
    spaces: dict[str, Space] = {name: space_of(name, 40) for name in NAMES}
    effort = Effort(n_trials, seconds, n_jobs)
    with threads(split, n_jobs) as submit:
        return tune(
            open_studies(journal, "x", NAMES), spaces, effort, 7, submit, progress
        )


def trials(journal: Path) -> dict[str, list[tuple[dict[str, Any], float | None]]]:
    return {
        name: [(trial.params, trial.value) for trial in study.trials]
        for name, study in open_studies(journal, "x", NAMES).items()
    }


def test_an_interrupted_run_goes_on_as_if_it_had_not_been(
    split: Split, tmp_path: Path
) -> None:
    n_done = 0

    def interrupt(*_: object) -> None:
        nonlocal n_done
        n_done += 1
        if n_done == 6:  # while another trial runs
            raise KeyboardInterrupt

    whole = run(split, tmp_path / "whole.journal", 12)
    with pytest.raises(KeyboardInterrupt):
        run(split, tmp_path / "parts.journal", 12, progress=interrupt)
    resumed = run(split, tmp_path / "parts.journal", 12)

    assert resumed == whole
    assert trials(tmp_path / "parts.journal") == trials(tmp_path / "whole.journal")


def test_nothing_is_tried_again(split: Split, tmp_path: Path) -> None:
    told: list[str] = []

    run(split, tmp_path / "j", 3)
    run(split, tmp_path / "j", 3, progress=lambda name, *_: told.append(name))

    assert told == []


def test_without_time_each_candidate_has_its_first_trial(
    split: Split, tmp_path: Path
) -> None:
    found = run(split, tmp_path / "j", 50, seconds=1e-9, n_jobs=1)

    assert found == {name: Tuned(start(space_of(name, 40)), 1) for name in NAMES}


def test_what_cannot_be_tuned_is_tried_once(split: Split, tmp_path: Path) -> None:
    found = run(split, tmp_path / "j", 4)

    assert {name: one.n_trials for name, one in found.items()} == {
        "linear": 1,
        "ridge": 4,
        "lasso": 4,
    }


@pytest.mark.parametrize("name", CANDIDATES)
def test_every_start_is_in_its_space_and_can_be_scored(name: str, split: Split) -> None:
    space = space_of(name, 9)

    folds = cross_validate(split, name, start(space), 1, 0)

    assert all(
        axis.distribution._contains(axis.distribution.to_internal_repr(axis.start))
        for axis in space.values()
    )
    assert [len(values) for values in folds.scores.values()] == [5, 5, 5, 5]
    assert folds.predictions.shape == (48,)


def test_neighbors_are_never_more_than_the_rows() -> None:
    axis = space_of("neighbors", 3)["n_neighbors"]

    assert (axis.start, axis.distribution.to_external_repr(3)) == (3, 3)
