"""All connections of the process: what they share, and what they may hold together.

A client that sends or reads nothing holds a place, and often memory. Each wait for a
client has its deadline; where the places or the bytes run out before, the client that
has kept the server waiting longest makes room: one that was never answered first.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from server.http.asgi import Application
from server.settings import Settings

if TYPE_CHECKING:
    from server.http.connection import Connection

NEVER = math.inf
"""The deadline of a connection that waits for the server."""

LINGER_SECONDS = 2
"""How long a client that was told to go may take to close its side."""


class Connections:
    """The connections of one process.

    Parameters
    ----------
    application
        Answers their requests.
    settings
        Their deadlines and budgets.

    Attributes
    ----------
    seconds
        By what is awaited from a client: how long.
    said_always
        Lines of the head of every answer, such as Date, each with its CR LF.
    is_stopping
        Whether clients are told to go.
    """

    def __init__(self, application: Application, settings: Settings) -> None:
        self.application = application
        self.settings = settings
        self.seconds = {
            "head": settings.head_seconds,
            "body": settings.body_seconds,
            "request": settings.keep_alive_seconds,
            "reading": settings.write_seconds,
            "end": LINGER_SECONDS,
        }
        self.said_always = b""
        self.is_stopping = False
        self._all: set[Connection] = set()
        self._n_of_address: Counter[str] = Counter()
        self._n_held_bytes = 0
        self._n_unsent_bytes = 0

    def __len__(self) -> int:
        return len(self._all)

    def add(self, connection: "Connection") -> bool:
        """Take a connection in, and return whether there was a place for it."""
        self._all.add(connection)
        address = connection.address
        self._n_of_address[address] += 1
        if self._n_of_address[address] > self.settings.max_connections_per_address:
            return self._make_room(
                other
                for other in self._all
                if other.address == address and other is not connection
            )
        if len(self._all) > self.settings.max_connections:
            return self._make_room(self._all - {connection})
        return True

    def discard(self, connection: "Connection") -> None:
        """Forget a connection; one that was forgotten already makes no difference."""
        if connection not in self._all:
            return
        self._all.remove(connection)
        self._n_of_address[connection.address] -= 1
        if not self._n_of_address[connection.address]:
            del self._n_of_address[connection.address]
        self.hold(connection, 0)
        self.leave_unsent(connection, 0)

    def hold(self, connection: "Connection", n_bytes: int) -> bool:
        """Note how many bytes of requests a connection holds; tell whether it may."""
        self._n_held_bytes += n_bytes - connection.n_held_bytes
        connection.n_held_bytes = n_bytes
        while n_bytes and self._n_held_bytes > self.settings.max_held_bytes:
            if not self._make_room(it for it in self._all if it.n_held_bytes):
                return False
        return True

    def leave_unsent(self, connection: "Connection", n_bytes: int) -> None:
        """Note how many bytes of answers the client of a connection has not read.

        One answer may be larger than all of them together should be.
        """
        self._n_unsent_bytes += n_bytes - connection.n_unsent_bytes
        connection.n_unsent_bytes = n_bytes
        while n_bytes and self._n_unsent_bytes > self.settings.max_unsent_bytes:
            others = (it for it in self._all if it.n_unsent_bytes)
            if not self._make_room(it for it in others if it is not connection):
                return

    def sweep(self) -> None:
        """End the waits whose deadline has passed."""
        now = asyncio.get_running_loop().time()
        for connection in [it for it in self._all if it.deadline < now]:
            connection.expire()

    def close_idle(self, idle_seconds: float = 0) -> None:
        """Close those whose clients have waited for nothing for so long."""
        for connection in [*self._all]:
            connection.stop(idle_seconds)

    def abort(self) -> None:
        """End all, whatever they wait for."""
        for connection in [*self._all]:
            connection.abort()

    def _make_room(self, candidates: Iterable["Connection"]) -> bool:
        """Close the one that waits longest for its client; tell if there is one."""
        waiting = [it for it in candidates if it.deadline < NEVER]
        if not waiting:
            return False
        min(waiting, key=lambda it: (it.is_served, it.since)).abort()
        return True
