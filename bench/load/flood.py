"""An open loop of many clients, each of which waits a while and then gives up.

The load generator of `generator.py` has so many connections and no more. Here whoever is
due and finds none that is idle makes one, as the clients of an overloaded server do.
"""

import select
import socket
import time
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle

from bench.load.address import Address

PATIENCE_S = 5.0
N_SOURCES = 16
"""Addresses that the clients come from, 127.0.0.2 and on: ports are few for one."""

MAX_OPEN = 16_000
RECEIVE_BYTES = 1 << 20


@dataclass(frozen=True)
class Flood:
    """What is sent.

    Parameters
    ----------
    rate
        Requests a second; None for a closed loop of `n_clients`.
    """

    address: Address
    requests: Sequence[bytes]
    keeps_alive: bool
    seconds: float
    rate: float | None = None
    n_clients: int = 64


@dataclass
class Outcome:
    """What came back.

    Parameters
    ----------
    kinds
        By status, or by what came instead of an answer.
    answered_s
        When each 200 came, since the begin.
    lateness_s
        How late the latest request was made, by the fault of the client.
    """

    kinds: Counter[str] = field(default_factory=Counter)
    answered_s: list[float] = field(default_factory=list)
    lateness_s: float = 0.0

    def rate(self, begin_s: float, end_s: float) -> float:
        """Return the answers of 200 a second between two moments."""
        n_answers = sum(begin_s <= at_s < end_s for at_s in self.answered_s)
        return n_answers / (end_s - begin_s)


def flood(load: Flood) -> Outcome:
    """Send the load to its end, at which all clients leave."""
    run = _Run(load)
    try:
        run.loop()
    finally:
        run.close()
    return run.outcome


class _Client:
    __slots__ = ("due_s", "is_sent", "missing", "received", "sock", "unsent")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.due_s = 0.0
        self.is_sent = False
        self.unsent: memoryview | None = None
        self.received = b""
        self.missing = -1


class _Run:
    def __init__(self, load: Flood) -> None:
        self.load = load
        self.outcome = Outcome()
        self._requests = cycle([memoryview(each) for each in load.requests])
        self._sources = cycle(f"127.0.0.{2 + n}" for n in range(N_SOURCES))
        self._epoll = select.epoll()
        self._clients: dict[int, _Client] = {}
        self._idle: list[_Client] = []
        self._waiting: deque[tuple[float, _Client]] = deque()
        self._n_begun = 0
        self._n_under_way = 0

    def loop(self) -> None:
        self._start_s = time.perf_counter()
        end_s = self._start_s + self.load.seconds
        now_s = self._start_s
        while now_s < end_s:
            self._begin_due(now_s)
            for descriptor, _ in self._epoll.poll(0.001):
                client = self._clients.get(descriptor)
                if client is not None:
                    self._advance(client)
            now_s = time.perf_counter()
            self._give_up(now_s)

    def close(self) -> None:
        for client in [*self._clients.values()]:
            client.sock.close()
        self._epoll.close()

    def _begin_due(self, now_s: float) -> None:
        load = self.load
        if load.rate is None:
            while self._n_under_way < load.n_clients:
                self._begin(now_s)
            return
        n_due = int((now_s - self._start_s) * load.rate)
        if n_due > self._n_begun:
            due_s = self._start_s + self._n_begun / load.rate
            self.outcome.lateness_s = max(self.outcome.lateness_s, now_s - due_s)
        while self._n_begun < n_due:
            self._begin(self._start_s + self._n_begun / load.rate)

    def _begin(self, due_s: float) -> None:
        self._n_begun += 1
        client = self._idle.pop() if self._idle else self._connect()
        if client is None:
            self.outcome.kinds["never sent"] += 1
            return
        self._n_under_way += 1
        client.due_s = due_s
        client.is_sent = False
        client.unsent = next(self._requests)
        client.received = b""
        client.missing = -1
        self._waiting.append((due_s, client))
        self._epoll.modify(client.sock, select.EPOLLOUT)

    def _connect(self) -> _Client | None:
        if len(self._clients) >= MAX_OPEN:
            return None
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        address = self.load.address
        sock.bind((next(self._sources), 0))
        with suppress(BlockingIOError):
            sock.connect((address.host, address.port))
        client = _Client(sock)
        self._clients[sock.fileno()] = client
        self._epoll.register(sock, select.EPOLLOUT)
        return client

    def _advance(self, client: _Client) -> None:
        try:
            if client.unsent is not None:
                self._send(client)
            else:
                self._receive(client)
        except BlockingIOError:
            return
        except OSError:
            self._lose(client)

    def _send(self, client: _Client) -> None:
        assert client.unsent is not None  # noqa: S101
        n_sent = client.sock.send(client.unsent)
        client.is_sent = True
        rest = client.unsent[n_sent:]
        client.unsent = rest if len(rest) else None
        if client.unsent is None:
            self._epoll.modify(client.sock, select.EPOLLIN)

    def _receive(self, client: _Client) -> None:
        received = client.sock.recv(RECEIVE_BYTES)
        if not received:
            self._lose(client)
        elif client.missing < 0:
            self._receive_head(client, received)
        else:
            client.missing -= len(received)
            if client.missing == 0:
                self._answered(client)

    def _receive_head(self, client: _Client, received: bytes) -> None:
        client.received += received
        head, blank, body = client.received.partition(b"\r\n\r\n")
        if not blank:
            return
        client.received = head
        _, _, length = head.lower().partition(b"content-length: ")
        client.missing = int(length.split(b"\r\n", 1)[0]) - len(body)
        if client.missing == 0:
            self._answered(client)

    def _answered(self, client: _Client) -> None:
        status = client.received[9:12].decode("ascii")
        self.outcome.kinds[status] += 1
        if status == "200":
            at_s = time.perf_counter() - self._start_s
            self.outcome.answered_s.append(at_s)
        self._n_under_way -= 1
        client.due_s = 0.0
        if self.load.keeps_alive and b"\r\nconnection: close" not in client.received:
            self._idle.append(client)
        else:
            self._drop(client)

    def _lose(self, client: _Client) -> None:
        """Count a connection that ended without an answer; an idle one may end."""
        if client.due_s:
            self._n_under_way -= 1
            kind = "closed without an answer" if client.is_sent else "refused"
            self.outcome.kinds[kind] += 1
        else:
            self._idle.remove(client)
        self._drop(client)

    def _give_up(self, now_s: float) -> None:
        waiting = self._waiting
        while waiting and waiting[0][0] < now_s - PATIENCE_S:
            due_s, client = waiting.popleft()
            if client.due_s == due_s:
                self.outcome.kinds["timed out"] += 1
                self._n_under_way -= 1
                self._drop(client)

    def _drop(self, client: _Client) -> None:
        client.due_s = 0.0
        del self._clients[client.sock.fileno()]
        client.sock.close()
