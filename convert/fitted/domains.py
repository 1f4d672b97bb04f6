"""Which values a column can hold, as far as a fitted branch can tell them apart."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from convert.errors import Unsupported
from convert.fitted.missing import is_missing
from server.signature import MISSING_TEXT, Value

UNKNOWN_TEXTS = ("\ufdd1", "an unknown value", "0")
UNKNOWN_NUMBERS = (-7919.25, 1e15, 0.123456789)
"""Values that no encoder knows; all must get the same answer."""


def steps_of(transformer: Any) -> Iterator[Any]:
    """Yield the transformer, or the steps of a pipeline, without passthroughs."""
    if not isinstance(transformer, Pipeline):
        yield transformer
        return
    for _, step in transformer.steps:
        if step is not None and step != "passthrough":
            yield from steps_of(step)


def encodes(transformer: Any) -> bool:
    """Tell whether a branch looks its values up, perhaps after filling gaps."""
    for step in steps_of(transformer):
        if hasattr(step, "categories_"):
            return True
        if not hasattr(step, "statistics_") or hasattr(step, "estimator"):
            return False
    return False


def known_values(
    transformer: Any,
    sample: pd.DataFrame,
    position: int,
    categories: Iterable[Value],
    *,
    text: bool,
) -> list[Any]:
    """Return every value of one column that the branch may treat in its own way.

    They are the fitted categories, what the imputers mark and fill in, the values
    of the sample and the categories of the feature; never a missing one. Too many
    do no harm.
    """
    cells = sample.iloc[:, position]
    found = dict.fromkeys(value for value in cells if not is_missing(value))
    if any(isinstance(value, bool | np.bool_) for value in found):
        found |= {False: None, True: None}
    for value in categories:
        if isinstance(value, str) == text:
            found.setdefault(value)
    for step in steps_of(transformer):
        for value in _fitted_values(step, position, sample.shape[1]):
            if not is_missing(value) and isinstance(value, str) == text:
                found.setdefault(_plain(value))
    _check_values(cells.name, found, text)
    return list(found)


def _check_values(name: Any, values: Iterable[Any], text: bool) -> None:
    odd = [value for value in values if isinstance(value, str) != text]
    if odd:
        raise Unsupported(
            f"column {name!r} mixes text and other values, such as {odd[0]!r}: "
            f"turn all of them into text before fitting"
        )
    if text and any(MISSING_TEXT in value for value in values):
        raise Unsupported(
            f"column {name!r} holds U+FDD0, which stands for a missing value in "
            f"the model: remove it from the table"
        )


def unfitted_values(values: list[Any], text: bool) -> list[Any]:
    """Return values that the branch was not fitted on.

    For text they include known values in another case or with a space, which an
    encoder does not know and a function of the user's own may.
    """
    candidates: list[Any] = list(UNKNOWN_TEXTS if text else UNKNOWN_NUMBERS)
    if text:
        for value in values[:8]:
            candidates += [f" {value}", f"{value} ", value.upper(), value.title()]
    return [value for value in dict.fromkeys(candidates) if value not in values]


def _fitted_values(step: Any, position: int, n_columns: int) -> Iterator[Any]:
    categories = getattr(step, "categories_", [])
    aligned = len(categories) == n_columns
    for each in categories[position : position + 1] if aligned else categories:
        yield from each
    yield from np.ravel(getattr(step, "statistics_", []))
    for attribute in ("missing_values", "fill_value"):
        value = getattr(step, attribute, None)
        if isinstance(value, str | int | float):
            yield value


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
