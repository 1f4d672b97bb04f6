"""Bytes that are almost a request: the server stands, and others read the same."""

import argparse
import asyncio
import itertools
import json
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import uvloop

from bench.attacks.victim import Attacked, Victim, small_requests
from bench.errors import Refusal
from bench.figures.rounds import show
from bench.load.address import Address
from bench.load.caller import Caller, Lost
from bench.load.malformed import Count, cases, count_by_h11, count_by_llhttp

N_CASES = 1_000_000
N_AT_ONCE = 2000
N_CONNECTIONS = 32
PATIENCE_S = 10.0
N_KEPT_EXAMPLES = 5
ALLOWED_FAULTS = {501, 503, 505}

ANSWER = re.compile(rb"HTTP/1\.1 (\d\d\d) [A-Z]")
REFUSAL = re.compile(
    rb"/problems/(malformed-request|request-timeout|head-too-large|target-too-long"
    rb"|unknown-coding|unknown-version|overloaded)"
)
"""What the connection says of bytes that it does not take for a request."""


class Answers(NamedTuple):
    """What came back for a case.

    Parameters
    ----------
    statuses
        Of all answers but 100.
    is_refused
        The last of them is no answer to a request, but says why there is none.
    is_told
        The last of them says that the connection ends with it.
    is_ended
        The server has closed the connection.
    """

    statuses: tuple[int, ...]
    is_refused: bool
    is_told: bool
    is_ended: bool

    @property
    def n_taken(self) -> int:
        """Requests that the server took for such."""
        return len(self.statuses) - self.is_refused


def measure(victim: Victim, options: argparse.Namespace) -> dict[str, Any]:
    """Send cases, and look for faults and for other parsers' opinions."""
    n_cases = options.number or N_CASES
    node = shutil.which("node") or ""
    if not node:
        show("node is not installed: llhttp is not asked")
    found: Counter[str] = Counter()
    examples: dict[str, list[str]] = {}
    settings = ("--head-seconds", "1", "--body-seconds", "1")
    program, address, signature = victim.start(*settings)
    with program:
        good, *_ = small_requests(address, signature)
        expected = uvloop.run(_ask(address, good))
        warm_mib = 0.0
        start_s = time.perf_counter()
        for number, batch in enumerate(_batches(cases(n_cases), N_AT_ONCE)):
            answers = uvloop.run(send_all(address, batch))
            for kind, case in judge(batch, answers, node):
                found[kind] += 1
                _keep(examples, kind, case)
            if uvloop.run(_ask(address, good)) != expected:
                found["fault: a good request had another answer"] += 1
            if number == 0:
                warm_mib = program.rss_mib()
            if number % 25 == 0:
                show(f"{number * N_AT_ONCE:,} of {n_cases:,} cases: {dict(found)}")
        seconds = time.perf_counter() - start_s
        added_mib = program.peak_rss_mib() - warm_mib
        _look_at_end(program, found)
    return {
        "n_cases": n_cases,
        "seconds": round(seconds),
        "n_faults": sum(n for what, n in found.items() if what.startswith("fault")),
        "n_otherwise": sum(n for what, n in found.items() if what.startswith("other")),
        "counts": dict(sorted(found.items())),
        "added_rss_mib": round(added_mib, 1),
        "examples": examples,
    }


def tabulate(figures: Mapping[str, Any]) -> str:
    counts = [f"  {n:>9,}  {what}" for what, n in figures["counts"].items()]
    return "\n".join(
        [
            f"{figures['n_cases']:,} cases in {figures['seconds']} s: "
            f"{figures['n_faults']} faults, {figures['n_otherwise']} that others read "
            f"otherwise, RSS +{figures['added_rss_mib']} MiB",
            *counts,
        ]
    )


def _batches(all_cases: Iterator[bytes], n_at_once: int) -> Iterator[list[bytes]]:
    while batch := list(itertools.islice(all_cases, n_at_once)):
        yield batch


async def _ask(address: Address, request: bytes) -> bytes:
    try:
        return (await Caller(address, keeps_alive=False).ask(request)).body
    except Lost as error:
        raise Refusal(f"a good request has no answer: {error}") from error


async def send_all(address: Address, batch: Sequence[bytes]) -> list[Answers]:
    """Send each case on a connection of its own, some at once."""
    waiting = iter(enumerate(batch))
    answers: dict[int, Answers] = {}

    async def send_some() -> None:
        for number, case in waiting:
            answers[number] = await _send(address, case)

    await asyncio.gather(*(send_some() for _ in range(N_CONNECTIONS)))
    return [answers[number] for number in range(len(batch))]


async def _send(address: Address, case: bytes) -> Answers:
    """Send a case and the end of the client's half; read to the end."""
    received = bytearray()
    is_ended = True
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        writer.write(case)
        writer.write_eof()
        async with asyncio.timeout(PATIENCE_S):
            while part := await reader.read(65536):
                received += part
    except TimeoutError:
        is_ended = False
    except OSError:
        pass  # a reset is an end
    finally:
        writer.close()
    found = [each for each in ANSWER.finditer(received) if each[1] != b"100"]
    last = received[found[-1].start() :] if found else b""
    return Answers(
        tuple(int(each[1]) for each in found),
        REFUSAL.search(last) is not None,
        b"\r\nconnection: close\r\n" in last,
        is_ended,
    )


def judge(
    batch: Sequence[bytes], answers: Sequence[Answers], node: str
) -> Iterator[tuple[str, bytes]]:
    """Yield what there is to say of each case.

    Parameters
    ----------
    node
        The program; "" asks h11 alone.
    """
    by_node = count_by_llhttp(node, batch) if node else [None] * len(batch)
    for case, answer, count in zip(batch, answers, by_node, strict=True):
        faults = [each for each in answer.statuses if each >= 500]
        for status in set(faults) - ALLOWED_FAULTS:
            yield f"fault: answered {status}", case
        if not answer.is_ended:
            yield "fault: the connection did not end", case
        kind = "refused" if answer.is_refused else "answered or dropped"
        yield kind, case
        yield from _compare("h11", case, answer, count_by_h11(case))
        if count is not None:
            yield from _compare("llhttp", case, answer, count)


def _compare(
    parser: str, case: bytes, answer: Answers, count: Count
) -> Iterator[tuple[str, bytes]]:
    """Yield how another parser's requests differ from ours.

    What can be answered without its body is answered by its head, so that one at the
    end may be cut off.
    """
    if count.n_whole <= answer.n_taken <= count.n_begun:
        return
    if answer.n_taken > count.n_begun:
        yield f"otherwise: ours takes what {parser} does not", case
    elif answer.is_refused:
        yield f"stricter than {parser}: ours refuses what it takes", case
    elif answer.is_told:  # as always with HTTP/1.0
        yield f"stricter than {parser}: ours ends the connection", case
    else:
        yield f"fault: no answer, and {parser} takes it", case


def _look_at_end(program: Attacked, found: Counter[str]) -> None:
    program.check_alive()
    program.signal()
    if code := program.wait():
        found[f"fault: exit code {code}"] += 1
    _, *more = program.read_log().splitlines()
    if more:
        found[f"fault: it wrote {more[-1]}"] += 1


def _keep(examples: dict[str, list[str]], kind: str, case: bytes) -> None:
    if ":" in kind and len(examples.setdefault(kind, [])) < N_KEPT_EXAMPLES:
        examples[kind].append(json.dumps(case.decode("latin-1")))
