"""Finds out what a fitted pipeline accepts, by asking the pipeline.

Whether a missing or an unknown value is refused, and what takes the place of a
missing one, is never read from parameters: the pipeline is run on a row that
has such a value.
"""

import logging
import math
import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from convert.errors import Unreadable, Unsupported
from convert.fitted.asked import asked_values
from convert.fitted.columns import (
    encoded_columns,
    fill_values,
    lower_cased_columns,
    open_columns,
    text_columns,
)
from convert.fitted.distributions import of_column
from convert.fitted.flows import flows
from convert.fitted.frame import Row, make_frame
from convert.fitted.oracle import Oracle, Rejected
from convert.fitted.own import name_of
from convert.fitted.plain import plain
from convert.fitted.probe import REJECTIONS
from convert.fitted.structure import split
from convert.tables.description import Description
from server.signature import Distribution, Feature, Kind, Value

log = logging.getLogger(__name__)

OUTPUTS = ("prediction", "contributions", "label_index", "probabilities")
"""Names that a graph's outputs have, so that no input may."""

MAX_WORDS = 6
"""Of a typical text."""

FAR = 1000
"""Observed ranges beyond the observed values, as far as the proof goes."""

N_BISECTIONS = 60
"""Of a range of doubles, to the last float or nearly."""

VERY_FAR = 1e200

LARGEST_SINGLE = float(np.finfo(np.float32).max)

N_FAR_BISECTIONS = 24
"""Between the proof's reach and `VERY_FAR`, to four digits."""


def describe(
    oracle: Oracle, frame: pd.DataFrame, description: Description
) -> tuple[Feature, ...]:
    """Describe every column of the training frame, in its order.

    Parameters
    ----------
    oracle
        Of a fitted pipeline.
    frame
        Training rows, without the target.

    Raises
    ------
    Refusal
        A column holds dates or nothing, or the pipeline does not take its
        typical values.
    """
    columns = [str(name) for name in frame.columns]
    _check_columns(frame)
    _check_letters(oracle.pipeline, frame)
    pipeline = oracle.pipeline
    opened = open_columns(pipeline, columns)
    asked = asked_values(oracle, frame)
    encoded = encoded_columns(pipeline, frame) | asked
    texts = text_columns(pipeline, columns) - opened.keys()
    typical = {
        name: _words(frame[name])
        if name in texts
        else _typical(frame[name], bool(encoded.get(name)))
        for name in columns
    }
    filled = fill_values(pipeline, columns)
    _check_typical(oracle, make_frame([typical], frame))
    features = []
    for name in columns:
        said = description.feature(name)
        column = _Column(
            *(oracle, frame, typical, name, encoded.get(name, ()), filled.get(name)),
            encoder="" if _is_closed(asked.get(name, ())) else name_of(opened[name]),
        )
        features.append(
            Feature(
                name=name,
                input=_input_name(name, columns),
                kind=column.kind(said.kind),
                required=not column.accepts(None),
                imputed=column.imputed(),
                categories=column.categories,
                unknown=column.unknown(),
                encoder=column.encoder,
                minimum=said.minimum if said.minimum is not None else column.bound(-1),
                maximum=said.maximum if said.maximum is not None else column.bound(+1),
                observed=column.observed(),
                typical=typical[name],
                distribution=column.distribution(said.kind),
                title=said.title or title_of(name),
                unit=said.unit,
                description=said.description,
            )
        )
    for feature in features:
        if feature.encoder:
            log.warning(
                "column %r goes through %s, which is not scikit-learn's: the model "
                "answers for the %d values that it was asked for, and refuses others",
                *(feature.name, feature.encoder, len(feature.categories)),
            )
    return tuple(features)


def title_of(name: str) -> str:
    """Return a title: "reading_score" becomes "Reading score"."""
    words = " ".join(name.replace("_", " ").split())
    return words[:1].upper() + words[1:]


