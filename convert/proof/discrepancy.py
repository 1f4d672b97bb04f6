"""Measures how far the graph is from scikit-learn, and refuses what is too far."""

import logging
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import onnx
import pandas as pd
from onnx import TensorProto

from convert.errors import Differs, Unreadable
from convert.fitted.asked import held_values
from convert.fitted.frame import make_columns
from convert.fitted.linear import read_sum
from convert.fitted.oracle import Answers, Oracle
from convert.proof.edges import edges
from convert.proof.ties import tied_classes, tied_neighbours
from server.model_file.contradictions import MAX_TOLERANCE_SHARE
from server.runtime.session import Session
from server.signature import Discrepancy, Feature, Value

log = logging.getLogger(__name__)

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

DIGITS = 11
"""Decimal digits that must agree, counted from the largest prediction for the table:
1e-9 points for scores up to 100. Graphs in double keep 14 or more."""

SINGLE_DIGITS = 6
"""The same for a graph that holds float32 numbers, because the estimator computes
with them: XGBoost, and what skl2onnx converts. A float32 has 7."""

NOISE_FACTOR = 4
"""The tolerance is never below this multiple of the noise of scikit-learn itself,
which predicts a row a little differently alone, in a batch, with its columns in
another order, or by the exact sum of a linear model: 1e-14 points as a rule, 0.4 in an ill-conditioned model that is deployed."""

MAX_JUMP = 10
"""The noise is no more than this multiple of what it is on half of the rows."""

MAX_NOISE_ROWS = 40
"""Rows that scikit-learn predicts one by one, at about 5 ms each."""

LAST_DIGITS = 2.0**-51
"""Relative change of a number: four times the rounding of a double."""


class Tolerance(NamedTuple):
    """How far apart two predictions may be: `absolute` where they reach `size`."""

    absolute: float
    size: float

    def at(self, expected: Floats) -> Floats:
        """Return the tolerance of each prediction; it grows with those beyond `size`."""
        sizes = np.abs(np.nan_to_num(expected)) / (self.size or 1.0)
        return self.absolute * np.maximum(1.0, sizes)


