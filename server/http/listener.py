"""The socket that new connections come from: who waits there, and who at a stop."""

import ctypes
import select
import socket
import struct
import sys
from contextlib import suppress
from typing import Any

BACKLOG = 256
"""Connections that may wait to be accepted. Where a core answers 1,000 a second that is
a quarter of one; the kernel lets the others wait, which costs the server nothing."""

SO_ATTACH_FILTER = 26
"""Of Linux; Python's socket module has no name for it."""

DROP_SYN = (
    (0x30, 0, 0, 13),  # load the byte of the flags
    (0x54, 0, 0, 0x12),  # and of them SYN and ACK
    (0x15, 0, 1, 0x02),  # if it is SYN alone:
    (0x06, 0, 0, 0),  # drop the packet;
    (0x06, 0, 0, 0xFFFFFFFF),  # else keep it whole
)
"""A program for the kernel's packet filter, which sees each from its TCP header on."""


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


def let_nobody_in(listener: socket.socket) -> bool:
    """Begin no connection any more, and return whether the system can do so.

    To close the listener instead is to reset what the kernel has connected and nobody
    has accepted yet, and what it is about to connect: their clients have asked already.
    After this they can be accepted, and then it can be closed.
    """
    if sys.platform != "linux":
        return False
    words = ctypes.create_string_buffer(
        b"".join(struct.pack("HBBI", *each) for each in DROP_SYN)
    )
    program = struct.pack("HP", len(DROP_SYN), ctypes.addressof(words))
    with suppress(OSError):  # a sandbox such as gVisor has no filters
        listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
        return True
    return False


def somebody_waits(listener: socket.socket) -> bool:
    """Whether there is a connection to accept."""
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    return bool(poll.poll(0))