def unknown_values(categories: tuple[Value, ...]) -> tuple[Value, ...]:
    """Return values that are none of the categories, two where there can be two."""
    if all(isinstance(value, bool) for value in categories):
        return tuple(value for value in (False, True) if value not in categories)
    numbers = [float(value) for value in categories if not isinstance(value, str)]
    if numbers:
        return max(numbers) + 1, min(numbers) - 1.5
    return _unlike("unknown", categories), _unlike("?", categories)


ODD_LETTERS = "İΣ"
"""Python makes two letters of the first, and of the second one by its place in the word;
onnxruntime's lower-casing agrees on all others of Unicode 14, measured one by one."""


@dataclass(frozen=True)
class _Column:
    """One column, and the pipeline to ask about it; the others are typical."""

    oracle: Oracle
    frame: pd.DataFrame
    typical: Row
    name: str
    categories: tuple[Value, ...]
    filled: Value | None
    encoder: str

    @property
    def is_number(self) -> bool:
        return _is_number(self.frame[self.name]) and not self.categories

    def kind(self, said: str | None) -> Kind:
        """Return the kind; `said` decides between a number and an integer."""
        if self.is_number:
            return "integer" if said == "integer" else "number"
        if pd.api.types.is_bool_dtype(self.frame[self.name]):
            return "boolean"
        if not self.categories:
            return "text"  # a vectorizer reads it
        is_boolean = all(isinstance(value, bool) for value in self.categories)
        return "boolean" if is_boolean else "category"

    def observed(self) -> tuple[float, float] | None:
        column = self.frame[self.name]
        return (float(column.min()), float(column.max())) if self.is_number else None

    def distribution(self, said: str | None) -> Distribution:
        kind = self.kind(said)
        return of_column(self.frame[self.name], kind, self.categories)

    def accepts(self, value: Value | None) -> bool:
        """Whether the pipeline predicts something for the value."""
        try:
            answers = self.oracle.answer(self._rows([value]))
        except Rejected:
            return False
        return not np.isnan(answers.values).any()

    def bound(self, side: int) -> float | None:
        """Return the last number that the pipeline takes on a side, if there is one.

        Splines may refuse what lies beyond their knots, and a logarithm makes NaN,
        which few estimators take. Trees refuse what no float32 holds; and far from all
        rows the nearest of them are decided by rounding.
        """
        observed = self.observed()
        if observed is None:
            return None
        low, high = observed
        reach = FAR * ((high - low) or abs(high) or 1.0)
        taken, refused = (low, low - reach) if side < 0 else (high, high + reach)
        if not self.accepts(taken):
            return None
        if self.accepts(refused):
            return self._far_bound(refused, side)
        return self._last_between(taken, refused)

    def _far_bound(self, taken: float, side: int) -> float | None:
        if _measures_distances(self.oracle.pipeline, [*self.typical]):
            return taken
        if self.accepts(side * VERY_FAR):
            return None
        single = side * LARGEST_SINGLE
        if self.accepts(single) and not self.accepts(single * 1.01):
            return single
        across = side * (abs(taken) or 1.0)  # on the side of 0 that the far end is on
        if not self.accepts(across):
            return self._last_between(taken, across)
        taken, refused = abs(across), VERY_FAR
        for _ in range(N_FAR_BISECTIONS):
            middle = math.sqrt(taken) * math.sqrt(refused)
            if self.accepts(side * middle):
                taken = middle
            else:
                refused = middle
        return side * taken

    def _last_between(self, taken: float, refused: float) -> float:
        for _ in range(N_BISECTIONS):
            middle = taken / 2 + refused / 2
            if self.accepts(middle):
                taken = middle
            else:
                refused = middle
        return taken

    def unknown(self) -> Literal["reject", "ignore"]:
        # outside of its categories this dtype has only missing values
        is_closed = isinstance(self.frame[self.name].dtype, pd.CategoricalDtype)
        if is_closed or not self.categories or self.encoder:
            return "reject"
        values = unknown_values(self.categories)
        return "ignore" if values and all(map(self.accepts, values)) else "reject"

    def imputed(self) -> Value | None:
        """Return the value that the pipeline treats as it treats a missing one."""
        column = self.frame[self.name]
        if self.oracle.takes_texts or not self.accepts(None):
            return None
        candidates: list[Value | None] = [] if self.filled is None else [self.filled]
        candidates += [self.typical[self.name], *self.categories]
        if self.is_number:
            candidates += [plain(column.mean()), plain(column.mode().iloc[0]), 0]
        rows = self._rows([None, *candidates])
        try:
            with warnings.catch_warnings(action="ignore"):
                missing, *others = self.oracle.transform(rows)
        except REJECTIONS:
            return None
        for value, other in zip(candidates, others, strict=True):
            if np.array_equal(missing, other):
                return value
        return None

    def _rows(self, values: list[Value | None]) -> pd.DataFrame:
        rows = [{**self.typical, self.name: value} for value in values]
        return make_frame(rows, self.frame)


