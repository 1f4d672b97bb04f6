"""`server.runtime.session` beside onnxruntime's Python binding, from list to list.

Both get the same columns as Python lists and give their prediction as a list; what
the binding needs for that, numpy arrays on the way in and `tolist` on the way out,
is part of its time. Each runs in a process of its own, on the same core, in turns.

The time is the CPU's, so that another process on the core does not count. Strings are
either known, the same objects in every call, as msgspec gives for a `Literal`; or new
ones in every call, which nobody has hashed yet, as for free text.
"""

import argparse
import functools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any, Self

from bench.arguments import add_model, add_output, count
from bench.errors import Refusal
from bench.figures.rounds import Figures, Spread, run_rounds, text_spread, write_json
from bench.load.requests import Signature, make_rows
from bench.subjects.machine import describe_run, describe_versions
from bench.subjects.program import choose_cores

OUTPUT = Path("bench/results/runtime.json")
N_ROWS = (1, 16, 1_000, 100_000)
STRINGS = ("known", "new")
OUTPUT_NAME = "prediction"

Predict = Callable[[Sequence[Sequence[Any]], int], list[float]]


def main(arguments: Sequence[str]) -> str:
    """Measure, write the JSON, and return the table."""
    options = _parse(arguments)
    check_target(read_signature(options.model))
    core, _ = choose_cores()
    with (
        Runtime("pinion", options.model, core) as pinion,
        Runtime("binding", options.model, core) as binding,
    ):
        figures = run_rounds(
            {"pinion": pinion.measure, "binding": binding.measure}, options.rounds
        )
    ratios = {
        turn: round(figures["pinion"][turn]["median"] / spread["median"], 3)
        for turn, spread in figures["binding"].items()
    }
    result = {
        **describe_run(),
        "core": core,
        "versions": describe_versions(sys.executable),
        "cpu_us": figures,
        "pinion_to_binding": ratios,
    }
    write_json(options.output, result)
    return tabulate(figures, ratios)


def check_target(signature: Signature) -> None:
    """Refuse what has no output that both ways read alike.

    Raises
    ------
    Refusal
        If the model predicts anything but a single number.
    """
    kinds = [each.get("kind", "regression") for each in signature["targets"]]
    if kinds != ["regression"]:
        raise Refusal(
            f"the model predicts {' and '.join(kinds)}: choose one that predicts a "
            "single number"
        )


class Runtime:
    """A process that predicts by one of the two ways.

    Parameters
    ----------
    name
        pinion or binding.
    core
        It runs on.
    """

    def __init__(self, name: str, model: Path, core: int) -> None:
        module = "bench.measurements.binding"
        command = [sys.executable, "-m", module, name, str(model), str(core)]
        self._process = subprocess.Popen(  # noqa: S603 - this very module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.communicate()

    def measure(self) -> Figures:
        return {
            f"{n_rows} {strings}": self._ask(f"{n_rows} {strings}")
            for n_rows, strings in product(N_ROWS, STRINGS)
        }

    def _ask(self, turn: str) -> float:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the process was started without pipes")
        self._process.stdin.write(turn + "\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())


def answer_turns(name: str, path: Path, core: int) -> None:
    """Answer lines of a number of rows and a kind of strings with microseconds."""
    os.sched_setaffinity(0, {core})
    predict = open_pinion(path) if name == "pinion" else open_binding(path)
    signature = read_signature(path)
    for line in sys.stdin:
        n_rows, strings = line.split()
        cpu_us = measure_us(predict, signature, int(n_rows), strings)
        sys.stdout.write(f"{cpu_us}\n")
        sys.stdout.flush()


def open_pinion(path: Path) -> Predict:
    from server.runtime.session import Session

    session = Session(path)

    def predict(columns: Sequence[Sequence[Any]], n_rows: int) -> list[float]:
        return list(session.predict((OUTPUT_NAME,), columns, n_rows)[0].values)

    return predict


def open_binding(path: Path) -> Predict:
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options)
    dtypes = {"tensor(string)": object, "tensor(double)": np.float64}
    inputs = [(each.name, dtypes[each.type]) for each in session.get_inputs()]

    def predict(columns: Sequence[Sequence[Any]], n_rows: int) -> list[float]:
        feed = {
            name: np.array(column, dtype).reshape(n_rows, 1)
            for column, (name, dtype) in zip(columns, inputs, strict=True)
        }
        values: list[float] = session.run([OUTPUT_NAME], feed)[0][:, 0].tolist()
        return values

    return predict


def read_signature(path: Path) -> Signature:
    import onnx

    entries = onnx.load(path).metadata_props
    text = next(each.value for each in entries if each.key == "pinion.signature")
    signature: Signature = json.loads(text)
    return signature


def measure_us(
    predict: Predict, signature: Signature, n_rows: int, strings: str
) -> float:
    """Return the microseconds of one call, the mean of at least five."""
    n_calls = max(5, min(2_000, 20_000 // n_rows))
    text = columns_json(json.dumps(signature), n_rows)
    if strings == "new":
        tables = [json.loads(text) for _ in range(n_calls)]
    else:
        tables = [[intern(column) for column in json.loads(text)]] * n_calls
    predict(json.loads(text), n_rows)
    started_ns = time.process_time_ns()
    for columns in tables:
        predict(columns, n_rows)
    return (time.process_time_ns() - started_ns) / n_calls / 1e3


@functools.cache
def columns_json(signature_json: str, n_rows: int) -> str:
    """Return valid columns, in the order of the graph's inputs."""
    rows = make_rows(json.loads(signature_json), n_rows)
    return json.dumps(list(zip(*(row.values() for row in rows), strict=True)))


def intern(column: list[Any]) -> list[Any]:
    return [sys.intern(each) if isinstance(each, str) else each for each in column]


def tabulate(
    figures: Mapping[str, Mapping[str, Spread]], ratios: Mapping[str, float]
) -> str:
    lines = [f"{'rows, strings':<16}{'pinion, µs':>30}{'binding, µs':>30}{'ratio':>8}"]
    for turn, ratio in ratios.items():
        sides = (text_spread(figures[name][turn]) for name in ("pinion", "binding"))
        lines.append(f"{turn:<16}{''.join(f'{each:>30}' for each in sides)}{ratio:>8}")
    return "\n".join(lines)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench runtime",
        description="Compare the server's way into onnxruntime with the Python binding: "
        "CPU time of a prediction, from lists to a list.",
        epilog="example: python -m bench runtime models/student_performance.onnx "
        "--rounds 5",
    )
    add = parser.add_argument
    add_model(parser)
    add("--rounds", type=count, default=9, metavar="N", help="default: 9")
    add_output(parser, OUTPUT)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):  # the other process says so
        answer_turns(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
