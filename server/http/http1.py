"""uvicorn's HTTP/1.1 protocol, mended where a client could hurt others or itself."""

import asyncio
import re
from collections.abc import Sized
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import (
    HttpToolsProtocol,
    RequestResponseCycle,
)

OFFER = re.compile(rb"\r\nUpgrade:[ \t]*h2c[ \t]*(?=\r\n)", re.IGNORECASE)
"""Java's client and `curl --http2` offer HTTP/2 so. Whoever does not take the offer
ignores it (RFC 9110, section 7.8); the parser would stop and lose the body."""


class Http1Protocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *arguments: Any, **named_arguments: Any) -> None:
        super().__init__(*arguments, **named_arguments)
        self.is_parsing = False  # within a request
        self._answered: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = _Flow(transport, self.pipeline)

    def connection_lost(self, exc: Exception | None) -> None:
        # uvicorn tells the newest request only; those before it would go on writing
        if self._answered is not None:
            self._answered.disconnected = True
            self._answered.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self.is_parsing:
            head, blank, rest = data.partition(b"\r\n\r\n")
            if blank and OFFER.search(head + b"\r\n"):
                data = OFFER.sub(b"", head + b"\r\n")[:-2] + blank + rest
        super().data_received(data)

    def on_message_begin(self) -> None:
        self.is_parsing = True
        super().on_message_begin()

    def on_message_complete(self) -> None:
        self.is_parsing = False
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app)


class _Flow(FlowControl):
    """Reads no more while requests wait.

    A client that sends them without end would take 100 MB of memory a second.
    """

    def __init__(self, transport: asyncio.Transport, pipeline: Sized) -> None:
        super().__init__(transport)
        self._pipeline = pipeline

    def resume_reading(self) -> None:
        if not self._pipeline:
            super().resume_reading()
