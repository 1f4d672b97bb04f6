"""Finds which columns of the user's frame a fitted pipeline encodes or reads as text."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline

from convert.errors import Unsupported
from convert.fitted.own import foreign_steps, is_vectorizer, keeps_values, unwrap
from convert.fitted.plain import plain
from convert.fitted.structure import members_of
from server.signature import MISSING_TEXT, Value

MAX_WHOLE = 2**53 - 1
"""Every whole number up to it is a double that stands for no other."""


def encoded_columns(pipeline: Any, frame: pd.DataFrame) -> dict[str, tuple[Value, ...]]:
    """Return the columns that hold categories, each with all that are known.

    A fitted encoder gives them; where none reads the column itself, its dtype
    does, or the values that it has in the frame.
    """
    columns = [str(name) for name in frame.columns]
    found: dict[str, tuple[Value, ...]] = {}
    for step, chosen in _readers(pipeline, columns):
        if chosen and len(getattr(step, "categories_", ())) == len(chosen):
            for column, categories in zip(chosen, step.categories_, strict=True):
                found.setdefault(column, _plain_categories(column, categories))
    texts = text_columns(pipeline, columns)
    for name in columns:
        if name not in found and name not in texts:
            categories = own_categories(frame[name])
            if categories:
                found[name] = categories
    return found


def own_categories(column: pd.Series) -> tuple[Value, ...]:
    """Return the categories of a column's dtype, or its texts; none of numbers."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        categories = list(column.dtype.categories)
    elif pd.api.types.is_numeric_dtype(column):
        return ()
    else:
        categories = sorted(column.dropna().unique(), key=str)
    return _plain_categories(str(column.name), categories)


def open_columns(pipeline: Any, columns: list[str]) -> dict[str, Any]:
    """Return the columns that reach a step which is not scikit-learn's, and that step.

    What it makes of a value that nobody asked it for is not known.
    """
    found: dict[str, Any] = {}
    for step, chosen in foreign_readers(pipeline, columns):
        found = dict.fromkeys(chosen, step) | found
    return found


def fill_values(pipeline: Any, columns: list[str]) -> dict[str, Value]:
    """Return what fitted imputers put into gaps, where that is one value a column."""
    found: dict[str, Value] = {}
    for step, chosen in _readers(pipeline, columns):
        statistics = getattr(step, "statistics_", ())
        if chosen and len(statistics) == len(chosen):
            for column, value in zip(chosen, statistics, strict=True):
                if not pd.isna(value):
                    found.setdefault(column, plain(value))
    return found


def text_columns(pipeline: Any, columns: list[str]) -> set[str]:
    """Return the columns that a vectorizer splits into words."""
    return {
        column
        for step, chosen in _readers(pipeline, columns)
        if is_vectorizer(step)
        for column in chosen
    }


def lower_cased_columns(pipeline: Any, columns: list[str]) -> set[str]:
    """Return the columns whose letters a vectorizer makes small."""
    return {
        column
        for step, chosen in _readers(pipeline, columns)
        if is_vectorizer(step) and step.lowercase
        for column in chosen
    }


def _readers(step: Any, columns: list[str]) -> Iterator[tuple[Any, list[str]]]:
    """Yield the fitted transformers that see columns of the frame, and which."""
    step = unwrap(step)
    if isinstance(step, ColumnTransformer):
        for _, inner, chosen in step.transformers_:
            yield from _readers(inner, chosen_columns(step, columns, chosen))
    elif isinstance(step, FeatureUnion):
        for _, inner in step.transformer_list:
            yield from _readers(inner, columns)
    elif isinstance(step, Pipeline):
        for _, inner in step.steps:
            yield from _readers(inner, columns)
            if not keeps_values(inner):
                return  # what it returns are other columns
    elif hasattr(step, "regressor_"):  # TransformedTargetRegressor
        yield from _readers(step.regressor_, columns)
    elif step is not None and not isinstance(step, str):
        yield step, columns
        for member in members_of(step):
            yield from _readers(member, columns)


def foreign_readers(
    pipeline: Any, columns: list[str]
) -> Iterator[tuple[Any, list[str]]]:
    """Yield the steps that are not scikit-learn's, each with what may reach it."""
    for step, read in _foreign(pipeline, columns):
        yield step, read or columns


def _foreign(
    step: Any, columns: list[str] | None
) -> Iterator[tuple[Any, list[str] | None]]:
    """Yield the steps that are not scikit-learn's, each with what may reach it.

    Parameters
    ----------
    columns
        What the step is given of the frame's; None where it is given other columns.
    """
    step = unwrap(step)
    if type(step) is ColumnTransformer:
        for _, inner, chosen in step.transformers_:
            read = None if columns is None else chosen_columns(step, columns, chosen)
            if read is None or read:
                yield from _foreign(inner, read)
    elif isinstance(step, Pipeline):
        kept: list[str] | None = columns
        for _, inner in step.steps:
            for each, read in _foreign(inner, kept):
                yield each, columns if read is None else read
            kept = kept if keeps_values(inner) else None
    elif type(step) is FeatureUnion:
        for _, inner in step.transformer_list:
            yield from _foreign(inner, columns)
    else:
        yield from ((each, columns) for each in foreign_steps(step))
        inner = [step.regressor_] if hasattr(step, "regressor_") else members_of(step)
        for each in inner:
            yield from _foreign(each, columns)


def chosen_columns(
    step: ColumnTransformer, columns: list[str], chosen: Any
) -> list[str]:
    """Return what a ColumnTransformer's names, positions, mask or slice select."""
    if isinstance(chosen, str):
        return [chosen]
    if not isinstance(chosen, slice) and all(isinstance(name, str) for name in chosen):
        return list(chosen)
    # positions count the columns that were fitted on, of which the frame may lack some
    fitted = [str(name) for name in getattr(step, "feature_names_in_", columns)]
    if isinstance(chosen, slice) and isinstance(chosen.start or chosen.stop, str):
        # of names, as in pandas: the last one is chosen too
        chosen = pd.Index(fitted).slice_indexer(chosen.start, chosen.stop)
    picked = np.atleast_1d(np.array(fitted, dtype=object)[chosen])
    return [str(name) for name in picked]


def _plain_categories(column: str, categories: Any) -> tuple[Value, ...]:
    values = tuple(plain(value) for value in categories if not pd.isna(value))
    if beyond := [v for v in values if isinstance(v, int) and abs(v) > MAX_WHOLE]:
        raise Unsupported(
            f"{column!r} has the category {beyond[0]}, and from 2**53 on whole numbers "
            "in JSON and in a graph cannot be told from their neighbours: fit the "
            "pipeline with texts in that column"
        )
    if any(isinstance(value, str) and MISSING_TEXT in value for value in values):
        raise Unsupported(
            f"a category of {column!r} holds U+FDD0, which stands for a missing value: "
            "remove that character from the table"
        )
    return values