class Proof:
    """A graph beside the pipeline that it was made from.

    Parameters
    ----------
    model
        The graph's bytes; it runs as the server runs it.
    frame
        Rows in the user's own dtypes: numbers in float64 or int64, for on a
        float32 frame scikit-learn makes the mistakes that this is to find.
    """

    def __init__(
        self,
        oracle: Oracle,
        model: bytes,
        features: Sequence[Feature],
        frame: pd.DataFrame,
    ) -> None:
        self.oracle = oracle
        self.features = features
        served = is_served(features, frame)
        if not served.any():
            raise Unreadable(
                "every row of the sample holds a value that the model refuses: give rows "
                f"with its categories; {_refused(features, frame[:1])} is none"
            )
        if not served.all():
            log.warning(
                "%d rows of the sample are not compared: they hold a value that the model "
                "refuses, such as %s",
                int((~served).sum()),
                _refused(features, frame[~served][:1]),
            )
        frame = frame[served]
        self.table = _Rows(oracle, frame)
        if not len(self.table.frame):
            raise Unreadable(
                "scikit-learn refuses every row of the sample: give rows that the "
                "pipeline can predict"
            )
        if lost := len(frame) - len(self.table.frame):
            log.warning("scikit-learn refuses %d rows of the sample itself", lost)
        _check_shares(self.table)
        self.tolerance = _tolerance(oracle, self.table, features, _digits(model))
        self._model = model

    def measure(self) -> Discrepancy:
        """Compare every row of the table and every edge row, in a batch and alone.

        Raises
        ------
        Refusal
            A prediction differs by more than the tolerance.
        """
        held = held_values(self.oracle.pipeline, self.features)
        edge = _Rows(self.oracle, edges(self.features, self.table.frame, held))
        largest, n_ambiguous = 0.0, 0
        with Session(self._model) as session:
            for rows in (self.table, edge):
                differs = np.full(len(rows.frame), False)
                for found in (
                    self._run(session, rows),
                    self._run_singly(session, rows),
                ):
                    wrong = self._wrong(rows, found)
                    self._refuse_unless_ambiguous(rows, found, wrong)
                    differs |= wrong
                    largest = max(largest, self._largest(rows.answers, found, ~wrong))
                n_ambiguous += int(differs.sum())
        if n_ambiguous:
            log.warning(
                "on %d rows two neighbours are equally near, two classes equally "
                "probable, or scikit-learn contradicts itself: there the graph may "
                "answer otherwise, and no implementation can promise more",
                n_ambiguous,
            )
        return Discrepancy(
            largest=largest,
            tolerance=self.tolerance.absolute,
            n_rows=len(self.table.frame),
            n_edge_rows=len(edge.frame),
            n_ambiguous=n_ambiguous,
        )

    def agrees(self, frame: pd.DataFrame) -> Bools:
        """Tell the rows that the pipeline takes and the graph answers as it does."""
        rows = _Rows(self.oracle, frame)
        agreed: Bools = rows.taken.copy()
        with Session(self._model) as session:
            agreed[rows.taken] = ~self._wrong(rows, self._run(session, rows))
        return agreed

    def _wrong(self, rows: "_Rows", found: Answers) -> Bools:
        expected = rows.answers
        if not self.oracle.classes:
            near = _within(found.values, expected.values, self.tolerance)
            return np.asarray(~near.all(axis=1))
        wrong = (found.values != expected.values).any(axis=1)
        if found.probabilities is not None and expected.probabilities is not None:
            near = _within(found.probabilities, expected.probabilities, self.tolerance)
            wrong |= ~near.all(axis=1)
        return np.asarray(wrong)

    def _largest(self, expected: Answers, found: Answers, counted: Bools) -> float:
        """Return the largest difference; beyond the table's size it is in proportion."""
        numbers = _numbers(expected)
        with np.errstate(invalid="ignore"):
            differences = np.abs(_numbers(found) - numbers)
            differences *= self.tolerance.absolute / self.tolerance.at(numbers)
        largest = differences[counted]
        return float(largest[~np.isnan(largest)].max(initial=0.0))

    def _refuse_unless_ambiguous(
        self, rows: "_Rows", found: Answers, wrong: Bools
    ) -> None:
        if not wrong.any():
            return
        chosen = np.flatnonzero(wrong)
        frame = rows.frame.iloc[chosen]
        excused = tied_neighbours(self.oracle, frame)
        excused |= self._falls_either_way(rows.answers.rows(chosen), found.rows(chosen))
        rest = chosen[~excused][:MAX_NOISE_ROWS]
        if len(rest) == 0:
            return
        expected, graph = rows.answers.rows(rest), found.rows(rest)
        noise = _noise(self.oracle, rows.frame.iloc[rest], self.features)
        differences = _differences(expected, graph)
        if (differences > NOISE_FACTOR * noise).any() or not np.isfinite(noise).all():
            worst = int(np.argmax(np.where(np.isnan(differences), np.inf, differences)))
            row = rows.frame.iloc[rest[worst]]
            raise self._difference(row, expected, graph, worst)

    def _falls_either_way(self, expected: Answers, found: Answers) -> Bools:
        """Tell rows whose label alone differs, between equally probable classes."""
        shares, others = expected.probabilities, found.probabilities
        if shares is None or others is None:
            return np.full(len(expected.values), False)
        near = _within(others, shares, self.tolerance).all(axis=1)
        return np.asarray(near & tied_classes(shares))

    def _difference(
        self, row: pd.Series, expected: Answers, found: Answers, position: int
    ) -> Differs:
        here, there = (self._said(answers, position) for answers in (found, expected))
        return Differs(
            f"for the row {row.to_dict()} the graph predicts {here} and scikit-learn "
            f"{there}, which is further apart than {self.tolerance.absolute:.1g}",
            row,
        )

    def _said(self, answers: Answers, position: int) -> str:
        values: list[Value] = answers.values[position].tolist()
        if self.oracle.classes:
            values = [
                self.oracle.classes[int(index)] for index in answers.values[position]
            ]
        said = str(values[0] if len(values) == 1 else values)
        if answers.probabilities is None:
            return said
        return f"{said} with probabilities {answers.probabilities[position].tolist()}"

    def _run(self, session: Session, rows: "_Rows") -> Answers:
        columns = make_columns(rows.frame, self.features)
        return self._answers(session, columns, len(rows.frame))

    def _run_singly(self, session: Session, rows: "_Rows") -> Answers:
        cells = zip(*make_columns(rows.frame, self.features), strict=True)
        answers = [self._answers(session, [[cell] for cell in row], 1) for row in cells]
        shares = [a.probabilities for a in answers if a.probabilities is not None]
        return Answers(
            np.concatenate([a.values for a in answers]).reshape(len(answers), -1),
            np.concatenate(shares) if shares else None,
        )

    def _answers(self, session: Session, columns: list[list], n_rows: int) -> Answers:  # type: ignore[type-arg]
        names = {port.name for port in session.outputs}
        wanted = [
            n for n in ("prediction", "label_index", "probabilities") if n in names
        ]
        tensors = session.predict(wanted, columns, n_rows)
        arrays = [np.array(t.values, float).reshape(n_rows, -1) for t in tensors]
        return Answers(arrays[0], arrays[1] if len(arrays) > 1 else None)


