"""Tensors of the protocol: their data types, their bytes, and one list of values each.

Numbers are little-endian; a string is its length in four bytes and itself in UTF-8
(https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md).
"""

import math
import struct
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from server.problems import MalformedBody

CODES = {
    "BOOL": "?",
    **{"INT8": "b", "INT16": "h", "INT32": "i", "INT64": "q"},
    **{"UINT8": "B", "UINT16": "H", "UINT32": "I", "UINT64": "Q"},
    **{"FP16": "e", "FP32": "f", "FP64": "d"},
}
"""Data type → code of Python's struct."""

STRINGS = "BYTES"
HALF = "FP16"
"""Has no JSON: only its bytes are sent."""

MAX_DEPTH = 8
"""Of lists in each other that hold the values of one tensor."""


class Tensor(Struct, omit_defaults=True):
    """A tensor as it stands in a request or a response.

    Parameters
    ----------
    data
        In JSON, flat or nested, row by row; left out where the values are bytes behind
        the JSON, of which `parameters` tell the number as `binary_data_size`.
    """

    name: str
    shape: list[int]
    datatype: str
    parameters: dict[str, Any] = {}
    data: list[Any] | UnsetType = UNSET

    def values(self, content: bytes | None) -> list[Any]:
        """Return all values in one list, None for those that are missing.

        Parameters
        ----------
        content
            The bytes of the values, None where they are in the JSON.

        Raises
        ------
        MalformedBody
            They are not as many, or not of the kind, that the tensor says.
        """
        if self.datatype != STRINGS and self.datatype not in CODES:
            known = ", ".join([*CODES, STRINGS])
            raise self._wrong(f"its datatype is {self.datatype!r}, not one of {known}")
        if any(size < 0 for size in self.shape):
            raise self._wrong(f"its shape {self.shape} has a negative number")
        if content is not None:
            values = self._unpacked(content)
        elif self.data is UNSET:
            raise self._wrong("it has no data")
        elif self.datatype == HALF:
            raise self._wrong("FP16 is sent as bytes, and not in JSON")
        else:
            values = list(self._flat(self.data, 0))
        if len(values) != math.prod(self.shape):
            raise self._wrong(f"it has {len(values)} values and the shape {self.shape}")
        return [None if value != value else value for value in values]

    def _flat(self, values: Iterable[Any], depth: int) -> Iterable[Any]:
        for value in values:
            if not isinstance(value, list):
                yield value
            elif depth < MAX_DEPTH:
                yield from self._flat(value, depth + 1)
            else:
                raise self._wrong("its lists are too deep in each other")

    def _unpacked(self, content: bytes) -> Sequence[Any]:
        try:
            if self.datatype == STRINGS:
                return [*islice(_strings(content), math.prod(self.shape) + 1)]
            return struct.unpack(
                f"<{math.prod(self.shape)}{CODES[self.datatype]}", content
            )
        except (struct.error, UnicodeDecodeError) as error:
            raise self._wrong(
                f"its {len(content)} bytes are no {self.datatype}: {error}"
            ) from error

    def _wrong(self, what: str) -> MalformedBody:
        return MalformedBody(f"Of the input {self.name!r}, {what}.")


def packed(datatype: str, values: Iterable[Any]) -> bytes:
    """Return the bytes of values."""
    if datatype == STRINGS:
        texts = [value.encode() for value in values]
        return b"".join(struct.pack("<I", len(text)) + text for text in texts)
    listed = [*values]
    return struct.pack(f"<{len(listed)}{CODES[datatype]}", *listed)


def _strings(content: bytes) -> Iterable[str]:
    start = 0
    while start < len(content):
        (n_bytes,) = struct.unpack_from("<I", content, start)
        start += 4
        if start + n_bytes > len(content):
            raise struct.error("the last string is cut off")
        yield content[start : start + n_bytes].decode()
        start += n_bytes
