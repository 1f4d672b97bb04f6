"""A client that asks one thing after the other, and knows what became of each."""

import asyncio
import re
from typing import NamedTuple

from bench.load.address import Address

CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
CLOSE = re.compile(rb"\r\nconnection: close\r\n", re.IGNORECASE)


class Answer(NamedTuple):
    status: int
    body: bytes
    is_last: bool
    """The server has said that it closes the connection."""


class Refused(Exception):
    """No connection could be made: nothing was asked."""


class Lost(Exception):
    """A request was sent, and the connection ended without its answer."""


class Caller:
    """One client; it connects when it has something to ask.

    Parameters
    ----------
    keeps_alive
        Whether its connection stays, as long as the server lets it.
    """

    def __init__(self, address: Address, *, keeps_alive: bool = True) -> None:
        self.address = address
        self.keeps_alive = keeps_alive
        self._stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> Answer:
        """Send a whole request, and return its answer.

        Raises
        ------
        Refused
        Lost
        """
        reader, writer = await self._connected()
        try:
            writer.write(request)
            answer = await _read(reader)
        except (OSError, asyncio.IncompleteReadError) as error:
            self.close()
            raise Lost(f"{type(error).__name__} {error}") from error
        if answer.is_last or not self.keeps_alive:
            self.close()
        return answer

    def close(self) -> None:
        if self._stream is not None:
            self._stream[1].close()
            self._stream = None

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._stream is not None and self._stream[0].at_eof():
            self.close()  # the server may close an idle connection: nothing was asked
        if self._stream is None:
            host, port = self.address.host, self.address.port
            try:
                self._stream = await asyncio.open_connection(host, port)
            except OSError as error:
                raise Refused(str(error)) from error
        return self._stream


async def _read(reader: asyncio.StreamReader) -> Answer:
    head = await reader.readuntil(b"\r\n\r\n")
    found = CONTENT_LENGTH.search(head)
    body = await reader.readexactly(int(found[1])) if found else b""
    return Answer(int(head[9:12]), body, CLOSE.search(head) is not None)
