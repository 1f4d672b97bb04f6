"""`python -m bench contest`: the same model and requests under other servers.

Each in an environment of its own and a fresh program a round, on one core, with the
client on another. The client is the bench's own load generator: it takes a third of
the time of the quickest contender, so that this one and not the client is measured.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.arguments import add_model, add_output, add_table, count, names, seconds
from bench.errors import Refusal
from bench.figures.outcome import find_limits, read_ms
from bench.figures.rounds import Figures, run_rounds, show, write_json, write_text
from bench.figures.standings import draw_standings, tabulate_standings
from bench.load.address import Address
from bench.load.generator import Load, measure_whole
from bench.load.requests import encode, make_bodies
from bench.subjects.answer import (
    KnownRequest,
    await_answer,
    await_ready,
    await_signature,
)
from bench.subjects.contender import BUILD, Contender, read_contenders
from bench.subjects.machine import describe_run
from bench.subjects.program import (
    Program,
    choose_cores,
    clean_environment,
    free_port,
    pinned,
)
from bench.subjects.sklearn_pipeline import write_pipeline

OUTPUT = Path("bench/results/contest.json")
CONNECTIONS = (1, 16, 64)
WARM_UP_S = 1.0
"""Before every load, and in no figure: V8 compiles meanwhile, caches fill."""

CREDIT_US = 60e6
"""A CPU credit of a burstable machine: a full core for a minute."""


@dataclass
class Contest:
    """What every contender is given, and what went wrong.

    Parameters
    ----------
    core
        Every contender runs on it; the client has another where there is one.
    limits
        Sentences on the client's own limits, by contender.
    failures
        Why a contender has no figures, or those of fewer rounds.
    """

    model: Path
    pipeline: Path
    core: int
    seconds: float
    question: KnownRequest = field(init=False)
    bodies: list[bytes] = field(init=False)
    limits: dict[str, list[str]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def ask_signature(self) -> None:
        """Start our own server once, to learn what to ask everybody."""
        (pinion,) = read_contenders(["pinion"])
        pinion.install()
        address = Address("127.0.0.1", free_port())
        command = pinion.fill_command(self.model, port=address.port)
        with Program(command, self.core, clean_environment()) as program:
            signature = await_signature(program, address)
        self.question = KnownRequest.take(signature)
        self.bodies = make_bodies(signature, n_rows=1)

    def start(self, contender: Contender, port: int) -> Program:
        command = contender.fill_command(self.model, port=port, second_port=free_port())
        answer = {"prediction": self.question.prediction}
        environment = {
            "BENCH_MODEL": str(self.model),
            "BENCH_PIPELINE": str(self.pipeline),
            "BENCH_ANSWER": json.dumps(answer),
        }
        return Program(command, self.core, clean_environment() | environment)

    def try_out(self, contender: Contender) -> None:
        """Install a contender and see that it answers correctly."""
        contender.install()
        address = Address("127.0.0.1", free_port())
        show(f"trying {contender.name}")
        with self.start(contender, address.port) as program:
            self._await(contender, program, address)

    def enter(self, contender: Contender) -> Figures:
        """Measure a contender; one that fails spoils nobody else's round."""
        try:
            return self.measure(contender)
        except Refusal as refusal:
            self.fail(contender, refusal)
            return {}

    def fail(self, contender: Contender, refusal: Refusal) -> None:
        self.failures[contender.name] = str(refusal)
        show(f"failed: {contender.name}: {refusal}")

    def measure(self, contender: Contender) -> Figures:
        """Measure one fresh program."""
        address = Address("127.0.0.1", free_port())
        with self.start(contender, address.port) as program:
            ready_s = self._await(contender, program, address)
            figures = {"ready_ms": ready_s * 1000}
            for connections in CONNECTIONS if contender.is_server else ():
                figures |= self._load(contender, program, address, connections)
            return figures | asdict(program.memory())

    def _await(self, contender: Contender, program: Program, address: Address) -> float:
        if contender.is_server:
            return await_answer(program, address, self.question)
        return await_ready(program)

    def _load(
        self, contender: Contender, program: Program, address: Address, connections: int
    ) -> dict[str, float]:
        requests = encode(address, "/predict", self.bodies)
        load = Load(address, requests, connections, self.seconds)
        measure_whole(replace(load, duration_s=WARM_UP_S))
        before_s = program.cpu_s()
        measured = measure_whole(load)
        cpu_us = (program.cpu_s() - before_s) * 1e6 / measured.n_sent
        if measured.errors:
            raise Refusal(
                f"{contender.name} failed at a concurrency of {connections}: "
                f"{dict(measured.errors)}; it wrote: {program.read_log()}"
            )
        for limit in find_limits(load, measured):
            sentences = self.limits.setdefault(contender.name, [])
            sentences.append(f"{connections} connections: {limit}")
        figures = {
            "requests_per_second": measured.requests_per_second,
            "p50_ms": read_ms(measured.latency, 50),
            "p99_ms": read_ms(measured.latency, 99),
            "cpu_us": cpu_us,
            "predictions_per_credit": CREDIT_US / cpu_us,
        }
        return {f"{name}_{connections}": value for name, value in figures.items()}


