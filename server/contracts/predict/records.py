"""Reads whole records: rows beside whose features stand columns that the model ignores.

What is ignored is skipped in the bytes and never built, and of many rows one at a time
is decoded. Rows that have nothing of the kind do not come here.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import astuple

from server.batch import Form
from server.contracts.predict.rows import columns_struct, row_struct, transposed
from server.signature import Feature

SPACE = b" \t\n\r"
"""What may stand before a JSON document."""


class Records:
    """Decodes the whole records of one model.

    Parameters
    ----------
    ignored
        Names that may stand beside the features, each as a msgspec field can be named.
    """

    def __init__(self, features: Sequence[Feature], ignored: Sequence[str]) -> None:
        self._n_features = len(features)
        anything = msgspec.defstruct("Anything", [], gc=False)
        self._count: Any = msgspec.json.Decoder(list[anything]).decode  # type: ignore[valid-type]
        self._parted = msgspec.json.Decoder(list[msgspec.Raw]).decode
        self._row = msgspec.json.Decoder(row_struct(features, ignored)).decode
        body = columns_struct(features, ignored)
        self._columns: Any = msgspec.json.Decoder(body).decode

    def read(self, body: bytes) -> tuple[list[tuple[Any, ...]], Form]:
        """Return the rows of a body, which are not checked yet, and their form.

        Raises
        ------
        MsgspecError, UnicodeDecodeError, RecursionError, ValueError
            Something is wrong with it.
        """
        n_features = self._n_features
        if body.lstrip(SPACE).startswith(b"["):
            self._count(body)  # of anything but objects not even the parts are kept
            parts = self._parted(body)
            return [astuple(self._row(part))[:n_features] for part in parts], "rows"
        try:
            return [astuple(self._row(body))[:n_features]], "row"
        except msgspec.ValidationError:
            columns = astuple(self._columns(body).columns)
            return transposed(columns[:n_features]), "columns"
