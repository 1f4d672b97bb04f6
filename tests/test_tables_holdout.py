from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from convert.errors import Refusal
from convert.tables.description import Description
from convert.tables.holdout import Split, split_table
from convert.tables.table import read_table

SIZES = pd.DataFrame({"size": range(20), "price": range(100, 120)})
HELD_OUT = [0, 1, 15, 17]
"""What seed 42 takes of twenty rows."""


def split(folder: Path, table: pd.DataFrame) -> Split:
    path = folder / "table.csv"
    table.to_csv(path, index=False)
    return split_table(read_table(path), "price", Description())


def refusal_of(folder: Path, **columns: list[Any]) -> str:
    with pytest.raises(Refusal) as refusal:
        split(folder, SIZES.assign(**columns))
    return str(refusal.value).replace(str(folder), "…")


def of_rows(**values: list[int]) -> list[Any]:
    """Return twenty categories, "usual" but for those that have rows of their own."""
    column: list[Any] = ["usual"] * len(SIZES)
    for value, rows in values.items():
        for row in rows:
            column[row] = value
    return column


def test_a_share_of_the_rows_is_held_out(tmp_path: Path) -> None:
    town, lift = of_rows(Ely=[0, 2]), [True, False] * 10

    found = split(tmp_path, SIZES.assign(town=town, lift=lift))

    assert sorted(found.X_test.index) == HELD_OUT
    assert found.y_test.tolist() == [100.0 + row for row in found.X_test.index]
    assert sorted([*found.X_train.index, *HELD_OUT]) == list(range(20))
    assert list(found.X_train) == ["size", "town", "lift"]
    assert (found.numbers, found.categories) == (["size"], ["town", "lift"])


def test_every_category_that_is_only_held_out_is_named_at_once(tmp_path: Path) -> None:
    town = of_rows(Ely=[17], York=[0, 15], Bath=[1, 2])
    heating = of_rows(oil=[1])

    assert refusal_of(tmp_path, town=town, **{"heated by": heating}) == (
        "…/table.csv has categories that are only among the held-out rows, so that "
        "nothing can be learned about them, 'York' (line 2), 'Ely' (line 19) in 'town'; "
        "'oil' (line 3) in 'heated by': merge or remove rare categories, or leave out "
        "with --drop town --drop 'heated by'"
    )


def test_of_many_such_categories_ten_are_named(tmp_path: Path) -> None:
    table = pd.concat([SIZES] * 5, ignore_index=True).assign(
        name=[f"n{row}" for row in range(100)]
    )

    with pytest.raises(Refusal) as refusal:
        split(tmp_path, table)

    assert str(refusal.value).count("(line ") == 10
    assert " and 10 more in 'name': merge" in str(refusal.value)


def test_every_column_without_a_value_to_fit_is_named_at_once(tmp_path: Path) -> None:
    age: list[Any] = [None] * 20
    age[17] = 3

    assert refusal_of(tmp_path, age=age, rooms=age) == (
        "'age', 'rooms' have no value among the 16 rows of …/table.csv to fit: leave "
        "out with --drop age --drop rooms"
    )
