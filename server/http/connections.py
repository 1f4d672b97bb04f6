"""All connections of the process: what they share, and what they may hold together.

A client that sends or reads nothing holds a place, and often memory. Each wait for a
client has its deadline; where the places or the bytes run out before, the client that
has kept the server waiting longest makes room: one that was never answered first.
"""

import asyncio
import math
from collections import Counter, deque
from collections.abc import Iterable
from operator import attrgetter
from typing import TYPE_CHECKING

from server.http.asgi import Application
from server.settings import Settings

if TYPE_CHECKING:
    from server.http.connection import Connection

NEVER = math.inf
"""The deadline of a connection that waits for the server."""

ALWAYS_HELD_BYTES = 16_384
"""Of requests, what each connection may hold whatever the others do."""

SLOW_SECONDS = 1.0
"""Whoever takes longer for a body makes room for others. Sooner, those that came first
would lose what they have sent to those that come later, and nobody would be answered."""

N_FOUND_AT_ONCE = 100
"""Of those that may have to leave."""

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
    n_refused
        Requests that the application has not seen, by the slug of the problem.
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
        self.n_refused: Counter[str] = Counter()
        self._all: set[Connection] = set()
        self._n_of_address: Counter[str] = Counter()
        self._longest_waiting: dict[str, deque[tuple[Connection, float]]] = {}
        self._n_held_bytes = 0
        self._n_unsent_bytes = 0

    def __len__(self) -> int:
        return len(self._all)

    @property
    def n_held_bytes(self) -> int:
        return self._n_held_bytes

    @property
    def n_unsent_bytes(self) -> int:
        return self._n_unsent_bytes

    def add(self, connection: "Connection") -> bool:
        """Take a connection in, and return whether there was a place for it."""
        self._all.add(connection)
        address = connection.address
        self._n_of_address[address] += 1
        if self._n_of_address[address] > self.settings.max_connections_per_address:
            return self._make_place(connection, address)
        if len(self._all) > self.settings.max_connections:
            return self._make_place(connection)
        return True

    def discard(self, connection: "Connection") -> None:
        """Forget a connection; one that was forgotten already makes no difference."""
        if connection not in self._all:
            return
        self._all.remove(connection)
        self._n_of_address[connection.address] -= 1
        if not self._n_of_address[connection.address]:
            del self._n_of_address[connection.address]
            self._longest_waiting.pop(connection.address, None)
        self.hold(connection, 0)
        self.leave_unsent(connection, 0)

    def hold(self, connection: "Connection", n_bytes: int) -> bool:
        """Note how many bytes of requests a connection holds; tell whether it may."""
        self._n_held_bytes += n_bytes - connection.n_held_bytes
        connection.n_held_bytes = n_bytes
        if n_bytes <= ALWAYS_HELD_BYTES:
            return True
        while self._n_held_bytes > self.settings.max_held_bytes:
            slow_since = asyncio.get_running_loop().time() - SLOW_SECONDS
            slow = (it for it in self._all if it.since < slow_since)
            if not self._make_room(it for it in slow if it.n_held_bytes):
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

    def _make_place(self, newcomer: "Connection", address: str = "") -> bool:
        """Close the one that waits longest for its client; tell if there is one.

        Parameters
        ----------
        address
            Of those that count; "" for all.
        """
        for _ in range(2):
            waiting = self._longest_waiting.setdefault(address, deque())
            while waiting:
                connection, since = waiting.popleft()
                is_here = connection in self._all and connection is not newcomer
                if (
                    is_here
                    and connection.since == since
                    and connection.deadline < NEVER
                ):
                    connection.abort()
                    return True
            waiting.extend(self._find_longest_waiting(address))
        return False

    def _find_longest_waiting(self, address: str) -> list[tuple["Connection", float]]:
        """Return some that wait for their client, and since when, the longest first.

        Some, because to look at a thousand for each newcomer takes longer than to
        answer it; and only such as were never answered, if there are any.
        """
        waiting = _longest_waiting(
            it for it in self._all if not address or it.address == address
        )
        return [
            (it, it.since)
            for it in waiting[:N_FOUND_AT_ONCE]
            if it.is_served == waiting[0].is_served
        ]

    def _make_room(self, candidates: Iterable["Connection"]) -> bool:
        """Close the one that waits longest for its client; tell if there is one."""
        waiting = _longest_waiting(candidates)
        if not waiting:
            return False
        waiting[0].abort()
        return True


def _longest_waiting(candidates: Iterable["Connection"]) -> list["Connection"]:
    """Return those that wait for their client, in the order in which they leave."""
    waiting = (it for it in candidates if it.deadline < NEVER)
    return sorted(waiting, key=attrgetter("is_served", "since"))
