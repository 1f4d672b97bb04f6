"""Rows that are lines of text: CSV with or without a header, and JSON."""

import csv
import io
from collections.abc import Iterable
from itertools import islice
from typing import Any

import msgspec

from server.contracts.instances import is_record
from server.contracts.predict.faults import UNDECODABLE
from server.contracts.text import value_of
from server.problems import MalformedBody, TooManyRows
from server.signature import Signature

BOM = "\ufeff"


def read_csv(
    body: bytes, signature: Signature, has_header: bool | None, max_rows: int
) -> dict[str, Any]:
    """Return the columns of a CSV document (RFC 4180).

    Parameters
    ----------
    max_rows
        One more is read, and no others: a short line is a hundred times as large in
        memory.
    has_header
        Whether the first line names the columns; None to see it from whether its cells
        are names of its columns. Without, they are in the order of the signature.

    Raises
    ------
    MalformedBody
    """
    try:
        text = body.decode().removeprefix(BOM)
        reader = csv.reader(io.StringIO(text), strict=True)
        lines = [*islice(filter(None, reader), max_rows + 2)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise MalformedBody(f"The body cannot be read as CSV: {error}.") from error
    if not lines:
        raise MalformedBody("The body is empty; send a line a row.")
    names = [feature.name for feature in signature.features]
    if has_header is None:
        has_header = is_record(lines[0], signature)
    if has_header:
        names, *lines = lines
        if len({*names}) < len(names):
            raise MalformedBody("The header has two columns of one name.")
    for number, line in enumerate(lines, 1 + has_header):
        if len(line) != len(names):
            raise MalformedBody(
                f"Line {number} has {len(line)} values; expected {len(names)}: "
                f"{', '.join(names)}."
            )
    known = {feature.name: feature for feature in signature.features}
    return {
        "columns": {
            name: [
                value_of(known[name], line[place]) if name in known else line[place]
                for line in lines
            ]
            for place, name in enumerate(names)
        }
    }


def read_json_lines(body: bytes, max_rows: int) -> list[Any]:
    """Return the documents of lines of JSON.

    Raises
    ------
    MalformedBody
    TooManyRows
    """
    if (n_lines := body.count(b"\n")) > max_rows:
        raise TooManyRows(
            f"The body has {n_lines} lines; at most {max_rows} rows are accepted."
        )
    try:
        return list(msgspec.json.Decoder().decode_lines(body))
    except UNDECODABLE as error:
        raise MalformedBody(f"The lines cannot be read as JSON: {error}.") from error


def write_csv(values: Iterable[Any]) -> bytes:
    """Return a line a prediction; several targets are several cells."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for value in values:
        cells = value.values() if isinstance(value, dict) else [value]
        writer.writerow([_cell(each) for each in cells])
    return text.getvalue().encode()


def write_json_lines(values: Iterable[Any]) -> bytes:
    return msgspec.json.Encoder().encode_lines(values)


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
