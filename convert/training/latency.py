"""Measures how long the server's runtime takes for one prediction."""

import time
from collections.abc import Sequence
from statistics import median

import pandas as pd

from convert.fitted.frame import make_columns
from convert.model_file import ModelFile
from server.runtime.session import Session

N_SPELLS = 5
SPELL_SECONDS = 0.1
"""How long one row is predicted again and again."""


def measure_latency(exported: ModelFile, rows: pd.DataFrame) -> float:
    """Return the time of predicting the first of `rows`, in microseconds.

    The lowest of the medians of several spells: what other programs take from one
    of them is not the model's (14 µs looked like 20 beside a busy neighbour).
    """
    columns = make_columns(rows.head(1), exported.signature.features)
    with Session(exported.content) as session:
        return min(_median_us(session, columns) for _ in range(N_SPELLS))


def _median_us(
    session: Session, columns: Sequence[Sequence[str] | Sequence[float]]
) -> float:
    elapsed = []
    ends = time.perf_counter() + SPELL_SECONDS
    while (started := time.perf_counter()) < ends:
        session.predict(["prediction"], columns, 1)
        elapsed.append(time.perf_counter() - started)
    return median(elapsed) * 1e6