class _Rows:
    """Rows that the pipeline takes, with its answers."""

    def __init__(self, oracle: Oracle, frame: pd.DataFrame) -> None:
        self.taken, answers = oracle.answer_taken(frame)
        self.frame = frame[self.taken]
        self.answers: Answers = answers


def _check_shares(table: _Rows) -> None:
    """Refuse a classifier whose label comes out of what is no probability.

    Raises
    ------
    Unreadable
        If it is NaN for a row of the sample.
    """
    shares = table.answers.probabilities
    if shares is None or np.isfinite(shares).all():
        return
    row = table.frame[~np.isfinite(shares).all(axis=1)].iloc[0]
    raise Unreadable(
        f"scikit-learn gives no probabilities (NaN) for the row {row.to_dict()}: the "
        "numbers in the classifier are not sound; fit it again"
    )


def is_served(features: Sequence[Feature], frame: pd.DataFrame) -> Bools:
    """Tell the rows that hold no value beside the categories, where these are all."""
    served = np.full(len(frame), True)
    for feature in features:
        if feature.categories and feature.unknown == "reject":
            column = frame[feature.name]
            served &= (column.isin(feature.categories) | column.isna()).to_numpy()
    return served


def _refused(features: Sequence[Feature], row: pd.DataFrame) -> str:
    """Return the first value of one row that its feature refuses, and the feature."""
    name = next(f.name for f in features if not is_served([f], row).all())
    return f"{row[name].tolist()[0]!r} of {name!r}"


def _tolerance(
    oracle: Oracle, table: _Rows, features: Sequence[Feature], digits: int
) -> Tolerance:
    answers = table.answers
    size = 1.0 if oracle.classes else float(np.abs(answers.values).max())
    absolute = 10.0 ** ((round(math.log10(size)) if size else 0) - digits)
    noises = _noise(oracle, table.frame.head(MAX_NOISE_ROWS), features)
    # a jump on single rows, where a tie is decided, is not the noise of all of them
    noise = float(min(noises.max(), MAX_JUMP * np.median(noises)))
    if NOISE_FACTOR * noise > MAX_TOLERANCE_SHARE * size:
        raise Unreadable(
            f"scikit-learn's own predictions differ by {noise:.1g} between one row and "
            f"many, where they reach {size:.3g}: nothing can be proved of a model so "
            "ill-conditioned; fit it again with a StandardScaler, a Ridge regressor or "
            "OneHotEncoder(drop='first')"
        )
    if NOISE_FACTOR * noise > absolute:
        log.warning(
            "scikit-learn's own predictions differ by %.1g between one row and many, or "
            "by the last digits: the model is ill-conditioned, which a StandardScaler, "
            "a Ridge regressor or OneHotEncoder(drop='first') cures; the tolerance is "
            "%.1g",
            noise,
            NOISE_FACTOR * noise,
        )
    return Tolerance(max(absolute, NOISE_FACTOR * noise), size)


