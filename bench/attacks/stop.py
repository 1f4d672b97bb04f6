"""Stops under load: nothing that was accepted is lost, nothing is said, the code is 0."""

import argparse
import asyncio
import signal
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import uvloop

from bench.attacks.victim import Attacked, Victim, large_requests, small_requests
from bench.figures.rounds import show
from bench.load.address import Address
from bench.load.caller import Caller, Lost, Refused
from bench.load.requests import Signature

N_CYCLES = 1000
LOAD_S = 0.2
N_KEPT, N_NEW, N_LARGE = 8, 4, 2
N_SECOND_SIGNALS = 10
PROBE_S = 0.05

READYZ = b"GET /readyz HTTP/1.1\r\nHost: bench\r\n\r\n"


def measure(victim: Victim, options: argparse.Namespace) -> dict[str, Any]:
    """Stop it so often; `--ready-seconds` is 0 and 1 by turns."""
    n_cycles = options.number or N_CYCLES
    counts: Counter[str] = Counter()
    stop_s = []
    for number in range(n_cycles):
        if number % 50 == 0:
            show(f"stop {number} of {n_cycles}: {dict(counts)}")
        ready_seconds = number % 2
        counts_of_one, seconds = _stop_once(victim, ready_seconds)
        counts += counts_of_one
        stop_s.append(seconds - ready_seconds)
    n_second = min(N_SECOND_SIGNALS, n_cycles)
    second_s = [_end_by_second_signal(victim) for _ in range(n_second)]
    return {
        "n_stops": n_cycles,
        "n_lost": sum(n for what, n in counts.items() if what.startswith("lost")),
        "n_faults": sum(n for what, n in counts.items() if what.startswith("fault")),
        "counts": dict(sorted(counts.items())),
        "longest_stop_s_besides_ready_seconds": round(max(stop_s), 2),
        "longest_end_by_second_signal_s": round(max(second_s), 2),
    }


def tabulate(figures: Mapping[str, Any]) -> str:
    counts = [f"  {n:>9,}  {what}" for what, n in figures["counts"].items()]
    return "\n".join(
        [
            f"{figures['n_stops']:,} stops, {figures['n_lost']} requests lost, "
            f"{figures['n_faults']} faults",
            *counts,
            f"longest stop, --ready-seconds not counted: "
            f"{figures['longest_stop_s_besides_ready_seconds']} s",
            "longest end after a second signal: "
            f"{figures['longest_end_by_second_signal_s']} s",
        ]
    )


def _stop_once(victim: Victim, ready_seconds: int) -> tuple[Counter[str], float]:
    settings = ("--ready-seconds", str(ready_seconds))
    program, address, signature = victim.start(*settings)
    with program:
        counts, seconds = uvloop.run(_stop_under_load(program, address, signature))
        if code := program.wait():
            counts[f"fault: exit code {code}"] += 1
        _, *more = program.read_log().splitlines()
        if more:
            counts[f"fault: it wrote {more[-1]}"] += 1
    if ready_seconds and not counts["readyz 503"]:
        counts["fault: /readyz never said 503"] += 1
    return counts, seconds


async def _stop_under_load(
    program: Attacked, address: Address, signature: Signature
) -> tuple[Counter[str], float]:
    counts: Counter[str] = Counter()
    small = small_requests(address, signature)
    large = large_requests(address, signature)
    clients = [
        *(_ask_until_refused(Caller(address), small, counts) for _ in range(N_KEPT)),
        *(_ask_until_refused(_brief(address), small, counts) for _ in range(N_NEW)),
        *(_ask_until_refused(Caller(address), large, counts) for _ in range(N_LARGE)),
    ]
    load = asyncio.gather(*clients)
    await asyncio.sleep(LOAD_S)
    program.signal()
    ending = asyncio.create_task(_time_end(program))
    await asyncio.gather(load, _probe(address, counts))
    return counts, await ending


async def _time_end(program: Attacked) -> float:
    start_s = time.perf_counter()
    while program.is_alive:
        await asyncio.sleep(0.01)
    return time.perf_counter() - start_s


def _brief(address: Address) -> Caller:
    return Caller(address, keeps_alive=False)


async def _ask_until_refused(
    caller: Caller, requests: Sequence[bytes], counts: Counter[str]
) -> None:
    for request in cycle(requests):
        try:
            answer = await caller.ask(request)
        except Refused:
            return
        except Lost as error:
            counts[f"lost: {error}"] += 1
        else:
            told = ", and told to go" if answer.is_last else ""
            counts[f"answered {answer.status}{told}"] += 1


async def _probe(address: Address, counts: Counter[str]) -> None:
    """Ask for readiness, as a balancer does, until nobody listens any more."""
    while True:
        try:
            answer = await _brief(address).ask(READYZ)
        except Refused:
            return
        except Lost as error:
            counts[f"lost: readyz, {error}"] += 1
        else:
            counts[f"readyz {answer.status}"] += 1
        await asyncio.sleep(PROBE_S)


def _end_by_second_signal(victim: Victim) -> float:
    """Return how long the server lives after it."""
    program, _, _ = victim.start("--ready-seconds", "30")
    with program:
        program.signal()
        time.sleep(0.2)
        start_s = time.perf_counter()
        program.signal(signal.SIGINT)
        program.wait()
        return time.perf_counter() - start_s
