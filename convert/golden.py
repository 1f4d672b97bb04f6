"""Makes up the rows that the server replays before it opens its port."""

from collections.abc import Iterator, Sequence

import pandas as pd
from sklearn.pipeline import Pipeline

from convert.discrepancy import predict
from convert.frame import Row, make_frame
from server.signature import Feature, GoldenRow

MAX_ROWS = 30


def make_golden_rows(
    pipeline: Pipeline, features: Sequence[Feature], sample: pd.DataFrame
) -> tuple[GoldenRow, ...]:
    """Return rows of typical values and categories, with scikit-learn's predictions.

    None is copied from `sample`, which gives only the dtypes: a model file
    carries nobody's values together.
    """
    rows = _distinct(_rows(features))[:MAX_ROWS]
    predictions = predict(pipeline, make_frame(rows, sample))
    return tuple(
        GoldenRow(row=dict(row), predictions=(float(prediction),))
        for row, prediction in zip(rows, predictions, strict=True)
    )


def _rows(features: Sequence[Feature]) -> Iterator[Row]:
    typical: Row = {feature.name: feature.typical for feature in features}
    yield typical
    yield {f.name: f.typical if f.required else None for f in features}
    for end in (0, 1):
        yield {f.name: f.observed[end] if f.observed else f.typical for f in features}
    # each category of each feature once, many features at a time
    for i in range(max(len(feature.categories) for feature in features)):
        yield {
            f.name: f.categories[i] if i < len(f.categories) else f.typical
            for f in features
        }
    for feature in features:
        if not feature.required:
            yield {**typical, feature.name: None}


def _distinct(rows: Iterator[Row]) -> list[Row]:
    kept: list[Row] = []
    for row in rows:
        if row not in kept:
            kept.append(row)
    return kept
