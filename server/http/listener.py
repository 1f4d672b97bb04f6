"""The sockets that new connections come from: who waits there, and who is let in."""

import asyncio
import select
import socket
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

BACKLOG = 256
"""Connections that may wait to be accepted. Where a core answers 1,000 a second that is
a quarter of one; the kernel lets the others wait, which costs the server nothing."""

MANY_WAITING = BACKLOG * 3 // 4
FEW_WAITING = BACKLOG // 4
"""Between them, whoever is at the door comes in, and nobody else."""

LOOK_SECONDS = 0.01
N_CALM_LOOKS = 100

SO_BINDTOIFINDEX = 62
"""Of Linux; Python's socket module has no name for it."""

NO_INTERFACE = 2**31 - 1
"""The number of no network interface."""

N_WAITING_OFFSET = 24
"""In `struct tcp_info`, of `tcpi_unacked`, which is the length of a listener's queue."""


def listen(address: tuple[Any, ...], family: int, unread_seconds: int) -> socket.socket:
    """Return what listens on an address; on every one of IPv6, on those of IPv4 too.

    Parameters
    ----------
    unread_seconds
        How long the system keeps what a client does not read, which it does beyond the
        end of a connection.
    """
    is_every = address[0] == "::" and socket.has_dualstack_ipv6()
    listener = socket.create_server(
        address, family=family, backlog=BACKLOG, dualstack_ipv6=is_every
    )
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # connections inherit it
        unread_ms = unread_seconds * 1000
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, unread_ms)
    return listener


class Door:
    """The way in, which is shut for a moment where too many wait to be accepted.

    Left to itself, the kernel shuts it too late: where several handshakes overlap it
    tells clients that they are connected and has no place for them. They send, again and
    again, and after they have given up their systems go on for them; seconds after an
    overload most of those that come in have left already. A client whose first packet
    is dropped tries again after a second, and leaves nothing behind.

    Parameters
    ----------
    listeners
        Sockets that listen.
    """

    def __init__(self, listeners: Sequence[socket.socket]) -> None:
        self._listeners = listeners
        self._watching: asyncio.Task[None] | None = None

    def look(self) -> None:
        """Begin to watch, if many wait."""
        if self._watching is not None and not self._watching.done():
            return
        if any(_n_waiting(each) >= MANY_WAITING for each in self._listeners):
            self._watching = asyncio.create_task(self._watch())

    def leave(self) -> None:
        """Watch no more, and leave the door as it is."""
        if self._watching is not None:
            self._watching.cancel()

    async def _watch(self) -> None:
        """Shut and open until nobody had to wait outside for a second."""
        n_calm_looks = 0
        while n_calm_looks < N_CALM_LOOKS:
            n_calm_looks += 1
            for listener in self._listeners:
                n_waiting = _n_waiting(listener)
                if n_waiting >= MANY_WAITING:
                    listener.listen(0)  # no place until all of them were accepted
                    n_calm_looks = 0
                elif n_waiting <= FEW_WAITING:
                    listener.listen(BACKLOG)
            await asyncio.sleep(LOOK_SECONDS)


def let_nobody_in(listener: socket.socket) -> bool:
    """Begin no connection any more, and return whether the system can do so.

    To close the listener instead is to reset what the kernel has connected and nobody
    has accepted yet, and what it is about to connect: their clients have asked already.
    After this they can be accepted, and then it can be closed. The listener hears only
    an interface that does not exist; a handshake that has begun ends as it would have.
    """
    if sys.platform != "linux":
        return False
    with suppress(OSError):  # a kernel before 5.7, or a sandbox such as gVisor
        listener.setsockopt(socket.SOL_SOCKET, SO_BINDTOIFINDEX, NO_INTERFACE)
        return True
    return False


def somebody_waits(listener: socket.socket) -> bool:
    """Whether there is a connection to accept."""
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    return bool(poll.poll(0))


def _n_waiting(listener: socket.socket) -> int:
    """Return how many connections wait to be accepted, where the system tells."""
    if sys.platform != "linux" or listener.family == socket.AF_UNIX:
        return 0
    n_bytes = N_WAITING_OFFSET + 4
    try:
        known = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, n_bytes)
    except OSError:  # a sandbox
        return 0
    if len(known) < n_bytes:  # an emulator of another processor: a number is all it has
        return 0
    (n_waiting,) = struct.unpack_from("I", known, N_WAITING_OFFSET)
    return int(n_waiting)
