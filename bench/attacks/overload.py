"""More requests than can be answered: those that can be still are, and soon again all."""

import argparse
import multiprocessing
import os
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from statistics import mean, median
from typing import Any

from bench.attacks.victim import Attacked, Victim, large_requests, small_requests
from bench.errors import Refusal
from bench.figures.rounds import show
from bench.load.flood import Flood, flood
from bench.load.probe import Look, looking
from bench.subjects.program import pinned

SECONDS = 5.0
N_ROUNDS = 3
TIMES = (2, 4)
MOST_S = 3.0
SETTLED_S = 1.0
"""What is not counted of each load: the buffers fill."""

AFTER_S = 4.0
PROBE_S = 0.01
WINDOW_S = 0.2
TURN_S = 0.005
STOLEN_S = 0.004
"""Of each turn of the server's core, beside small requests: Python can send four times
what a fifth of a core answers, and hold what waits for it open. It is taken as the host
of a small virtual machine takes it, ahead of whatever wants to run there."""

N_LARGE_CLIENTS = 16


def measure(victim: Victim, options: argparse.Namespace) -> dict[str, Any]:
    """Find the most that is answered, ask for a multiple of it, and again."""
    seconds = options.seconds or SECONDS
    n_rounds = options.number or N_ROUNDS
    figures = {}
    for size in ("small", "large"):
        for keeps_alive in (True, False):
            name = (
                f"{size}, {'keep-alive' if keeps_alive else 'a connection a request'}"
            )
            core = _stolen(victim.core) if size == "small" else nullcontext()
            with core:
                figures[name] = _overload(
                    victim, name, size, keeps_alive, seconds, n_rounds
                )
    return {
        "seconds": seconds,
        "n_rounds": n_rounds,
        "stolen_share_of_small": STOLEN_S / TURN_S,
        "loads": figures,
    }


def tabulate(figures: Mapping[str, Any]) -> str:
    lines = [
        f"{'':<32}{'times':>6}{'max/s':>8}{'answered':>10}{'503/s':>8}{'gave up/s':>10}"
        f"{'other/s':>9}{'RSS +MiB':>10}{'normal after s':>16}"
    ]
    for name, load in figures["loads"].items():
        for times, one in load["times"].items():
            others = (
                one["refused"] + one["closed without an answer"] + one["never sent"]
            )
            normal = "–".join(
                f"{bound(one['normal_after_s']):.1f}" for bound in (min, max)
            )
            lines.append(
                f"{name:<32}{times:>6}{load['max_per_second']:>8,.0f}"
                f"{one['share_of_max']:>10.0%}{one['503']:>8,.0f}{one['timed out']:>10,.0f}"
                f"{others:>9,.0f}{one['added_rss_mib']:>10.1f}{normal:>16}"
            )
    return "\n".join(lines)


def _overload(
    victim: Victim,
    name: str,
    size: str,
    keeps_alive: bool,
    seconds: float,
    n_rounds: int,
) -> dict[str, Any]:
    """Take turns at the most and at more, because the machine is not always as fast."""
    program, address, signature = victim.start()
    make = small_requests if size == "small" else large_requests
    requests = make(address, signature)
    n_clients = 64 if size == "small" else N_LARGE_CLIENTS
    load = Flood(address, requests, keeps_alive, MOST_S, n_clients=n_clients)
    most = []
    floods: dict[int, list[dict[str, Any]]] = {times: [] for times in TIMES}
    with program:
        flood(load)
        base_mib = program.rss_mib()
        for number in range(n_rounds):
            show(f"{name}: round {number + 1} of {n_rounds}")
            most.append(flood(load).rate(SETTLED_S, MOST_S))
            for times in TIMES:
                rate = times * max(most)
                one = Flood(address, requests, keeps_alive, seconds, rate=rate)
                floods[times].append(_flood(program, one, base_mib))
    return {
        "max_per_second": round(mean(most), 1),
        "rss_mib_at_max": round(base_mib, 1),
        "times": {times: _together(each, mean(most)) for times, each in floods.items()},
    }


def _flood(program: Attacked, load: Flood, base_mib: float) -> dict[str, Any]:
    """Return what a load came to, a second."""
    program.forget_peak()
    with looking(load.address, PROBE_S, keeps_alive=False) as usual:
        time.sleep(1)
    with looking(load.address, PROBE_S, keeps_alive=False) as looks:
        end_s = time.perf_counter() + load.seconds
        outcome = flood(load)
        time.sleep(max(0.0, end_s + AFTER_S - time.perf_counter()))
    kinds = (*("503", "timed out", "refused"), "closed without an answer", "never sent")
    latencies_s = sorted(each.took_s for each in usual)
    return {
        "asked": load.rate,
        "answered": outcome.rate(SETTLED_S, load.seconds),
        **{kind: outcome.kinds[kind] / load.seconds for kind in kinds},
        "longest_lateness_of_client_s": outcome.lateness_s,
        "added_rss_mib": program.peak_rss_mib() - base_mib,
        "usual_latency_ms": median(latencies_s) * 1000,
        "normal_after_s": _time_to_normal(looks, end_s, latencies_s),
    }


def _together(floods: Sequence[Mapping[str, Any]], most: float) -> dict[str, Any]:
    """Return means of the rounds, the worst of some, and each round's way back."""
    means = {key: round(mean(each[key] for each in floods), 2) for key in floods[0]}
    worst = ("longest_lateness_of_client_s", "added_rss_mib")
    return {
        **means,
        **{key: round(max(each[key] for each in floods), 3) for key in worst},
        "share_of_max": round(means["answered"] / most, 3),
        "normal_after_s": [each["normal_after_s"] for each in floods],
    }


def _time_to_normal(
    looks: Sequence[Look], end_s: float, usual: Sequence[float]
) -> float:
    """Return how long after a load the median of a window is more than is usual.

    That is the longest of those before the load, or 10 ms more than their median, for
    which the core may be gone now and then.
    """
    usual_s = max(usual[-1], median(usual) + 0.01)
    windows = defaultdict(list)
    for look in looks:
        windows[int((look.at_s - end_s) // WINDOW_S)].append(look.took_s)
    slow = [n + 1 for n, took_s in windows.items() if median(took_s) > usual_s]
    return round(max(0.0, WINDOW_S * max(slow, default=0)), 1)


@contextmanager
def _stolen(core: int) -> Iterator[None]:
    """Leave a program on this core a fifth of it, until the block ends.

    Raises
    ------
    Refusal
        The system lets nobody run ahead of others.
    """
    with pinned(core):
        thief = multiprocessing.Process(target=_steal)
        thief.start()
    try:
        os.sched_setscheduler(thief.pid or 0, os.SCHED_FIFO, os.sched_param(1))
        yield
    except PermissionError:
        raise Refusal(
            "this attack takes a part of the server's core in real time: run it as root"
        ) from None
    finally:
        thief.kill()
        thief.join()


def _steal() -> None:
    while True:
        end_s = time.perf_counter() + STOLEN_S
        while time.perf_counter() < end_s:
            pass
        time.sleep(TURN_S - STOLEN_S)
