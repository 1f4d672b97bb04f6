"""Holds rows of a table out, so that a score is of rows that no model has seen."""

import math
import shlex
from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd
from sklearn.model_selection import train_test_split

from convert.errors import Invalid, listed
from convert.tables.description import Description, check_description
from convert.tables.table import Table, numeric_target

SEED = 42
TEST_SIZE = 0.2


class Split(NamedTuple):
    """A table in two parts; `numbers` and `categories` name its features."""

    X_train: pd.DataFrame
    X_test: pd.DataFrame
    y_train: pd.Series
    y_test: pd.Series
    numbers: list[str]
    categories: list[str]


def split_table(
    table: Table,
    target: str,
    description: Description,
    seed: int = SEED,
    test_size: float = TEST_SIZE,
) -> Split:
    """Hold out `test_size` of the rows, a share between 0 and 1.

    Raises
    ------
    Invalid
        The description or the sizes do not fit the table, it has no column beside the
        target, or the rows to fit have no value of a column, only one of the target, or
        not all categories.
    Unreadable
        The target is not in the table, is not numeric, or a value is missing.
    """
    y = numeric_target(table, target)
    X = table.frame.drop(columns=target)
    if X.empty:
        raise Invalid(
            f"{table.path} has no column beside {target!r} to predict it from"
        )
    check_description(description, table, target)
    _check_sizes(table, seed, test_size)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=test_size, random_state=seed
    )
    split = Split(X_train, X_test, y_train, y_test, *_columns(X, description))
    _check_split(table, split)
    return split


def _check_sizes(table: Table, seed: int, test_size: float) -> None:
    if not 0 < test_size < 1:
        raise Invalid(f"--test-size is {test_size}: it is a share between 0 and 1")
    if not 0 <= seed < 2**32:
        raise Invalid(f"--seed is {seed}: it is a whole number from 0 to {2**32 - 1}")
    n_rows = len(table.frame)
    n_test = math.ceil(test_size * n_rows)
    if min(n_test, n_rows - n_test) < 2:
        raise Invalid(
            f"{table.path} has too few rows ({n_rows}) to fit some and to hold out "
            f"{test_size:.0%}: at least 2 are needed for each"
        )


def _columns(X: pd.DataFrame, description: Description) -> tuple[list[str], list[str]]:
    """Return the columns that are scaled, and those that are encoded."""
    named = description.columns_of_kind("category")
    numbers = [str(name) for name in X.select_dtypes("number") if name not in named]
    return numbers, [str(name) for name in X if name not in numbers]


def _check_split(table: Table, split: Split) -> None:
    """Refuse what only the held-out rows have: a category, or another value.

    Raises
    ------
    Invalid
        If the rows to fit have no value of a column, only one of the target, or not all
        categories.
    """
    X = split.X_train
    if empty := [str(name) for name in X if X[name].isna().all()]:
        raise Invalid(
            f"{listed(map(repr, empty))} {'has' if len(empty) == 1 else 'have'} no value "
            f"among the {len(X)} rows of {table.path} to fit: leave out with "
            f"{_drops(empty)}"
        )
    if split.y_train.nunique() == 1:
        raise Invalid(
            f"the target {str(split.y_train.name)!r} is {split.y_train.iloc[0]:g} in each "
            f"of the {len(X)} rows of {table.path} to fit: there is nothing to predict"
        )
    new = {name: _only_held_out(table, split, name) for name in split.categories}
    new = {name: values for name, values in new.items() if values}
    if new:
        where = "; ".join(f"{listed(new[name])} in {name!r}" for name in new)
        raise Invalid(
            f"{table.path} has categories that are only among the held-out rows, so that "
            f"nothing can be learned about them, {where}: merge or remove rare "
            f"categories, or leave out with {_drops(new)}"
        )


def _only_held_out(table: Table, split: Split, name: str) -> list[str]:
    """Return the categories that no row to fit has, with the first line of each."""
    held_out = split.X_test[name].dropna()
    new = held_out[~held_out.isin(split.X_train[name])].sort_index().drop_duplicates()
    lines = [table.lines[row] for row in new.index]
    return [f"{v!r} (line {line})" for v, line in zip(new, lines, strict=True)]


def _drops(names: Iterable[str]) -> str:
    return " ".join(f"--drop {shlex.quote(name)}" for name in names)
