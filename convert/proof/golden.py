"""Makes up the rows that the server replays before it opens its port."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from convert.fitted.frame import Row, make_frame
from convert.fitted.oracle import Answers, Oracle
from convert.proof.discrepancy import Proof
from server.model_file.contradictions import largest_tolerance
from server.signature import Feature, GoldenRow, Target, Value

MAX_ROWS = 30


def make_golden_rows(
    proof: Proof, features: Sequence[Feature], sample: pd.DataFrame
) -> tuple[GoldenRow, ...]:
    """Return rows of typical values and categories, with scikit-learn's predictions.

    None is copied from `sample`, which gives only the dtypes: a model file
    carries nobody's values together. Rows that scikit-learn refuses, to which it
    answers no finite number, or on which a tie decides, are left out.
    """
    rows: list[Row] = []
    for row in _rows(features):
        if row not in rows:
            rows.append(row)
    del rows[MAX_ROWS:]
    frame = make_frame(rows, sample)
    agreed = np.flatnonzero(proof.agrees(frame))
    answers = proof.oracle.answer(frame.iloc[agreed])
    return tuple(
        GoldenRow(
            row=dict(rows[index]),
            predictions=_predictions(proof.oracle, answers, position),
            probabilities=_probabilities(answers, position),
        )
        for position, index in enumerate(agreed)
        if _is_finite(answers, position)
    )


def golden_tolerance(
    proof: Proof, targets: Sequence[Target], golden_rows: Sequence[GoldenRow]
) -> float:
    """Return what the proof allows the golden row with the largest prediction.

    It is less where that is small beside those of the table, so that it proves.
    """
    allowed = proof.tolerance.absolute
    if not proof.oracle.classes:
        predictions = np.array([row.predictions for row in golden_rows], float)
        allowed = float(proof.tolerance.at(predictions).max(initial=allowed))
    return min(allowed, largest_tolerance(targets, golden_rows))


def _is_finite(answers: Answers, position: int) -> bool:
    shares = answers.probabilities
    numbers = answers.values if shares is None else shares
    return bool(np.isfinite(numbers[position]).all())


def _predictions(oracle: Oracle, answers: Answers, position: int) -> tuple[Value, ...]:
    values = answers.values[position]
    if oracle.classes:
        return tuple(oracle.classes[int(index)] for index in values)
    return tuple(values.tolist())


def _probabilities(answers: Answers, position: int) -> tuple[float, ...]:
    shares = answers.probabilities
    return () if shares is None else tuple(shares[position].tolist())


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
