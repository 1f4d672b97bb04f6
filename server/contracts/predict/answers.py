"""Turns a prediction into the bytes of an answer.

The singular form answers one object, the plural one a list or columns:
``{"prediction": …}`` and ``{"predictions": […]}``. What `?include=` adds follows
the same rule, and so do the errors of rows that were skipped.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from server.batch import Batch, Prediction

JSON = msgspec.json.Encoder()

BLOCK_BYTES = 65_536


def write_answer(
    batch: Batch,
    prediction: Prediction,
    errors: Sequence[Mapping[str, Any]] | None = None,
) -> bytes:
    """Return the JSON answer, in the form of the batch's body.

    Parameters
    ----------
    errors
        Of rows that were skipped; None where none may be.
    """
    if batch.form == "row":
        return JSON.encode(_one(prediction))
    if not prediction.included and errors is None:
        return JSON.encode({"predictions": prediction.values})
    answer = _Blocks()
    answer.write(b'{"predictions":', prediction.values)
    for include, rows in prediction.included.items():
        plural = include if include.endswith("s") else f"{include}s"
        answer.write_list(b',"%b":' % plural.encode(), rows)
    if prediction.baseline is not None:
        answer.write(b',"baseline":', prediction.baseline)
    if errors is not None:
        answer.write(b',"errors":', errors)
    return answer.joined(b"}")


class _Blocks:
    """A long document that is made without ever being moved in memory as it grows."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._newest = bytearray()

    def write(self, before: bytes, value: Any) -> None:
        self._newest += before
        JSON.encode_into(value, self._newest, -1)
        if len(self._newest) > BLOCK_BYTES:
            self._blocks.append(bytes(self._newest))
            self._newest.clear()

    def write_list(self, before: bytes, rows: Iterable[Any]) -> None:
        """Write a list of which only one row is there at a time."""
        self._newest += before
        separator = b"["
        for row in rows:
            self.write(separator, row)
            separator = b","
        self._newest += b"]" if separator == b"," else b"[]"

    def joined(self, end: bytes) -> bytes:
        return b"".join([*self._blocks, bytes(self._newest), end])


def _one(prediction: Prediction) -> dict[str, Any]:
    document = {"prediction": prediction.values[0]}
    for include, rows in prediction.included.items():
        (document[include],) = rows
    if prediction.baseline is not None:
        document["baseline"] = prediction.baseline
    return document