def _noise(oracle: Oracle, frame: pd.DataFrame, features: Sequence[Feature]) -> Floats:
    """Return by how much rounding may change scikit-learn's answer for each row."""
    names = [f.name for f in features if f.observed]
    return np.maximum(_spread(oracle, frame), _last_digits(oracle, frame, names))


def _last_digits(oracle: Oracle, frame: pd.DataFrame, names: list[str]) -> Floats:
    """Return what the last digits of a row's numbers change in its answer.

    Where 1024 times the change of the numbers does not change the answer more,
    it jumps: a last digit decides the side of a threshold, which excuses nothing.
    """
    here = _numbers(oracle.answer(frame))
    changes = []
    for size in (LAST_DIGITS, 1024 * LAST_DIGITS):
        change = np.zeros(len(frame))
        for factor in (1 - size, 1 + size):
            moved = frame.assign(**{n: frame[n].astype(float) * factor for n in names})
            taken, found = oracle.answer_taken(moved)
            if taken.all():
                moves = np.abs(_numbers(found) - here).max(axis=1)
                change = np.maximum(change, np.nan_to_num(moves))
        changes.append(change)
    small, large = changes
    return np.where(large >= 100 * small, large / 1024, 0.0)


def _spread(oracle: Oracle, frame: pd.DataFrame) -> Floats:
    """Return by how much scikit-learn differs from itself on each of the rows.

    A linear regressor may round in the same way every time: it is compared with
    the exact value of its own sum too.
    """
    together = _numbers(oracle.answer(frame))
    singly = [_numbers(oracle.answer(frame.iloc[[i]])) for i in range(len(frame))]
    answers = [together, np.concatenate(singly)]
    if oracle.selects_by_name:
        answers.append(_numbers(oracle.answer(frame[frame.columns[::-1]])))
    found = read_sum(oracle, frame)
    if found is not None:
        answers.append(found.exact()[:, None])
    with np.errstate(invalid="ignore"):
        spread: Floats = np.nan_to_num(np.ptp(answers, axis=0).max(axis=1))
    return spread


def _numbers(answers: Answers) -> Floats:
    shares = answers.probabilities
    return answers.values if shares is None else shares


def _within(found: Floats, expected: Floats, tolerance: Tolerance) -> Bools:
    with np.errstate(invalid="ignore"):
        near = np.abs(found - expected) <= tolerance.at(expected)
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    return np.asarray(near | same)


def _differences(expected: Answers, found: Answers) -> Floats:
    """Return the largest difference of each row; of labels it is infinite."""
    with np.errstate(invalid="ignore"):
        differences = np.abs(_numbers(found) - _numbers(expected)).max(axis=1)
    if expected.probabilities is not None:
        mislabelled = (found.values != expected.values).any(axis=1)
        differences = np.where(mislabelled, np.inf, differences)
    return np.where(np.isnan(differences), np.inf, differences)


def _digits(model: bytes) -> int:
    return SINGLE_DIGITS if any(_single(onnx.load_from_string(model))) else DIGITS


def _single(model: onnx.ModelProto) -> Iterator[bool]:
    """Tell of everything that the graph holds whether it is float32."""
    for tensor in model.graph.initializer:
        yield tensor.data_type == TensorProto.FLOAT
    for node in model.graph.node:
        for attribute in node.attribute:
            yield attribute.t.data_type == TensorProto.FLOAT
            yield len(attribute.floats) > 0
