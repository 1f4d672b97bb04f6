"""Reads a CSV table, and says what is wrong with it in one sentence.

Only an empty cell is missing; "NA", "None" or "null" may be a category.
"""

import csv
import hashlib
import io
import logging
import math
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from convert.errors import Unreadable, suggest
from convert.inputs import check_input
from server.model_file.stand_in import find_stand_in

log = logging.getLogger(__name__)

NUMBER_LIKE = re.compile(r"\s*[-+]?[\d.,]*\d[\d.,]*([eE][-+]?\d+)?\s*")
"""Also "72,5" and "1.234,5", which are meant as numbers and are not read as such."""

WITH_COMMA = re.compile(r"\s*[-+]?[\d.]*\d,[\d,.]*\d([eE][-+]?\d+)?\s*")
DATE = re.compile(r"\s*\d{1,2}\.\d{1,2}\.(\d{2}|\d{4})\s*")

LARGEST = 1e150
"""Scalers and scores square; the largest float64 is 1.8e308."""


@dataclass(frozen=True)
class Table:
    """A checked table.

    Parameters
    ----------
    frame
        Numbers as int64 or float64; strings as pandas' ``str``; true and false
        as Python's in an object column. Missing is NaN everywhere.
    sha256
        Of the file's bytes, 64 hexadecimal digits.
    lines
        The line of the file on which each row ends, counted from 1.
    renamed
        "OLD=NEW" of each column that has another name in the file.
    """

    path: Path
    frame: pd.DataFrame
    sha256: str
    lines: tuple[int, ...]
    dropped: tuple[str, ...] = ()
    renamed: tuple[str, ...] = ()

    def place(self, row: int) -> str:
        """Say where a row is, for a person."""
        return f"line {self.lines[row]} of {self.path}"


def read_table(
    path: Path,
    *,
    encoding: str = "utf-8",
    missing: Iterable[str] = (),
    rename: Sequence[str] = (),
    drop: Iterable[str] = (),
    categories: Collection[str] = (),
) -> Table:
    """Read and check a CSV file with a header.

    Parameters
    ----------
    missing
        Texts that stand for a missing value, beside the empty cell.
    rename
        "OLD=NEW" for each column that gets another name; all others mean this one.
    drop
        Columns to leave out.
    categories
        Columns whose values are names even where they look like numbers.

    Raises
    ------
    Unreadable
        With file, line and remedy.
    """
    content = _read(path)
    text = _decode(path, content, encoding)
    header, lines = _scan(path, text)
    header = rename_columns(path, header, rename)
    frame = _parse(text, header, missing, categories)
    if not lines:
        raise Unreadable(f"{path} has a header and no rows: add the rows to it")
    dropped = tuple(drop)
    for name in dropped:
        check_name(path, name, header)
    frame = _with_plain_booleans(frame.drop(columns=list(dropped)))
    sha256 = hashlib.sha256(content).hexdigest()
    table = Table(path, frame, sha256, lines, dropped, tuple(rename))
    for column in table.frame:
        _check_column(table, str(column), is_category=column in categories)
    return table


def numeric_target(table: Table, target: str) -> pd.Series:
    """Return the column to predict, shape (n_rows,), as float64.

    Raises
    ------
    Unreadable
        It is not in the table, is not numeric, or a value is missing.
    """
    check_name(table.path, target, list(table.frame.columns))
    column = table.frame[target]
    if not pd.api.types.is_numeric_dtype(column):
        raise Unreadable(
            f"the target {target!r} holds {column.dropna().iloc[0]!r} on "
            f"{table.place(first(column.notna()))}; a regressor predicts numbers: "
            "choose a numeric column with --target"
        )
    if column.isna().any():
        row = first(column.isna())
        raise Unreadable(
            f"the target {target!r} is missing on {table.place(row)} and in "
            f"{column.isna().sum()} of {len(column)} rows: fill it in or remove the rows"
        )
    return column.astype(float)


def check_name(path: Path, name: str, columns: list[str]) -> None:
    """Refuse a name that no column has.

    Raises
    ------
    Unreadable
        If it is not among the columns.
    """
    if name not in columns:
        raise Unreadable(f"{path} has no column {name!r}: {suggest(name, columns)}")


def rename_columns(path: Path, names: list[str], rename: Sequence[str]) -> list[str]:
    """Return the names of a table's columns with "OLD=NEW" applied, all at once.

    Raises
    ------
    Unreadable
        One is not OLD=NEW, there is no such column or it is named twice, or two would
        have the same name.
    """
    new_names: dict[str, str] = {}
    for text in rename:
        old, equals, new = text.rpartition("=")
        if not (equals and old and new.strip()):
            raise Unreadable(f"--rename is {text!r}: give it as OLD=NEW")
        check_name(path, old, names)
        if old in new_names:
            raise Unreadable(
                f"--rename names {old!r} twice: give each column one new name"
            )
        new_names[old] = new
    renamed = [new_names.get(name, name) for name in names]
    for name in renamed:
        if renamed.count(name) > 1:
            same = [old for old in names if new_names.get(old, old) == name]
            raise Unreadable(
                f"--rename gives {' and '.join(map(repr, same))} of {path} the same name, "
                f"{name!r}: give each its own, or leave one out"
            )
    return renamed


def first(is_true: pd.Series) -> int:
    """Return the first row that is true."""
    return int(np.flatnonzero(is_true)[0])


