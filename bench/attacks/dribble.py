"""Many clients that keep the server waiting, and the good ones beside them."""

import argparse
import asyncio
import errno
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import cycle
from typing import Any

import uvloop

from bench.attacks.victim import Victim, small_requests
from bench.errors import Refusal
from bench.figures.rounds import show
from bench.load.address import Address
from bench.load.probe import Look, looking
from bench.load.requests import Signature, encode, make_bodies
from bench.subjects.memory_limit import limited_memory

N_CLIENTS = 1000
SECONDS = 30.0
DEADLINE_S = 5
NOTICED_S = 1.5
"""Deadlines are looked at ten times a second; the rest is for a machine that is shared."""

N_SOURCES = 16
KEPT_INTERVAL_S = 0.005
NEW_INTERVAL_S = 0.01
N_UNREAD_ROWS = 200
SEGMENT_BYTES = 536
"""Within the machine segments are of 64 KiB, and the system keeps megabytes unsent."""

MEMORY_MIB = 128
FITTED = ("--max-held-bytes", "4194304", "--max-unsent-bytes", "1048576")
"""What the server finds for itself in a container of 128 MiB, where it sees the limit."""

DEADLINES = tuple(
    word
    for name in ("head", "body", "write", "keep-alive")
    for word in (f"--{name}-seconds", str(DEADLINE_S))
)


@dataclass
class Outcome:
    """Of the clients that dribble: how each connection ended, and after how long."""

    ends: Counter[str] = field(default_factory=Counter)
    lasted_s: list[float] = field(default_factory=list)


Dribble = Callable[[socket.socket], Awaitable[None]]


def measure(victim: Victim, options: argparse.Namespace) -> dict[str, Any]:
    """Dribble at a server without a limit of memory, and at one with 128 MiB."""
    n_clients = options.number or N_CLIENTS
    seconds = options.seconds or SECONDS
    figures = {"unlimited": _measure(victim, n_clients, seconds)}
    try:
        with limited_memory(MEMORY_MIB) as before:
            small = replace(victim, before=before)
            figures[f"{MEMORY_MIB} MiB"] = _measure(small, n_clients, seconds, *FITTED)
    except Refusal as refusal:
        show(f"not measured: {refusal}")
    return {
        "n_clients": n_clients,
        "seconds": seconds,
        "deadline_s": DEADLINE_S,
        "runs": figures,
    }


def tabulate(figures: Mapping[str, Any]) -> str:
    lines = [
        f"{'':<11}{'good':>8}{'failed':>8}{'p99 ms: alone':>15}{'beside':>9}{'times':>7}"
        f"{'new: alone':>12}{'beside':>9}{'times':>7}{'longest s':>11}{'RSS +MiB':>10}"
    ]
    for name, run in figures["runs"].items():
        kept, new = run["good"]["kept"], run["good"]["new"]
        n_failed = sum((kept["failures"] | new["failures"]).values())
        lines.append(
            f"{name:<11}{kept['n_requests'] + new['n_requests']:>8,}{n_failed:>8}"
            f"{kept['p99_ms_alone']:>15.2f}{kept['p99_ms']:>9.2f}{kept['times']:>7.2f}"
            f"{new['p99_ms_alone']:>12.2f}{new['p99_ms']:>9.2f}{new['times']:>7.2f}"
            f"{run['longest_s']:>11.2f}{run['added_rss_mib']:>10.1f}"
        )
        ends = ", ".join(f"{n} {how}" for how, n in run["ends"].items())
        lines.append(f"  connections that dribbled: {ends}; {run['n_late']} were late")
    return "\n".join(lines)


def _measure(
    victim: Victim, n_clients: int, seconds: float, *settings: str
) -> dict[str, Any]:
    program, address, signature = victim.start(*DEADLINES, *settings)
    with program:
        base_mib = program.rss_mib()
        show("the good clients alone")
        with _good_clients(address, signature) as alone:
            time.sleep(max(2.0, seconds / 3))
        program.forget_peak()
        show(f"beside {n_clients} that dribble")
        with _good_clients(address, signature) as beside:
            outcome = uvloop.run(_dribble(address, signature, n_clients, seconds))
        program.check_alive()
        late_s = DEADLINE_S + NOTICED_S
        return {
            "good": {
                name: _compare(alone[name], beside[name]) for name in ("kept", "new")
            },
            "ends": dict(outcome.ends),
            "longest_s": round(max(outcome.lasted_s), 2),
            "n_late": sum(lasted > late_s for lasted in outcome.lasted_s),
            "added_rss_mib": round(program.peak_rss_mib() - base_mib, 1),
            "peak_rss_mib": round(program.peak_rss_mib(), 1),
        }


