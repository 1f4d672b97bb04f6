"""`python -m bench container`: the image as a small machine would run it.

`--cpus=0.1 --memory=128m` is a t2.micro that has spent its CPU credits, with an eighth
of its memory.
"""

import argparse
import os
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from bench.arguments import add_output, count, seconds
from bench.errors import Refusal
from bench.figures.outcome import summarize_latency
from bench.figures.rounds import spread, write_json
from bench.load.address import Address
from bench.load.generator import Load, measure_whole
from bench.load.requests import Signature, encode, fetch_signature, make_bodies
from bench.measurements.startup import count_answers
from bench.subjects.answer import KnownRequest
from bench.subjects.machine import describe_run
from bench.subjects.program import PSS, free_port, read_memory

T = TypeVar("T")

OUTPUT = Path("bench/results/container.json")
LIMITS = ("--cpus=0.1", "--memory=128m")
HARDENED = ("--read-only", "--cap-drop=ALL", "--network=host")
TIMEOUT_S = 60.0


def main(arguments: Sequence[str]) -> str:
    """Measure, write the JSON, and return the table."""
    options = _parse(arguments)
    with _running(options) as (_, address):
        signature = _await(lambda: fetch_signature(address))
    question = KnownRequest.take(signature)
    runs = [_measure(options, signature, question) for _ in range(options.rounds)]
    figures = {name: spread([run[name] for run in runs]) for name in runs[0]}
    result = {
        **describe_run(),
        "limits": list(LIMITS),
        "compressed_mb": round(_compressed_bytes(options) / 1e6, 1),
        "figures": figures,
    }
    write_json(options.output, result)
    lines = [f"{'compressed_mb':<22}{result['compressed_mb']:>9.1f}"]
    lines += [
        f"{name:<22}{figure['median']:>9.1f}  ({figure['min']:.1f} to {figure['max']:.1f})"
        for name, figure in figures.items()
    ]
    lines.append(f"note: {PSS}")
    return "\n".join(lines)


def _measure(
    options: argparse.Namespace, signature: Signature, question: KnownRequest
) -> dict[str, float]:
    """Start a container; return the time to its first answer, and what it can do."""
    begin_s = time.perf_counter()
    with _running(options, *LIMITS) as (name, address):
        _, answer = _await(lambda: address.ask("POST", "/predict", question.body))
        question.check(address, answer)
        ready_s = time.perf_counter() - begin_s
        bodies = encode(address, "/predict", make_bodies(signature, n_rows=1))
        load = Load(address, bodies, 4, options.seconds, warm_up_s=2)
        measurement = measure_whole(load)
        n_answers = count_answers(measurement)
        latency: dict[str, Any] = summarize_latency(measurement.latency)
        pid = _engine(options, "inspect", "--format={{.State.Pid}}", name)
        return {
            "ready_ms": ready_s * 1000,
            "pss_mib": read_memory([int(pid)]).pss_mib,
            "requests_per_second": n_answers / options.seconds,
            "p50_ms": latency["p50"],
            "p99_ms": latency["p99"],
        }


@contextmanager
def _running(
    options: argparse.Namespace, *limits: str
) -> Iterator[tuple[str, Address]]:
    """Run a container until the block ends."""
    address = Address("127.0.0.1", free_port())
    name = _engine(options, "run", "--detach", *HARDENED, *limits, *options.option,
                   f"--env=PINION_PORT={address.port}", options.image)  # fmt: skip
    try:
        yield name, address
    finally:
        _engine(options, "rm", "--force", name)


def _await(ask: Callable[[], T]) -> T:
    """Return the first answer of a server that starts.

    Raises
    ------
    Refusal
        If there is no answer within `TIMEOUT_S`; it is the last one of `ask`.
    """
    deadline_s = time.perf_counter() + TIMEOUT_S
    while True:
        try:
            return ask()
        except Refusal:
            if time.perf_counter() > deadline_s:
                raise
            time.sleep(0.005)


def _compressed_bytes(options: argparse.Namespace) -> int:
    """Return the size of the image as it is pulled and kept by a registry."""
    command = [*options.engine.split(), "save", options.image]
    compressor = zlib.compressobj()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as saving:  # noqa: S603
        pieces = iter(lambda: saving.stdout.read(2**20), b"")  # type: ignore[union-attr]
        n_bytes = sum(len(compressor.compress(piece)) for piece in pieces)
    return n_bytes + len(compressor.flush())


def _engine(options: argparse.Namespace, *arguments: str) -> str:
    command = [*options.engine.split(), *arguments]
    run = subprocess.run(command, capture_output=True, text=True)  # noqa: S603
    if run.returncode:
        raise Refusal(f"`{' '.join(command)}` failed: {run.stderr.strip()}")
    return run.stdout.strip()


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench container",
        description="Run the image with a tenth of a core and 128 MiB.",
        epilog="example: python -m bench container pinion --engine docker",
    )
    add = parser.add_argument
    add("image", help="its name or id")
    add("--engine", default="docker", help="docker, or 'podman --runtime=runc'")
    add(
        "--option",
        action="append",
        default=[],
        help="more for `run`, such as --ulimit=…",
    )
    add("--rounds", type=count, default=3, metavar="N", help="default: 3")
    add("--seconds", type=seconds, default=5, metavar="S", help="of load; default: 5")
    add_output(parser, OUTPUT)
    options = parser.parse_args(arguments)
    if not os.path.exists("/proc/self/smaps_rollup"):
        parser.error("the memory is read from /proc, so this needs Linux")
    return options
