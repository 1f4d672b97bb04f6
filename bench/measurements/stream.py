"""`python -m bench stream`: a file that is predicted while it is sent.

One connection sends rows as CSV, and then as lines of JSON, as fast as the answers are
made; another asks for one row 200 times a second. The server has one core.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.arguments import add_model, add_output, count
from bench.errors import Refusal
from bench.figures.outcome import summarize_latency
from bench.figures.rounds import show, write_json
from bench.load.address import Address
from bench.load.generator import Load, make_histogram, measure_whole
from bench.load.requests import encode, fetch_signature, make_rows
from bench.load.table import FORMS, send
from bench.measurements.startup import Pinion, count_answers
from bench.subjects.answer import await_answer
from bench.subjects.machine import describe_run
from bench.subjects.program import PSS, Program, choose_cores, free_port

OUTPUT = Path("bench/results/stream.json")
N_DIFFERENT_ROWS = 10_000
SMALL_RATE = 200.0
ROUND_S = 0.5
"""How often the memory is read."""


def main(arguments: Sequence[str]) -> str:
    """Measure, write the JSON, and return the table."""
    options = _parse(arguments)
    server_core, client_core = choose_cores()
    os.sched_setaffinity(0, {client_core})
    server = Pinion(options.python, options.model, server_core)
    figures = {}
    for media_type in FORMS:
        address = Address("127.0.0.1", free_port())
        with server.start(address.port) as program:
            await_answer(program, address, server.question)
            show(f"{options.rows:,} rows as {media_type}")
            small = Load(
                address,
                encode(address, "/predict", server.bodies),
                connections=4,
                duration_s=ROUND_S,
                rate=SMALL_RATE,
            )
            figures[media_type] = _measure(program, small, media_type, options.rows)
    result = {
        **describe_run(),
        "cores": {"server": server_core, "client": client_core},
        "small_requests_per_second": SMALL_RATE,
        "figures": figures,
    }
    write_json(options.output, result)
    return tabulate(result)


def tabulate(result: dict[str, Any]) -> str:
    """Return rows a second, memory and latencies of the small requests, as text."""
    lines = [
        f"{'':<21}{'rows/s':>9}{'a CPU second':>14}{'MiB above idle':>16}"
        f"{'small: p50 ms':>15}{'p99 ms':>8}{'max ms':>8}"
    ]
    for media_type, figure in result["figures"].items():
        small = figure["small_latency_ms"]
        lines.append(
            f"{media_type:<21}{figure['rows_per_second']:>9,}"
            f"{figure['rows_per_cpu_second']:>14,}{figure['mib_above_idle']:>16.1f}"
            f"{small['p50']:>15.2f}{small['p99']:>8.2f}{small['max']:>8.2f}"
        )
    return "\n".join([*lines, f"note: {PSS}"])


def _measure(
    program: Program, small: Load, media_type: str, n_rows: int
) -> dict[str, Any]:
    """Return the figures of a stream, and of the small requests beside it.

    Raises
    ------
    Refusal
        If not every row was answered, or the server failed under the small requests.
    """
    count_answers(measure_whole(small))  # what they need is idle, too
    rows = make_rows(fetch_signature(small.address), N_DIFFERENT_ROWS)
    n_times = -(-n_rows // len(rows))
    idle_mib = most_mib = program.memory().pss_mib
    latency = make_histogram()
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        pool.submit(os.getpid).result()  # it takes its time to start
        begun_s, cpu_s = perf_counter(), program.cpu_s()
        sending = pool.submit(send, small.address, media_type, rows, n_times)
        while not sending.done():
            measurement = measure_whole(small)
            count_answers(measurement)
            latency.add(measurement.latency)
            most_mib = max(most_mib, program.memory().pss_mib)
        n_lines = sending.result()
        elapsed_s, cpu_s = perf_counter() - begun_s, program.cpu_s() - cpu_s
    n_rows = n_times * len(rows)
    if n_lines - (media_type == "text/csv") != n_rows:
        raise Refusal(f"{n_rows} rows had {n_lines} lines as their answer")
    return {
        "n_rows": n_rows,
        "rows_per_second": round(n_rows / elapsed_s),
        "rows_per_cpu_second": round(n_rows / cpu_s),
        "idle_pss_mib": idle_mib,
        "mib_above_idle": most_mib - idle_mib,
        "small_latency_ms": summarize_latency(latency),
    }


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench stream",
        description="Send a file of rows, and small requests beside it.",
        epilog="example: python -m bench stream --python .venv-serve/bin/python "
        "--rows 10000000",
    )
    add = parser.add_argument
    add_model(parser)
    add(
        "--python", type=os.path.abspath, default=sys.executable, help="runs the server"
    )
    add("--rows", type=count, default=1_000_000, metavar="N", help="default: 1000000")
    add_output(parser, OUTPUT)
    return parser.parse_args(arguments)