@contextmanager
def _good_clients(
    address: Address, signature: Signature
) -> Iterator[dict[str, list[Look]]]:
    """Predict on kept connections, and on a new one each time, until the block ends."""
    request, *_ = small_requests(address, signature)
    with ExitStack() as stack:
        intervals = {"kept": KEPT_INTERVAL_S, "new": NEW_INTERVAL_S}
        yield {
            name: stack.enter_context(
                looking(
                    address, interval_s, keeps_alive=name == "kept", request=request
                )
            )
            for name, interval_s in intervals.items()
        }


def _compare(alone: list[Look], beside: list[Look]) -> dict[str, Any]:
    failures = Counter(look.failure for look in (*alone, *beside) if look.failure)
    usual, loaded = _p99_ms(alone), _p99_ms(beside)
    return {
        "n_requests": len(beside),
        "failures": dict(failures),
        "p99_ms_alone": round(usual, 2),
        "p99_ms": round(loaded, 2),
        "times": round(loaded / usual, 2),
    }


def _p99_ms(looks: list[Look]) -> float:
    took_s = sorted(look.took_s for look in looks)
    return took_s[int(len(took_s) * 0.99)] * 1000


async def _dribble(
    address: Address, signature: Signature, n_clients: int, seconds: float
) -> Outcome:
    """Keep so many connections open in the four ways; return how they ended."""
    outcome = Outcome()
    end_s = time.perf_counter() + seconds
    unread = _unread(address, signature)
    ways = cycle([_dribble_head, _dribble_body, _say_nothing, unread])
    sources = cycle(f"127.0.0.{2 + number}" for number in range(N_SOURCES))
    clients = [
        _dribble_again(
            address,
            next(sources),
            next(ways),
            DEADLINE_S * number / n_clients,
            end_s,
            outcome,
        )
        for number in range(n_clients)
    ]
    await asyncio.gather(*clients)
    return outcome


async def _dribble_again(
    address: Address,
    source: str,
    way: Dribble,
    delay_s: float,
    end_s: float,
    outcome: Outcome,
) -> None:
    """Come again when a connection was ended, and not oftener than deadlines are."""
    await asyncio.sleep(delay_s)
    while time.perf_counter() < end_s:
        start_s = time.perf_counter()
        outcome.ends[await _dribble_once(address, source, way)] += 1
        lasted_s = time.perf_counter() - start_s
        outcome.lasted_s.append(lasted_s)
        await asyncio.sleep(max(0.0, DEADLINE_S - lasted_s))


async def _dribble_once(address: Address, source: str, way: Dribble) -> str:
    """Return how the server ended the connection."""
    loop = asyncio.get_running_loop()
    with socket.socket() as sock:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT_BYTES)
        sock.bind((source, 0))
        try:
            await asyncio.wait_for(
                loop.sock_connect(sock, (address.host, address.port)), 3 * DEADLINE_S
            )
            await asyncio.wait_for(way(sock), 3 * DEADLINE_S)
        except TimeoutError:
            return "not at all"
        except OSError as error:
            return errno.errorcode.get(error.errno or 0, "another error")
    return "closed"


async def _dribble_head(sock: socket.socket) -> None:
    await _send_slowly(sock, b"POST /predict HTTP/1.1\r\nHost: x\r\na: ")


async def _dribble_body(sock: socket.socket) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n["
    await _send_slowly(sock, head)


async def _say_nothing(sock: socket.socket) -> None:
    await asyncio.get_running_loop().sock_recv(sock, 1000)


def _unread(address: Address, signature: Signature) -> Dribble:
    """Return what asks and does not read, as long as the connection is whole."""
    bodies = make_bodies(signature, N_UNREAD_ROWS, as_columns=True)
    (request,) = encode(address, "/predict?include=contributions", bodies)

    async def ask(sock: socket.socket) -> None:
        await asyncio.get_running_loop().sock_sendall(sock, request)
        while True:
            await asyncio.sleep(0.2)
            sock.send(b"x")  # or a reset would not be noticed

    return ask


async def _send_slowly(sock: socket.socket, begin: bytes) -> None:
    """Send a byte three times a second until the server says something."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, begin)
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(loop.sock_recv(sock, 1000), 0.3)
            return
        await loop.sock_sendall(sock, b"1")
