"""`python -m bench startup`: how light and quick to start the server is.

It is compared with a bare ``import onnxruntime`` and a session on the same model, in
interleaved rounds, each in a fresh program on the same core.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.arguments import add_model, add_output, count
from bench.errors import Refusal
from bench.figures.rounds import Figures, Spread, run_rounds, text_spread, write_json
from bench.load.address import Address
from bench.load.generator import Load, Measurement, measure_whole
from bench.load.requests import encode, make_bodies
from bench.subjects.answer import (
    KnownRequest,
    await_answer,
    await_ready,
    await_signature,
)
from bench.subjects.contender import Contender
from bench.subjects.machine import REPOSITORY, describe_run, describe_versions
from bench.subjects.program import (
    PSS,
    Program,
    choose_cores,
    clean_environment,
    free_port,
    pinned,
)

OUTPUT = Path("bench/results/startup.json")
USUALLY_SHARED_MIB = 16
"""libc, the interpreter's own file and the like, which every program maps."""

LABELS = {
    "ready_ms": "start to first answer, ms",
    "pss_mib": "memory (PSS), MiB",
    "private_mib": "private memory, MiB",
    "resident_mib": "with all shared pages, MiB",
}


def main(arguments: Sequence[str]) -> str:
    """Measure, write the JSON, and return the table."""
    options = _parse(arguments)
    server_core, client_core = choose_cores()
    server = Pinion(options.python, options.model, server_core)
    n_predictions = options.predictions
    _, *program = Contender.read("onnxruntime_import").fill_command(server.model)
    bare = [options.bare_python, *program]
    with pinned(client_core):
        figures = run_rounds(
            {
                "server": lambda: server.measure(n_predictions),
                "bare": lambda: measure_bare(bare, server_core),
            },
            options.rounds,
        )
    result = {
        **describe_run(),
        "cores": {"measured": server_core, "client": client_core},
        "programs": {
            "server": relative(server.command(port=0)),
            "bare": relative(bare),
        },
        "versions": {
            "server": describe_versions(options.python),
            "bare": describe_versions(options.bare_python),
        },
        "n_predictions_before_memory": n_predictions,
        "figures": figures,
        "limits": find_limits(figures),
        "server_to_bare": {
            name: compare_medians(figures["server"][name], figures["bare"][name])
            for name in LABELS
        },
    }
    write_json(options.output, result)
    return tabulate(result)


def relative(command: Sequence[str]) -> list[str]:
    """Return a command without the folder that the repository lies in here."""
    return [word.replace(f"{REPOSITORY.resolve()}/", "") for word in command]


class Pinion:
    """The server with one model; the first start learns what to ask it."""

    def __init__(self, python: str, model: Path, core: int) -> None:
        self.python = python
        self.model = model.resolve()
        self.core = core
        address = Address("127.0.0.1", free_port())
        with self.start(address.port) as program:
            signature = await_signature(program, address)
        self.question = KnownRequest.take(signature)
        self.bodies = make_bodies(signature, n_rows=1)

    def command(self, port: int) -> list[str]:
        return [self.python, "-m", "server", str(self.model), "--port", str(port)]

    def start(self, port: int) -> Program:
        return Program(self.command(port), self.core, clean_environment())

    def measure(self, n_predictions: int) -> Figures:
        """Time the first correct answer; read the memory `n_predictions` later."""
        address = Address("127.0.0.1", free_port())
        with self.start(address.port) as program:
            ready_s = await_answer(program, address, self.question)
            load = Load(address, encode(address, "/predict", self.bodies), 16, 0.5)
            n_answers = 0
            while n_answers < n_predictions:
                n_answers += count_answers(measure_whole(load))
            return {"ready_ms": ready_s * 1000, **asdict(program.memory())}


def measure_bare(command: Sequence[str], core: int) -> Figures:
    """Time until a bare session on the model exists, and read its memory then."""
    with Program(command, core, clean_environment()) as program:
        ready_s = await_ready(program)
        return {"ready_ms": ready_s * 1000, **asdict(program.memory())}


def count_answers(measurement: Measurement) -> int:
    """Return the number of answers, or refuse figures that errors have spoiled.

    Raises
    ------
    Refusal
        If the server failed under load.
    """
    if measurement.errors:
        raise Refusal(f"the server failed under load: {dict(measurement.errors)}")
    return measurement.n_answers


def find_limits(figures: Mapping[str, Mapping[str, Spread]]) -> list[str]:
    """Return a sentence for each memory that another program has made smaller."""
    return [
        f"other programs map {shared_mib:.0f} MiB of what {name} maps, so that its PSS "
        "is less than alone: measure while nothing else with these libraries runs"
        for name, figure in figures.items()
        if (shared_mib := figure["resident_mib"]["max"] - figure["pss_mib"]["min"])
        > USUALLY_SHARED_MIB
    ]


def compare_medians(subject: Spread, reference: Spread) -> float:
    ratio: float = subject["median"] / reference["median"]
    return round(ratio, 3)


def tabulate(result: Mapping[str, Any]) -> str:
    """Return medians, ranges and ratios as text."""
    lines = [f"{'':<26}{'server':>22}{'bare import':>22}{'server / bare':>16}"]
    for name, label in LABELS.items():
        cells = "".join(
            f"{text_spread(result['figures'][subject][name]):>22}"
            for subject in ("server", "bare")
        )
        lines.append(f"{label:<26}{cells}{result['server_to_bare'][name]:>16.2f}")
    lines += [f"note: {note}" for note in (PSS, *result["limits"])]
    return "\n".join(lines)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench startup",
        description="Compare the server's start and memory with a bare import of "
        "onnxruntime and a session on the same model.",
        epilog="example: python -m bench startup models/student_performance.onnx "
        "--python .venv-serve/bin/python --bare-python .venv/bin/python",
    )
    add = parser.add_argument
    add_model(parser)
    add(
        "--python", type=os.path.abspath, default=sys.executable, help="runs the server"
    )
    add(
        "--bare-python",
        type=os.path.abspath,
        default=sys.executable,
        help="has onnxruntime's binding",
    )
    add("--rounds", type=count, default=7, metavar="N", help="default: 7")
    add(
        "--predictions",
        type=count,
        default=100_000,
        metavar="N",
        help="before the memory is read; default: 100000",
    )
    add_output(parser, OUTPUT)
    return parser.parse_args(arguments)
