"""Millions of predictions: what the server keeps of them."""

import argparse
import re
import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from io import BufferedReader
from itertools import cycle, islice
from math import ceil
from typing import Any, NamedTuple, TypeAlias

from bench.attacks.victim import Victim
from bench.errors import Refusal
from bench.figures.rounds import show
from bench.load.address import Address
from bench.load.caller import CONTENT_LENGTH
from bench.load.requests import Signature, encode, make_bodies

N_PREDICTIONS = 5_000_000
N_WARM_UP = 100_000
N_STEPS = 10
TIMEOUT_S = 20.0
DATE = re.compile(rb"\r\ndate: [^\r]{29}", re.IGNORECASE)

Stream: TypeAlias = tuple[socket.socket, BufferedReader]


class Asked(NamedTuple):
    """A request, and the whole answer that it has to get each time, but for its date."""

    request: bytes
    answer: bytes


class Way(NamedTuple):
    """How predictions are asked for.

    Parameters
    ----------
    share
        Of all predictions.
    n_connections
        On which questions are under way at once.
    n_pipelined
        Questions that are sent on a connection before an answer is read.
    n_rows
        Of a question.
    """

    share: float
    n_connections: int
    n_pipelined: int
    n_rows: int


WAYS = {
    "one at a time": Way(0.1, 16, 1, 1),
    "pipelined": Way(0.2, 4, 16, 1),
    "lists of 1,000 rows": Way(0.7, 2, 1, 1000),
}


def measure(victim: Victim, options: argparse.Namespace) -> dict[str, Any]:
    """Compare private memory after a warm-up with that after each later tenth."""
    n_predictions = options.number or N_PREDICTIONS
    program, address, signature = victim.start()
    with program:
        asked = _learn(address, signature)
        warm_up = _ask_in_all_ways(address, asked, min(N_WARM_UP, n_predictions))
        private_kib = [program.private_kib()]
        counts: Counter[str] = Counter()
        start_s = time.perf_counter()
        for number in range(1, N_STEPS + 1):
            show(f"tenth {number}, {private_kib[-1]:,} KiB: {dict(counts)}")
            counts += _ask_in_all_ways(address, asked, n_predictions // N_STEPS)
            private_kib.append(program.private_kib())
        program.check_alive()
    return {
        "n_warm_up": warm_up.total(),
        "n_predictions": counts.total(),
        "counts": dict(counts),
        "seconds": round(time.perf_counter() - start_s),
        "private_kib": private_kib,
        "grown_kib": private_kib[-1] - private_kib[0],
    }


def tabulate(figures: Mapping[str, Any]) -> str:
    counts = [f"  {n:>9,}  {name}" for name, n in figures["counts"].items()]
    tenths = ", ".join(f"{kib:,}" for kib in figures["private_kib"])
    return "\n".join(
        [
            f"{figures['n_predictions']:,} predictions in {figures['seconds']} s: "
            f"{figures['grown_kib']:+,} KiB of private memory",
            *counts,
            f"after the warm-up of {figures['n_warm_up']:,}, and after each tenth, KiB: "
            f"{tenths}",
        ]
    )


def _learn(address: Address, signature: Signature) -> dict[str, list[Asked]]:
    """Return what to ask in each way; the first answers are the right ones.

    Raises
    ------
    Refusal
        If one of them is no answer of 200.
    """
    found = {}
    for name, way in WAYS.items():
        bodies = make_bodies(signature, way.n_rows)
        with _connections(address, 1) as [(sock, reader)]:
            found[name] = [
                _learn_one(sock, reader, request)
                for request in encode(address, "/predict", bodies)
            ]
    return found


def _learn_one(sock: socket.socket, reader: BufferedReader, request: bytes) -> Asked:
    sock.sendall(request)
    head = b"".join(iter(reader.readline, b"\r\n")) + b"\r\n"
    length = CONTENT_LENGTH.search(head)
    if not head.startswith(b"HTTP/1.1 200 ") or length is None:
        raise Refusal(f"a row of the server's own signature was answered {head!r}")
    return Asked(request, head + reader.read(int(length[1])))


def _ask_in_all_ways(
    address: Address, asked: Mapping[str, Sequence[Asked]], n_predictions: int
) -> Counter[str]:
    """Return how many predictions came in each way."""
    return Counter(
        {
            name: _ask(address, way, asked[name], ceil(n_predictions * way.share))
            for name, way in WAYS.items()
        }
    )


def _ask(address: Address, way: Way, asked: Sequence[Asked], n_predictions: int) -> int:
    """Ask on connections of its own until there are so many, or a few more.

    Raises
    ------
    Refusal
        If an answer is another than the first one to the same request.
    """
    turns = cycle(asked)
    n_round = way.n_connections * way.n_pipelined * way.n_rows
    n_rounds = ceil(n_predictions / n_round)
    with _connections(address, way.n_connections) as connections:
        for _ in range(n_rounds):
            awaited = []
            for sock, reader in connections:
                turn = list(islice(turns, way.n_pipelined))
                sock.sendall(b"".join(one.request for one in turn))
                awaited.append((reader, b"".join(one.answer for one in turn)))
            for reader, expected in awaited:
                found = reader.read(len(expected))
                if DATE.sub(b"", found) != DATE.sub(b"", expected):
                    raise Refusal(f"another answer than before came: {found!r}")
    return n_rounds * n_round


@contextmanager
def _connections(address: Address, n: int) -> Iterator[list[Stream]]:
    with ExitStack() as stack:
        streams = []
        for _ in range(n):
            sock = socket.create_connection((address.host, address.port), TIMEOUT_S)
            stack.enter_context(sock)
            streams.append((sock, stack.enter_context(sock.makefile("rb"))))
        yield streams
