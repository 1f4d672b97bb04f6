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
    rows: list[Row] = []
    for row in _rows(features):
        if row not in rows:
            rows.append(row)
    del rows[MAX_ROWS:]
    predictions = predict(pipeline, make_frame(rows, sample))
    return tuple(
        GoldenRow(row=dict(row), predictions=(float(prediction),))
        for row, prediction in zip(rows, predictions, strict=True)
    )


def _rows(features: Sequence[Feature]) -> Iterator[Row]:
    typical = {f.name: f.typical for f in features}
    yield typical
    yield typical | {f.name: None for f in features if not f.required}
    yield typical | {f.name: f.observed[0] for f in features if f.observed}
    yield typical | {f.name: f.observed[1] for f in features if f.observed}
    for i in range(max(len(f.categories) for f in features)):
        yield typical | {f.name: c for f in features for c in f.categories[i : i + 1]}
    # not among typical values: a missing one is often taken for the typical one
    last = typical | {f.name: f.categories[-1] for f in features if f.categories}
    for feature in features:
        if not feature.required:
            yield last | {feature.name: None}