def _measures_distances(pipeline: Any, columns: list[str]) -> bool:
    """Tell whether somewhere the distance to rows that were fitted counts."""
    steps, estimator = split(pipeline)
    found = flows(Pipeline(steps), columns)[0] if steps else []
    parts = [estimator, *(flow.transformer for flow in found)]
    if any(hasattr(part, "_fit_X") for part in parts):
        return True
    members = getattr(estimator, "estimators_", [])
    members = members if isinstance(members, list) else []
    return any(_measures_distances(member, columns) for member in members)


def _is_closed(asked: tuple[Value, ...]) -> bool:
    """Tell whether there is no value beside these: nothing, or true and false."""
    return all(isinstance(value, bool) for value in asked)


def _check_columns(frame: pd.DataFrame) -> None:
    for name in frame.columns:
        column = frame[name]
        if column.dtype.kind in "mM":
            raise Unsupported(
                f"column {name!r} holds dates, which ONNX does not know: derive numbers "
                "(year, month, days since a day) before the pipeline"
            )
        if column.notna().sum() == 0:
            raise Unreadable(
                f"column {name!r} of the sample holds no value: give rows that have one"
            )


def _check_letters(pipeline: Any, frame: pd.DataFrame) -> None:
    for name in sorted(lower_cased_columns(pipeline, [str(name) for name in frame])):
        found = frame[name].astype(str).str.extract(f"([{ODD_LETTERS}])")[0].dropna()
        if not found.empty:
            raise Unsupported(
                f"column {name!r} of the sample holds {found.iloc[0]!r} in "
                f"{len(found)} rows, whose small letter no operator makes as Python "
                "does: leave these rows out (the model refuses them, too), or fit with "
                "lowercase=False"
            )


def _check_typical(oracle: Oracle, row: pd.DataFrame) -> None:
    try:
        oracle.answer(row)
    except Rejected as error:
        raise Unreadable(
            f"the pipeline does not take {row.iloc[0].to_dict()}, the typical values of "
            f"the sample ({error}): give a sample of rows like those that were fitted"
        ) from error


def _words(column: pd.Series) -> str:
    """Return the commonest words: a text that is like the others and nobody's own."""
    words = column.dropna().astype(str).str.split().explode().dropna()
    return " ".join(map(str, words.value_counts().index[:MAX_WORDS]))


def _is_number(column: pd.Series) -> bool:
    is_boolean = pd.api.types.is_bool_dtype(column)
    return pd.api.types.is_numeric_dtype(column) and not is_boolean


def _typical(column: pd.Series, is_encoded: bool) -> Value:
    if _is_number(column) and not is_encoded:
        return plain(column.median())
    return plain(column.mode().iloc[0])


def _unlike(text: str, categories: tuple[Value, ...]) -> str:
    while text in categories:
        text += "?"
    return text


def _input_name(name: str, columns: list[str]) -> str:
    """Return the name of the graph's input: the column's, unless an output has it."""
    if name in OUTPUTS:
        while name in columns or name in OUTPUTS:
            name += "_"
    return name
