"""Walks over the fields of a protobuf message without a schema.

https://protobuf.dev/programming-guides/encoding/
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

MAX_TAG = 2**32
MAX_VARINT_BITS = 64


class NotProtobuf(ValueError):
    """The bytes are not a protobuf message, or not a whole one."""


class Field(NamedTuple):
    """One field: its number, its value if that is a varint, and where it stands."""

    number: int
    value: int
    start: int
    stop: int


def fields(
    content: bytes, start: int, stop: int, skipped: "re.Pattern[bytes] | None" = None
) -> Iterator[Field]:
    """Yield the fields of the message in ``content[start:stop]``, in their order.

    Parameters
    ----------
    skipped
        Whole fields in a row that nobody asks for.

    Raises
    ------
    NotProtobuf
    """
    position = start
    while position < stop:
        if skipped and (run := skipped.match(content, position, stop)):
            position = run.end()
            continue
        tag, position = _varint(content, position)
        number, wire_type, value = tag >> 3, tag & 7, 0
        begin = position
        if wire_type == VARINT:
            value, position = _varint(content, position)
        elif wire_type == BYTES:
            n_bytes, begin = _varint(content, position)
            position = begin + n_bytes
        elif wire_type == FIXED64:
            position += 8
        elif wire_type == FIXED32:
            position += 4
        else:
            raise NotProtobuf(f"there is no field at byte {begin}")
        if position > stop or number == 0 or tag >= MAX_TAG:
            raise NotProtobuf(f"the field at byte {begin} ends nowhere")
        yield Field(number, value, begin, position)


def _varint(content: bytes, position: int) -> tuple[int, int]:
    """Return the number at a position, and the position behind it.

    Raises
    ------
    NotProtobuf
        If the content ends in the number, or the number has more than ten bytes.
    """
    value = 0
    for shift in range(0, MAX_VARINT_BITS, 7):
        if position >= len(content):
            break
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise NotProtobuf(f"the number at byte {position} ends nowhere")
