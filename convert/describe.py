"""Finds out what a fitted pipeline accepts, by asking the pipeline.

Whether a missing or an unknown value is refused, and what takes the place of a
missing one, is never read from parameters: the pipeline is run on a row that
has such a value.
"""

import warnings
from collections.abc import Iterator
from typing import Any

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
    encoded = dict(_encoded_columns(pipeline, list(frame.columns)))
    typical = typical_row(frame)
    return tuple(
        _describe(pipeline, frame, name, encoded.get(name, ()), typical, description)
        for name in frame.columns
    )


def typical_row(frame: pd.DataFrame) -> dict[str, Value | None]:
    """Return the median of each number and the most frequent of each other value."""
    return {str(name): _typical(frame[name]) for name in frame.columns}


def unknown_values(categories: tuple[Value, ...]) -> tuple[Value, ...]:
    """Return two values that are none of the categories, if there are any."""
    numbers = [float(value) for value in categories if not isinstance(value, str)]
    if not numbers:
        return tuple(_unlike(text, categories) for text in ("unknown", "?"))
    if all(isinstance(value, bool) for value in categories):
        return tuple(value for value in (False, True) if value not in categories)
    return max(numbers) + 1, min(numbers) - 1.5


def _unlike(text: str, categories: tuple[Value, ...]) -> str:
    while text in categories:
        text += "?"
    return text


def _describe(
    pipeline: Pipeline,
    frame: pd.DataFrame,
    name: str,
    categories: tuple[Value, ...],
    typical: Row,
    description: Description,
) -> Feature:
    column = frame[name]
    said = description.feature(name)
    _refuse_reserved(name, categories)
    missing = _answer(pipeline, {**typical, name: None}, frame)
    is_number = pd.api.types.is_numeric_dtype(column) and not categories
    return Feature(
        name=name,
        input=_input_name(name, list(frame.columns)),
        kind=_kind(column, categories, said.kind),
        required=missing is None,
        imputed=_imputed(pipeline, frame, name, categories, typical, missing),
        categories=categories,
        unknown="ignore"
        if _ignores(pipeline, frame, name, categories, typical)
        else "reject",
        minimum=said.minimum,
        maximum=said.maximum,
        observed=(float(column.min()), float(column.max())) if is_number else None,
        typical=typical[name],
        title=said.title or humanise(name),
        unit=said.unit,
        description=said.description,
    )


def humanise(name: str) -> str:
    """Return a title: "reading_score" becomes "Reading score"."""
    words = " ".join(name.replace("_", " ").split())
    return words[:1].upper() + words[1:]


def _refuse_reserved(name: str, categories: tuple[Value, ...]) -> None:
    if any(isinstance(value, str) and MISSING_TEXT in value for value in categories):
        raise Refusal(
            f"a category of {name!r} holds U+FDD0, which stands for a missing value: "
            "remove that character from the table"
        )


def _input_name(name: str, columns: list[str]) -> str:
    """Return the name of the graph's input: the column's, unless an output has it."""
    while name in OUTPUTS:
        name += "_"
        while name in columns:
            name += "_"
    return name


def _kind(column: pd.Series, categories: tuple[Value, ...], said: str | None) -> Kind:
    if categories:
        is_boolean = all(isinstance(value, bool) for value in categories)
        return "boolean" if is_boolean else "category"
    if pd.api.types.is_bool_dtype(column):
        return "boolean"
    if not pd.api.types.is_numeric_dtype(column):
        return "text"
    return "integer" if said == "integer" else "number"


def _typical(column: pd.Series) -> Value | None:
    present = column.dropna()
    if present.empty:
        return None
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return plain(present.median())
    return plain(present.mode().iloc[0])


def plain(value: object) -> Value:
    """Return Python's own type; a whole number is an int."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, float, np.number)):
        number = float(value)
        return int(number) if number.is_integer() else number
    return str(value)


def _answer(pipeline: Pipeline, row: Row, frame: pd.DataFrame) -> bytes | None:
    """Return what the regressor is given for a row; None where the pipeline raises."""
    probe = make_frame([row], frame)
    with warnings.catch_warnings(action="ignore"):
        try:
            if np.isnan(pipeline.predict(probe)).any():
                return None
            seen = pipeline[:-1].transform(probe) if len(pipeline) > 1 else probe
        except (ValueError, TypeError):
            return None
    return dense(seen).tobytes()


def dense(outputs: Any) -> npt.NDArray[np.float64]:
    """Return what a preprocessor gave (frame, sparse or dense) as a float64 matrix."""
    return np.asarray(
        outputs.toarray() if hasattr(outputs, "toarray") else outputs, float
    )


def _ignores(
    pipeline: Pipeline,
    frame: pd.DataFrame,
    name: str,
    categories: tuple[Value, ...],
    typical: Row,
) -> bool:
    if not categories or isinstance(frame[name].dtype, pd.CategoricalDtype):
        return False
    values = unknown_values(categories)
    return bool(values) and all(
        _answer(pipeline, {**typical, name: value}, frame) is not None
        for value in values
    )


def _imputed(
    pipeline: Pipeline,
    frame: pd.DataFrame,
    name: str,
    categories: tuple[Value, ...],
    typical: Row,
    missing: bytes | None,
) -> Value | None:
    """Return the value that the pipeline treats as it treats a missing one."""
    if missing is None:
        return None
    for value in (typical[name], *categories, *_statistics(frame[name])):
        if _answer(pipeline, {**typical, name: value}, frame) == missing:
            return value
    return None


def _statistics(column: pd.Series) -> tuple[Value, ...]:
    if not pd.api.types.is_numeric_dtype(column):
        return ()
    return (float(column.mean()), plain(column.mode().iloc[0]), 0)


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
                return
    elif len(getattr(step, "categories_", ())) == len(columns):
        for column, categories in zip(columns, step.categories_, strict=True):
            yield column, tuple(plain(value) for value in categories if value == value)


def _chosen(columns: list[str], chosen: Any) -> list[str]:
    """Return what a ColumnTransformer's names, positions, mask or slice select."""
    if isinstance(chosen, str):
        return [chosen]
    if not isinstance(chosen, slice) and all(isinstance(name, str) for name in chosen):
        return list(chosen)
    return list(np.array(columns, dtype=object)[chosen])
