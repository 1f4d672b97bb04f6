"""Measures how far the graph is from scikit-learn, and refuses what is too far."""

import math
import warnings
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import onnxruntime
import pandas as pd
from onnx import ModelProto
from sklearn.pipeline import Pipeline

from convert.describe import unknown_values
from convert.frame import Row, make_feed, make_frame
from convert.refusal import Refusal
from server.signature import Discrepancy, Feature, Value

Floats = npt.NDArray[np.float64]

DIGITS = 11
"""Decimal digits that must agree, counted from the largest prediction of the table:
1e-9 points for scores up to 100. Folded graphs keep 14 to 15."""

NOISE_FACTOR = 4
"""The tolerance is never below this multiple of what scikit-learn itself differs by
when it predicts the same row alone and in a batch."""

MAX_SINGLE_ROWS = 200
"""Rows that scikit-learn predicts one by one, at 5 ms each."""


def measure_discrepancy(
    pipeline: Pipeline,
    model: ModelProto,
    features: Sequence[Feature],
    frame: pd.DataFrame,
) -> Discrepancy:
    """Compare the graph with scikit-learn on a table and on edge rows.

    Parameters
    ----------
    frame
        Rows in the user's own dtypes, float64 and not float32: on a float32
        frame scikit-learn makes the mistakes that this is to find.

    Raises
    ------
    Refusal
        A prediction differs by more than the tolerance.
    """
    session = _session(model)
    edges = make_frame(list(edge_rows(features)), frame)
    largest = 0.0
    tolerance = _tolerance(pipeline, frame, edges)
    for rows in (frame, edges):
        expected = predict(pipeline, rows)
        shuffled = predict(pipeline, rows[rows.columns[::-1]])
        for found in (
            _run(session, rows, features),
            _run_singly(session, rows, features),
        ):
            for reference in (expected, shuffled):
                differences = np.abs(found - reference)
                if not (differences <= tolerance).all():
                    _refuse(rows, reference, found, tolerance)
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
    """Yield valid rows that a table seldom has, around the typical one."""
    typical = {feature.name: feature.typical for feature in features}
    nullable = [feature.name for feature in features if not feature.required]
    yield typical | dict.fromkeys(nullable)
    for feature in features:
        for value in _edge_values(feature):
            yield typical | {feature.name: value}
            yield typical | dict.fromkeys(nullable) | {feature.name: value}


def _edge_values(feature: Feature) -> list[Value | None]:
    values: list[Value | None] = [] if feature.required else [None]
    values += feature.categories
    if feature.unknown == "ignore":
        values += unknown_values(feature.categories)
    if feature.observed is not None:
        low, high = feature.observed
        reach = 1000 * ((high - low) or abs(high) or 1.0)
        values += [
            low,
            high,
            (low + high) / 2 + 0.1,
            low - reach,
            high + reach,
            0,
            -0.0,
        ]
    return values


def _tolerance(pipeline: Pipeline, frame: pd.DataFrame, edges: pd.DataFrame) -> float:
    together = predict(pipeline, frame)
    size = float(np.abs(together).max())
    alone = pd.concat(
        [frame.head(MAX_SINGLE_ROWS // 2), edges.head(MAX_SINGLE_ROWS // 2)]
    )
    noise = max(
        abs(float(predict(pipeline, alone.iloc[[i]])[0]) - expected)
        for i, expected in enumerate(predict(pipeline, alone))
    )
    exponent = round(math.log10(size)) - DIGITS if size else -DIGITS
    return float(max(10.0**exponent, NOISE_FACTOR * noise))


def _session(model: ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


def _run(
    session: onnxruntime.InferenceSession,
    frame: pd.DataFrame,
    features: Sequence[Feature],
) -> Floats:
    (predictions,) = session.run(["prediction"], make_feed(frame, features))
    return np.asarray(predictions, float).reshape(len(frame))


def _run_singly(
    session: onnxruntime.InferenceSession,
    frame: pd.DataFrame,
    features: Sequence[Feature],
) -> Floats:
    feed = make_feed(frame, features)
    rows = ({k: v[i : i + 1] for k, v in feed.items()} for i in range(len(frame)))
    return np.array([session.run(["prediction"], row)[0][0, 0] for row in rows])


def _refuse(
    frame: pd.DataFrame, expected: Floats, found: Floats, tolerance: float
) -> None:
    differences = np.abs(found - expected)
    worst = int(np.argmax(np.nan_to_num(differences, nan=math.inf)))
    row = frame.iloc[worst].to_dict()
    raise Refusal(
        f"the graph predicts {found[worst]!r} where scikit-learn predicts "
        f"{expected[worst]!r}, further than the tolerance of {tolerance:g}, so nothing "
        f"was written; please report the pipeline with this row: {row}"
    )
