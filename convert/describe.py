"""Finds out what a fitted pipeline accepts, by asking the pipeline.

Whether a missing or an unknown value is refused, and what takes the place of a
missing one, is never read from parameters: the pipeline is run on a row that
has such a value.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from convert.description import Description
from convert.frame import Row, make_frame
from convert.refusal import Refusal
from server.signature import MISSING_TEXT, Feature, Kind, Value

OUTPUTS = ("prediction", "contributions", "label_index", "probabilities")
"""Names that a graph's outputs have, so that no input may."""


def describe(
    pipeline: Pipeline, frame: pd.DataFrame, description: Description
) -> tuple[Feature, ...]:
    """Describe every column of the training frame, in its order.

    Parameters
    ----------
    pipeline
        Fitted.
    frame
        Training rows, without the target.
    """
    columns = [str(name) for name in frame.columns]
    encoded = dict(_encoded_columns(pipeline, columns))
    typical = {name: _typical(frame[name], name in encoded) for name in columns}
    features = []
    for name in columns:
        said = description.feature(name)
        asked = _Column(pipeline, frame, typical, name, encoded.get(name, ()))
        features.append(
            Feature(
                name=name,
                input=_input_name(name, columns),
                kind=asked.kind(said.kind),
                required=not asked.accepts(None),
                imputed=asked.imputed(),
                categories=asked.categories,
                unknown=asked.unknown(),
                minimum=said.minimum,
                maximum=said.maximum,
                observed=asked.observed(),
                typical=typical[name],
                title=said.title or humanise(name),
                unit=said.unit,
                description=said.description,
            )
        )
    return tuple(features)


def humanise(name: str) -> str:
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


def transform(pipeline: Pipeline, frame: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Return what the last step is given, shape (n_rows, n_outputs)."""
    outputs: Any = pipeline[:-1].transform(frame) if len(pipeline) > 1 else frame
    return np.asarray(
        outputs.toarray() if hasattr(outputs, "toarray") else outputs, float
    )


@dataclass(frozen=True)
class _Column:
    """One column, and the pipeline to ask about it; the others are typical."""

    pipeline: Pipeline
    frame: pd.DataFrame
    typical: Row
    name: str
    categories: tuple[Value, ...]

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
            return "text"
        is_boolean = all(isinstance(value, bool) for value in self.categories)
        return "boolean" if is_boolean else "category"

    def observed(self) -> tuple[float, float] | None:
        column = self.frame[self.name]
        return (float(column.min()), float(column.max())) if self.is_number else None

    def accepts(self, value: Value | None) -> bool:
        """Whether the pipeline predicts a number for the value."""
        with warnings.catch_warnings(action="ignore"):
            try:
                predicted = self.pipeline.predict(self._rows([value]))
            except (ValueError, TypeError):
                return False
        return not pd.isna(predicted).any()

    def unknown(self) -> Literal["reject", "ignore"]:
        # outside of its categories this dtype has only missing values
        is_closed = isinstance(self.frame[self.name].dtype, pd.CategoricalDtype)
        if is_closed or not self.categories:
            return "reject"
        values = unknown_values(self.categories)
        return "ignore" if values and all(map(self.accepts, values)) else "reject"

    def imputed(self) -> Value | None:
        """Return the value that the pipeline treats as it treats a missing one."""
        if len(self.pipeline) < 2 or not self.accepts(None):
            return None
        candidates = [self.typical[self.name], *self.categories]
        if self.is_number:
            column = self.frame[self.name]
            candidates += [plain(column.mean()), plain(column.mode().iloc[0]), 0]
        missing, *others = transform(self.pipeline, self._rows([None, *candidates]))
        for value, other in zip(candidates, others, strict=True):
            if np.array_equal(missing, other):
                return value
        return None

    def _rows(self, values: list[Value | None]) -> pd.DataFrame:
        rows = [{**self.typical, self.name: value} for value in values]
        return make_frame(rows, self.frame)


def _encoded_columns(
    step: BaseEstimator, columns: list[str]
) -> Iterator[tuple[str, tuple[Value, ...]]]:
    """Yield the columns that a fitted encoder sees, each with its categories."""
    if isinstance(step, ColumnTransformer):
        for _, inner, chosen in step.transformers_:
            yield from _encoded_columns(inner, _chosen(columns, chosen))
    elif isinstance(step, Pipeline):
        for _, inner in step.steps:
            yield from _encoded_columns(inner, columns)
            if isinstance(inner, ColumnTransformer):
                return  # what it returns are other columns
    elif columns and len(getattr(step, "categories_", ())) == len(columns):
        for column, categories in zip(columns, step.categories_, strict=True):
            yield column, _plain_categories(column, categories)


def _chosen(columns: list[str], chosen: Any) -> list[str]:
    """Return what a ColumnTransformer's names, positions, mask or slice select."""
    if isinstance(chosen, str):
        return [chosen]
    if not isinstance(chosen, slice) and all(isinstance(name, str) for name in chosen):
        return list(chosen)
    return list(np.array(columns, dtype=object)[chosen])


def _plain_categories(column: str, categories: Any) -> tuple[Value, ...]:
    values = tuple(plain(value) for value in categories if not pd.isna(value))
    if any(isinstance(value, str) and MISSING_TEXT in value for value in values):
        raise Refusal(
            f"a category of {column!r} holds U+FDD0, which stands for a missing value: "
            "remove that character from the table"
        )
    return values


def plain(value: object) -> Value:
    """Return Python's own type; a whole number is an int."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, float, np.number)):
        number = float(value)
        return int(number) if number.is_integer() else number
    return str(value)


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
    while name in OUTPUTS:
        name += "_"
        while name in columns:
            name += "_"
    return name
