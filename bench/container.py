"""`python -m bench container`: the image as a small machine would run it.

`--cpus=0.1 --memory=128m` is a t2.micro that has spent its CPU credits, with an eighth
of its memory.
"""

import argparse
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.address import Address
from bench.answer import Question
from bench.arguments import seconds
from bench.load import Load, measure
from bench.machine import describe_run
from bench.outcome import summarize_latency
from bench.program import free_port
from bench.refusal import Refusal
from bench.requests import encode, fetch_signature, make_bodies
from bench.rounds import spread, write_json
from bench.startup import count_answers

OUTPUT = Path("bench/results/container.json")
LIMITS = ("--cpus=0.1", "--memory=128m")
HARDENED = ("--read-only", "--cap-drop=ALL", "--network=host")
TIMEOUT_S = 60.0


def main(arguments: Sequence[str]) -> str:
    """Measure, write the JSON, and return the table."""
    options = _parse(arguments)
    runs = [_measure(options) for _ in range(options.rounds)]
    figures = {
        name: spread([run[name] for run in runs])
        for name in ("ready_ms", "pss_mib", "requests_per_second", "p50_ms", "p99_ms")
    }
    result = {**describe_run(), "limits": list(LIMITS), "figures": figures}
    write_json(options.output, result)
    return "\n".join(
        f"{name:<22}{figure['median']:>9.1f}  ({figure['min']:.1f} to {figure['max']:.1f})"
        for name, figure in figures.items()
    )


def _measure(options: argparse.Namespace) -> dict[str, float]:
    """Start a container; return the time to its first answer, and what it can do."""
    address = Address("127.0.0.1", free_port())
    begin_s = time.perf_counter()
    name = _engine(options, "run", "--detach", *HARDENED, *LIMITS, *options.option,
                   f"--env=PINION_PORT={address.port}", options.image)  # fmt: skip
    try:
        signature = _await(address)
        question = Question.take(signature)
        _, answer = address.ask("POST", "/predict", question.body)
        question.check(address, answer)
        ready_s = time.perf_counter() - begin_s
        bodies = encode(address, "/predict", make_bodies(signature, n_rows=1))
        measurement = measure(Load(address, bodies, 4, options.seconds, warm_up_s=2))
        n_answers = count_answers(measurement)
        latency: dict[str, Any] = summarize_latency(measurement.latency)
        pid = _engine(options, "inspect", "--format={{.State.Pid}}", name)
        return {
            "ready_ms": ready_s * 1000,
            "pss_mib": _pss_mib(int(pid)),
            "requests_per_second": n_answers / options.seconds,
            "p50_ms": latency["p50"],
            "p99_ms": latency["p99"],
        }
    finally:
        _engine(options, "rm", "--force", name)


def _await(address: Address) -> Any:
    deadline_s = time.perf_counter() + TIMEOUT_S
    while True:
        try:
            return fetch_signature(address)
        except Refusal:
            if time.perf_counter() > deadline_s:
                raise
            time.sleep(0.005)


def _engine(options: argparse.Namespace, *arguments: str) -> str:
    command = [*options.engine.split(), *arguments]
    run = subprocess.run(command, capture_output=True, text=True)  # noqa: S603
    if run.returncode:
        raise Refusal(f"`{' '.join(command)}` failed: {run.stderr.strip()}")
    return run.stdout.strip()


def _pss_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    (pss,) = (line.split()[1] for line in lines if line.startswith("Pss:"))
    return int(pss) / 1024


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
    add("--rounds", type=int, default=3, metavar="N", help="default: 3")
    add("--seconds", type=seconds, default=5, metavar="S", help="of load; default: 5")
    add(
        "--output", type=Path, default=OUTPUT, metavar="FILE", help=f"default: {OUTPUT}"
    )
    options = parser.parse_args(arguments)
    if not os.path.exists("/proc/self/smaps_rollup"):
        parser.error("the memory is read from /proc, so this needs Linux")
    return options
