"""Unpacks a compressed stream piece by piece."""

import zlib
from collections.abc import Iterator

from server.contracts.headers import GZIP_OR_ZLIB
from server.problems import MalformedBody

PIECE_BYTES = 65_536
"""A thousand times as many may be in what has come."""


class Unpacker:
    """Reads gzip or zlib, one document behind the other, as `cat` joins them."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=GZIP_OR_ZLIB)

    def pieces(self, packed: bytes, *, is_last: bool) -> Iterator[bytes]:
        """Yield what is in the bytes that have come, a little at a time.

        Raises
        ------
        MalformedBody
            They are not what the header of the request says, or end before it does.
        """
        while packed:
            if self._stream.eof:
                self._stream = zlib.decompressobj(wbits=GZIP_OR_ZLIB)
            try:
                yield self._stream.decompress(packed, PIECE_BYTES)
            except zlib.error as error:
                raise MalformedBody(f"The body cannot be unpacked: {error}.") from error
            packed = self._stream.unconsumed_tail or self._stream.unused_data
        if is_last and not self._stream.eof:
            raise MalformedBody("The body ends before what was compressed.")