def main(arguments: Sequence[str]) -> tuple[str, int]:
    """Measure, write JSON, table and picture; return the table and the exit code."""
    options = _parse(arguments)
    entrants = read_contenders(options.only)
    core, client_core = choose_cores()
    contest = Contest(
        options.model.resolve(), BUILD / "pipeline.pkl", core, options.seconds
    )
    contest.ask_signature()
    if options.table:
        write_pipeline(options.table, contest.pipeline)
    contenders = choose(contest, entrants, has_pipeline=options.table is not None)
    with pinned(client_core):
        figures = run_rounds(
            {each.name: _measuring(contest, each) for each in contenders},
            options.rounds,
            n_discarded=0,
        )
    result = {
        **describe_run(),
        "cores": {"contender": core, "client": client_core},
        "model": str(options.model),
        "seconds": options.seconds,
        "labels": {each.name: each.label for each in contenders},
        "requirements": {each.name: each.requirements for each in contenders},
        "figures": figures,
        "failures": contest.failures,
        "limits": contest.limits,
    }
    table = tabulate_standings(result)
    write_json(options.output, result)
    write_text(options.output.with_suffix(".md"), table + "\n")
    draw_standings(result, options.output.with_suffix(".svg"))
    return "\n".join([table, *_notes(result)]), int(bool(contest.failures))


def _notes(result: Mapping[str, Any]) -> list[str]:
    notes = [f"failed: {name}: {why}" for name, why in result["failures"].items()]
    n_limited = sum(len(limits) for limits in result["limits"].values())
    if n_limited:
        notes.append(
            f"note: the client itself was a limit {n_limited} times; the JSON says when"
        )
    return notes


def choose(
    contest: Contest, entrants: Sequence[Contender], has_pipeline: bool
) -> list[Contender]:
    """Return the contenders that work; `contest` takes down why others do not."""
    working = []
    for contender in entrants:
        try:
            if contender.needs_pipeline and not has_pipeline:
                raise Refusal(
                    "it serves scikit-learn and needs the table: give --table"
                )
            contest.try_out(contender)
            working.append(contender)
        except Refusal as refusal:
            contest.fail(contender, refusal)
    return working


def _measuring(contest: Contest, contender: Contender) -> Callable[[], Figures]:
    return lambda: contest.enter(contender)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench contest",
        description="Serve the student model by other means and measure each alike. "
        "Installs every contender under build/contest on its first run.",
        epilog="example: python -m bench contest --only pinion,fastapi_onnxruntime "
        "--rounds 3 --seconds 2",
    )
    add = parser.add_argument
    add_model(parser)
    add("--only", type=names, default=[], metavar="NAME,…", help="default: all")
    add("--rounds", type=count, default=5, metavar="N", help="default: 5")
    add("--seconds", type=seconds, default=4, metavar="S", help="a load; default: 4")
    add_table(parser)
    add_output(parser, OUTPUT)
    return parser.parse_args(arguments)
