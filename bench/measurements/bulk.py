"""`python -m bench bulk`: large requests, and the small ones beside them.

One connection sends 10,000 rows a request, as a list and as columns, as fast as it is
answered; another asks for one row 200 times a second. What the small ones wait is how
long the server is deaf.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.arguments import add_model, add_output, seconds
from bench.errors import Refusal
from bench.figures.outcome import summarize_latency
from bench.figures.rounds import show, write_json
from bench.load.address import Address
from bench.load.generator import Load, measure_whole
from bench.load.requests import encode
from bench.measurements.startup import Pinion, count_answers
from bench.subjects.answer import await_answer
from bench.subjects.machine import describe_run
from bench.subjects.program import PSS, choose_cores, free_port

OUTPUT = Path("bench/results/bulk.json")
N_ROWS = 10_000
SMALL_RATE = 200.0
WARM_UP_S = 2.0
"""While the large requests are made, on the core of the small ones."""

FORMS = {"list": (), "columns": ("--columns",)}


def main(arguments: Sequence[str]) -> str:
    """Measure, write the JSON, and return the table."""
    options = _parse(arguments)
    server_core, client_core = choose_cores()
    os.sched_setaffinity(0, {client_core})
    server = Pinion(options.python, options.model, server_core)
    address = Address("127.0.0.1", free_port())
    with server.start(address.port) as program:
        await_answer(program, address, server.question)
        small = Load(
            address,
            encode(address, "/predict", server.bodies),
            connections=4,
            duration_s=options.seconds,
            warm_up_s=WARM_UP_S,
            rate=SMALL_RATE,
        )
        figures = {
            form: _beside(address, small, form) | {"pss_mib": program.memory().pss_mib}
            for form in FORMS
        }
    result = {
        **describe_run(),
        "cores": {"server": server_core, "client": client_core},
        "rows_per_request": N_ROWS,
        "small_requests_per_second": SMALL_RATE,
        "figures": figures,
    }
    write_json(options.output, result)
    return tabulate(result)


def tabulate(result: dict[str, Any]) -> str:
    """Return rows a second, latencies of the small requests and memory, as text."""
    lines = [
        f"{'':<9}{'rows/s':>11}{'small: p50 ms':>16}{'p99 ms':>9}{'max ms':>9}{'PSS MiB':>10}"
    ]
    for form, figure in result["figures"].items():
        small = figure["small_latency_ms"]
        lines.append(
            f"{form:<9}{figure['rows_per_second']:>11,.0f}{small['p50']:>16.2f}"
            f"{small['p99']:>9.2f}{small['max']:>9.2f}{figure['pss_mib']:>10.1f}"
        )
    return "\n".join([*lines, f"note: {PSS}"])


def _beside(address: Address, small: Load, form: str) -> dict[str, Any]:
    """Return the throughput of large requests and the latency of small ones.

    Raises
    ------
    Refusal
        If the large requests failed, or the server failed under the small ones.
    """
    show(f"{N_ROWS:,} rows a request, as {form}")
    command = [sys.executable, "-m", "bench", str(address), "--connections", "1"]
    command += ["--rows", str(N_ROWS), "--json", *FORMS[form]]
    command += ["--duration", str(small.duration_s + WARM_UP_S)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as large:  # noqa: S603
        measurement = measure_whole(small)
        count_answers(measurement)
        output, _ = large.communicate()
    if large.returncode:
        raise Refusal(f"the large requests failed: {output.decode()[:500]}")
    answered = json.loads(output)
    return {
        "rows_per_second": round(answered["requests_per_second"] * N_ROWS),
        "n_large_requests": answered["n_requests"],
        "large_latency_ms": answered["latency_ms"],
        "small_latency_ms": summarize_latency(measurement.latency),
    }


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench bulk",
        description="Send 10,000 rows a request, and small requests beside them.",
        epilog="example: python -m bench bulk --python .venv-serve/bin/python",
    )
    add = parser.add_argument
    add_model(parser)
    add(
        "--python", type=os.path.abspath, default=sys.executable, help="runs the server"
    )
    add("--seconds", type=seconds, default=5, metavar="S", help="a form; default: 5")
    add_output(parser, OUTPUT)
    return parser.parse_args(arguments)
