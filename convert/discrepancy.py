"""Measures how far the graph is from scikit-learn, and refuses what is too far."""

import logging
import math
import warnings
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.pipeline import Pipeline

from convert.describe import unknown_values
from convert.frame import Row, make_columns, make_frame
from convert.refusal import Refusal
from server.runtime import Session
from server.signature import Discrepancy, Feature, Value

log = logging.getLogger(__name__)

Floats = npt.NDArray[np.float64]

DIGITS = 11
"""Decimal digits that must agree, counted from the largest prediction for the table:
1e-9 points for scores up to 100. Folded graphs keep 14 or more."""

NOISE_FACTOR = 4
"""The tolerance is never below this multiple of the noise of scikit-learn itself,
which predicts a row a little differently alone, in a batch, or with its columns in
another order: 1e-14 points as a rule, 0.4 in an ill-conditioned model that is deployed."""

MAX_NOISE_ROWS = 100
"""Rows that scikit-learn predicts one by one, at about 5 ms each."""

FAR = 1000
"""Edge rows reach this many observed ranges beyond the observed values."""


def measure_discrepancy(
    pipeline: Pipeline, model: bytes, features: Sequence[Feature], frame: pd.DataFrame
) -> Discrepancy:
    """Compare the graph, run as the server runs it, with scikit-learn.

    Parameters
    ----------
    frame
        Rows in the user's own dtypes: numbers in float64 or int64, for on a
        float32 frame scikit-learn makes the mistakes that this is to find.

    Raises
    ------
    Refusal
        A prediction differs by more than the tolerance.
    """
    edges = make_frame(list(edge_rows(features)), frame)
    tolerance = _tolerance(pipeline, frame, edges)
    largest = 0.0
    with Session(model) as session:
        for rows in (frame, edges):
            expected = predict(pipeline, rows)
            for run in (_run, _run_singly):
                found = run(session, rows, features)
                differences = np.abs(found - expected)
                if not (differences <= tolerance).all():
                    raise _refusal(rows, expected, found, tolerance)
                largest = max(largest, float(differences.max()))
    return Discrepancy(
        largest=largest,
        tolerance=tolerance,
        n_rows=len(frame),
        n_edge_rows=len(edges),
    )


def predict(pipeline: Pipeline, frame: pd.DataFrame) -> Floats:
    """Return scikit-learn's predictions, shape (n_rows,), without its warnings."""
    with warnings.catch_warnings(action="ignore"):
        return np.asarray(pipeline.predict(frame), float).reshape(len(frame))


def edge_rows(features: Sequence[Feature]) -> Iterator[Row]:
    """Yield rows that scikit-learn accepts and tables seldom have.

    Each value that is missing, unknown or extreme stands once among typical
    values and once among missing ones.
    """
    typical = {feature.name: feature.typical for feature in features}
    blank = typical | {f.name: None for f in features if not f.required}
    yield blank
    for feature in features:
        for value in _edge_values(feature):
            yield typical | {feature.name: value}
            yield blank | {feature.name: value}


def _edge_values(feature: Feature) -> list[Value | None]:
    values: list[Value | None] = [] if feature.required else [None]
    values += feature.categories
    if feature.unknown == "ignore":
        values += unknown_values(feature.categories)
    if feature.observed:
        low, high = feature.observed
        reach = FAR * ((high - low) or abs(high) or 1.0)
        values += [low, high, low + (high - low) / 3, low - reach, high + reach]
        values += [0] if low - reach < 0 < high + reach else []
    return values


def _tolerance(pipeline: Pipeline, frame: pd.DataFrame, edges: pd.DataFrame) -> float:
    size = float(np.abs(predict(pipeline, frame)).max())
    tolerance = 10.0 ** ((round(math.log10(size)) if size else 0) - DIGITS)
    rows = pd.concat([edges.head(MAX_NOISE_ROWS // 2), frame])[:MAX_NOISE_ROWS]
    noise = _noise(pipeline, rows)
    if NOISE_FACTOR * noise <= tolerance:
        return tolerance
    log.warning(
        "scikit-learn's own predictions differ by %.1g between one row and many: the "
        "model is ill-conditioned, which a Ridge regressor or OneHotEncoder(drop="
        "'first') cures; the tolerance is %.1g",
        noise,
        NOISE_FACTOR * noise,
    )
    return NOISE_FACTOR * noise


def _noise(pipeline: Pipeline, frame: pd.DataFrame) -> float:
    """Return by how much scikit-learn differs from itself on the same rows."""
    together = predict(pipeline, frame)
    singly = [predict(pipeline, frame.iloc[[i]]) for i in range(len(frame))]
    reordered = together
    try:
        reordered = predict(pipeline, frame[frame.columns[::-1]])
    except ValueError:
        log.debug("the pipeline insists on the order of the columns")
    return float(np.ptp([together, np.ravel(singly), reordered], axis=0).max())


def _run(session: Session, frame: pd.DataFrame, features: Sequence[Feature]) -> Floats:
    columns = make_columns(frame, features)
    (predictions,) = session.predict(["prediction"], columns, len(frame))
    return np.array(predictions.values, float)


def _run_singly(
    session: Session, frame: pd.DataFrame, features: Sequence[Feature]
) -> Floats:
    rows = zip(*make_columns(frame, features), strict=True)
    tensors = [
        session.predict(["prediction"], [[value] for value in row], 1)[0]
        for row in rows
    ]
    return np.array([tensor.values[0] for tensor in tensors], float)


def _refusal(
    frame: pd.DataFrame, expected: Floats, found: Floats, tolerance: float
) -> Refusal:
    differences = np.nan_to_num(np.abs(found - expected), nan=math.inf)
    worst = int(np.argmax(differences))
    return Refusal(
        f"the graph predicts {found[worst]} and scikit-learn {expected[worst]}, which "
        f"is further apart than {tolerance:.1g}, so nothing was written: please report "
        f"the pipeline with this row: {frame.iloc[worst].to_dict()}"
    )
