"""uvicorn's server: the loop, its ticks and its signals, with our own stop."""

import asyncio
import logging
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from socket import socket
from types import FrameType

from uvicorn.config import Config
from uvicorn.server import Server as UvicornServer

from server.http.connection import Connection
from server.http.connections import Connections
from server.http.listener import BACKLOG, Door, let_nobody_in, somebody_waits

LOG = logging.getLogger("server")

TICKS_A_DATE = 10

IDLE_SECONDS = 0.5
"""At a stop, what is left to a client that may have sent what has not come yet."""

HANDSHAKE_SECONDS = 0.1
"""At a stop, what is left to a client whose connection is being made."""

POLL_SECONDS = 0.02


class Server(UvicornServer):
    """Serves until a signal comes, then until nothing is unanswered; a second ends it.

    Parameters
    ----------
    connections
        All of the process, empty.
    make_connection
        Returns a new one.
    on_tick
        Called ten times a second, until a stop.
    on_stop
        Called once, when the stop begins.

    Attributes
    ----------
    is_cut_short
        Whether the process ended before everything was answered.
    """

    def __init__(
        self,
        connections: Connections,
        make_connection: Callable[[], Connection],
        *,
        on_tick: Callable[[], None],
        on_stop: Callable[[], None],
    ) -> None:
        config = Config(
            connections.application,
            http=lambda **_: make_connection(),  # type: ignore[arg-type]
            backlog=BACKLOG,
            lifespan="off",
            ws="none",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
        )
        super().__init__(config)
        self.is_cut_short = False
        self._connections = connections
        self._settings = connections.settings
        self._on_tick = on_tick
        self._on_stop = on_stop

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `handle_signals`; nothing is to be restored."""
        yield

    def handle_signals(self) -> None:
        """Stop on SIGTERM and SIGINT, from now until the process ends."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.handle_exit)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        should_exit = await super().on_tick(counter)
        if counter % TICKS_A_DATE == 0:
            lines = [b"%b: %b\r\n" % one for one in self.server_state.default_headers]
            self._connections.said_always = b"".join(lines)
        # oftener than deadlines need: hundreds that are sent away at once come back so
        self._connections.sweep()
        if not should_exit:
            self._door.look()
            self._on_tick()
        return should_exit

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        self._door = Door(sockets or [])

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Answer what has come, and lose none of it.

        At first nothing changes but that readiness is denied and that each answer says
        that its connection ends. Balancers notice the first, clients the second. Then
        nobody new is let in, and idle connections are closed.
        """
        connections, settings = self._connections, self._settings
        self._on_stop()
        connections.is_stopping = True
        await self._wait(settings.ready_seconds)
        await self._close_listeners(sockets or [])
        connections.close_idle(IDLE_SECONDS)
        await self._wait(IDLE_SECONDS, self._is_done)
        connections.close_idle()
        await self._wait(settings.drain_seconds, self._is_done)
        if n_left := len(connections):
            self.is_cut_short = True
            LOG.warning("%d connections were ended without an answer.", n_left)
        connections.abort()
        await asyncio.sleep(0)

    async def _close_listeners(self, listeners: Sequence[socket]) -> None:
        """Let nobody new in, but everybody who is on the doorstep."""
        self._door.leave()
        if all(let_nobody_in(each) for each in listeners):
            await self._wait(HANDSHAKE_SECONDS)
            while any(map(somebody_waits, listeners)) and not self.force_exit:
                await asyncio.sleep(0)
        for server in self.servers:
            server.close()

    def _is_done(self) -> bool:
        return not len(self._connections)

    async def _wait(
        self, seconds: float, is_over: Callable[[], bool] = lambda: False
    ) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while loop.time() < deadline and not (is_over() or self.force_exit):
            await asyncio.sleep(POLL_SECONDS)
            self._connections.sweep()
