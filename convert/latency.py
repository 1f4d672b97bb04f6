"""Measures how long the server's runtime takes for one prediction."""

import time
from statistics import median

import pandas as pd

from convert.export import Export
from convert.frame import make_columns
from server.runtime import Session

SECONDS = 0.5
"""How long one row is predicted again and again."""


def measure_latency(exported: Export, rows: pd.DataFrame) -> float:
    """Return the median time of predicting the first of `rows`, in microseconds."""
    columns = make_columns(rows.head(1), exported.signature.features)
    elapsed = []
    with Session(exported.content) as session:
        ends = time.perf_counter() + SECONDS
        while (started := time.perf_counter()) < ends:
            session.predict(["prediction"], columns, 1)
            elapsed.append(time.perf_counter() - started)
    return median(elapsed) * 1e6