def _read(path: Path) -> bytes:
    check_input(path)
    content = path.read_bytes()
    if not content.strip():
        raise Unreadable(f"{path} is empty: it needs a header and rows")
    if stand_in := find_stand_in(content):
        raise Unreadable(f"{path} is {stand_in.found}: {stand_in.remedy}")
    return content


def _decode(path: Path, content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except LookupError:
        raise Unreadable(
            f"{encoding!r} is not an encoding that Python knows: "
            "try --encoding utf-8, cp1252 or utf-16"
        ) from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Unreadable(
            f"byte 0x{content[error.start]:02x} on line {line} of {path} is not "
            f"{encoding}: save the file as UTF-8, or name its encoding, "
            "for instance --encoding cp1252"
        ) from None


def _scan(path: Path, text: str) -> tuple[list[str], tuple[int, ...]]:
    """Return the header, and the line on which each row ends.

    Raises
    ------
    Unreadable
        If the header is refused, a row has more or fewer values, or a line is not CSV.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    lines = []
    try:
        for cells in reader:
            if not cells:
                continue
            if not header:
                header = _checked_header(path, cells)
            elif len(cells) == len(header):
                lines.append(reader.line_num)
            else:
                raise Unreadable(
                    f"line {reader.line_num} of {path} has {len(cells)} values and the "
                    f'header has {len(header)}: quote values that hold a comma (")'
                )
    except csv.Error as error:
        raise Unreadable(
            f"line {reader.line_num} of {path} is not CSV ({error}): correct the quotes"
        ) from None
    return header, tuple(lines)


def _checked_header(path: Path, names: list[str]) -> list[str]:
    for separator, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if len(names) == 1 and separator in names[0]:
            raise Unreadable(
                f"the header of {path} is separated by {word}: save the table with "
                "commas, and its numbers with decimal points"
            )
    for position, name in enumerate(names, start=1):
        if not name.strip():
            raise Unreadable(
                f"column {position} of {path} has no name: name or remove it "
                "(pandas writes one for the index unless to_csv has index=False)"
            )
        if "\0" in name:
            raise Unreadable(
                f"the name of column {position} of {path} holds a NUL character, which "
                "ends a name in ONNX: rename the column"
            )
        if names.count(name) > 1:
            raise Unreadable(
                f"{path} has {names.count(name)} columns called {name!r}: "
                "rename or remove all but one"
            )
    return names


def _parse(
    text: str, header: list[str], missing: Iterable[str], categories: Iterable[str]
) -> pd.DataFrame:
    """Read the cells; a declared category stays text, so that 01 is not 1."""
    return pd.read_csv(
        io.StringIO(text, newline=""),
        names=header,
        header=0,
        dtype=dict.fromkeys(categories, str),
        keep_default_na=False,
        na_values=["", *missing],
        low_memory=False,
    )


def _with_plain_booleans(frame: pd.DataFrame) -> pd.DataFrame:
    """Let true and false be objects: SimpleImputer refuses the dtype bool."""
    booleans = frame.select_dtypes("bool").columns
    return frame.astype(dict.fromkeys(booleans, "object"))


def _check_column(table: Table, name: str, *, is_category: bool) -> None:
    column = table.frame[name]
    present = column.dropna()
    if present.empty:
        raise Unreadable(
            f"column {name!r} of {table.path} is empty: leave it out with --drop {name!r}"
        )
    if pd.api.types.is_numeric_dtype(column):
        _check_size(table, column)
    elif column.dtype == object and not isinstance(present.iloc[0], bool | str):
        raise Unreadable(
            f"{name!r} is {present.iloc[0]} on {table.place(present.index[0])}, a number "
            f"of more than 64 bits: leave the column out with --drop {name!r}"
        )
    elif not is_category and pd.api.types.is_string_dtype(present):
        _check_not_numbers(table, name, present)


def _check_size(table: Table, column: pd.Series) -> None:
    is_beyond = column.abs() > LARGEST
    if is_beyond.any():
        row = first(is_beyond)
        raise Unreadable(
            f"{column.name!r} is {column[row]} on {table.place(row)}, and the square of a "
            f"number beyond {LARGEST:g} is infinite: correct it or leave the cell empty"
        )


def _check_not_numbers(table: Table, name: str, present: pd.Series) -> None:
    """Refuse a text among numbers, which would turn every number into a category.

    Raises
    ------
    Unreadable
        If more than half of the values look like numbers, and one is none.
    """
    others = present[~present.map(_is_number)]
    if others.empty or present.str.fullmatch(NUMBER_LIKE).mean() <= 0.5:
        return
    row, value = int(others.index[0]), others.iloc[0]
    if WITH_COMMA.fullmatch(value):
        raise Unreadable(
            f"{name!r} is {value!r} on {table.place(row)}, a number with a comma: write "
            "numbers with a decimal point and nothing between thousands, or give the "
            'column kind = "category" in the description'
        )
    if DATE.fullmatch(value):
        raise Unreadable(
            f"{name!r} is {value!r} on {table.place(row)}, a date: leave the column out "
            f"with --drop {name!r}, or make numbers of it, such as days"
        )
    otherwise = "a number elsewhere" if len(others) < len(present) else "no number"
    raise Unreadable(
        f"{name!r} is {value!r} on {table.place(row)} and {otherwise}: correct it, "
        f"declare it missing with --missing {value!r}, or give the column "
        'kind = "category" in the description'
    )


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
