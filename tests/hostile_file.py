"""What a hostile file is, the list of them, and the honest pipelines that they bend."""

import functools
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.students import make_students

N_ROWS = 60
SCORES = ["reading_score", "writing_score"]
WORDS = "remark"

REMARKS = ["quiet garden", "near the station", "a" * 40 + "!", "garden and station"]

Builder = Callable[[Path], bytes]
"""The marker that its payload would leave → the content of the file."""


@dataclass(frozen=True)
class Hostile:
    """A file that must be refused, or do nothing.

    Parameters
    ----------
    name
        A sentence's worth of what it does, for people.
    kind
        Why it is hostile, as docs/security.md counts them.
    build
        Makes the content.
    rows
        Of the table that is given as its sample: "numbers" or "texts".
    """

    name: str
    kind: str
    build: Builder
    rows: str = "numbers"


HOSTILE: dict[str, Hostile] = {}


def add(kind: str, name: str, build: Builder, rows: str = "numbers") -> None:
    if name in HOSTILE:
        raise ValueError(f"two hostile files are called {name}")
    HOSTILE[name] = Hostile(name, kind, build, rows)


def hostile(kind: str, rows: str = "numbers") -> Callable[[Builder], Builder]:
    """Add a builder to the list under its name."""

    def listed(build: Builder) -> Builder:
        add(kind, build.__name__.strip("_").replace("_", " "), build, rows)
        return build

    return listed


def numbers() -> pd.DataFrame:
    return make_students(N_ROWS)[SCORES].astype(float)


def target() -> "pd.Series[Any]":
    return make_students(N_ROWS)["math_score"].astype(float)


def texts() -> pd.DataFrame:
    return pd.DataFrame({WORDS: (REMARKS * N_ROWS)[:N_ROWS]})


def sample(rows: str) -> pd.DataFrame:
    return numbers() if rows == "numbers" else texts()


@functools.cache
def _pickled(kind: str, parameters: tuple[tuple[str, Any], ...], labels: bool) -> bytes:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from tests.every_estimator import make

    aim = target() > target().mean() if labels else target()
    fitted = make_pipeline(StandardScaler(), make(kind, **dict(parameters)))
    return pickle.dumps(fitted.fit(numbers(), aim))


def fitted(kind: str, *, labels: bool = False, **parameters: Any) -> Any:
    """Return an honest pipeline of a scaler and an estimator, to be bent."""
    return pickle.loads(_pickled(kind, tuple(sorted(parameters.items())), labels))


@functools.cache
def _pickled_booster(library: str) -> bytes:
    from tests.every_estimator import boosters

    first = next(b for b in boosters() if library in type(b).__module__)
    return pickle.dumps(first.fit(numbers(), target()))


def booster(library: str) -> Any:
    """Return an honest booster: "catboost", "lightgbm" or "xgboost"."""
    return pickle.loads(_pickled_booster(library))


def behind(func: Any, **parameters: Any) -> Any:
    """Return an honest linear pipeline whose first step calls `func`."""
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer

    pipeline = fitted("Ridge")
    step = FunctionTransformer(np.log1p).fit(numbers())
    step.func = func
    vars(step).update(parameters)
    return Pipeline([("f", step), *pipeline.steps])
