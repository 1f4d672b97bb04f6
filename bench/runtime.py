"""Compares `server.runtime` with onnxruntime's Python binding, from list to list.

Both get the same columns as Python lists and give their prediction as a list; what
the binding needs for that, numpy arrays on the way in and `tolist` on the way out,
is part of its time. Each runs in a process of its own, on the same core, in turns.

The time is the CPU's, so that another process on the core does not count. Strings are
either known, the same objects in every call, as msgspec gives for a `Literal`; or new
ones in every call, which nobody has hashed yet, as for free text.
"""

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

CONTENDERS = ("pinion", "binding")
N_ROWS = (1, 16, 100, 1_000, 10_000, 100_000)
STRINGS = ("known", "new")
CATEGORIES = {
    "gender": ["female", "male"],
    "race_ethnicity": ["group A", "group B", "group C", "group D", "group E"],
    "parental_level_of_education": [
        "associate's degree",
        "bachelor's degree",
        "high school",
        "master's degree",
        "some college",
        "some high school",
    ],
    "lunch": ["free/reduced", "standard"],
    "test_preparation_course": ["completed", "none"],
}
SCORES = ("reading_score", "writing_score")

Predict = Callable[[list[list[Any]], int], list[float]]


def make_model() -> bytes:
    """Return a folded linear graph: a lookup per category, a weight per score."""
    from onnx import TensorProto, helper

    inputs, nodes = [], []
    for name, categories in CATEGORIES.items():
        inputs.append(
            helper.make_tensor_value_info(name, TensorProto.STRING, ["n_rows", 1])
        )
        weights = [0.5 * position - 1.0 for position in range(len(categories))]
        nodes.append(
            helper.make_node(
                "LabelEncoder",
                [name],
                [f"_{name}"],
                domain="ai.onnx.ml",
                keys_strings=categories,
                values_tensor=helper.make_tensor(
                    "values", TensorProto.DOUBLE, [len(weights)], weights
                ),
                default_tensor=helper.make_tensor(
                    "default", TensorProto.DOUBLE, [1], [0.0]
                ),
            )
        )
    for name in SCORES:
        inputs.append(
            helper.make_tensor_value_info(name, TensorProto.DOUBLE, ["n_rows", 1])
        )
        nodes.append(helper.make_node("Mul", [name, "_weight"], [f"_{name}"]))
    terms = [f"_{name}" for name in (*CATEGORIES, *SCORES)]
    nodes.append(helper.make_node("Concat", terms, ["_terms"], axis=1))
    nodes.append(helper.make_node("ReduceSum", ["_terms", "_axes"], ["prediction"]))
    graph = helper.make_graph(
        nodes,
        "student",
        inputs,
        [
            helper.make_tensor_value_info(
                "prediction", TensorProto.DOUBLE, ["n_rows", 1]
            )
        ],
        [
            helper.make_tensor("_weight", TensorProto.DOUBLE, [1], [0.45]),
            helper.make_tensor("_axes", TensorProto.INT64, [1], [1]),
        ],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 4)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    content: bytes = model.SerializeToString()
    return content


def make_columns(n_rows: int, seed: int = 7) -> str:
    """Return columns as JSON, in the order of the graph's inputs."""
    rng = random.Random(seed)  # noqa: S311 - nothing secret
    columns: list[list[Any]] = [
        rng.choices(categories, k=n_rows) for categories in CATEGORIES.values()
    ]
    columns += [[rng.uniform(0, 100) for _ in range(n_rows)] for _ in SCORES]
    return json.dumps(columns)


def open_pinion(path: Path) -> Predict:
    from server.runtime import Session

    session = Session(path)

    def predict(columns: list[list[Any]], n_rows: int) -> list[float]:
        return list(session.predict(("prediction",), columns, n_rows)[0].values)

    return predict


def open_binding(path: Path) -> Predict:
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options)
    dtypes = [object] * len(CATEGORIES) + [np.float64] * len(SCORES)
    names = (*CATEGORIES, *SCORES)

    def predict(columns: list[list[Any]], n_rows: int) -> list[float]:
        feed = {
            name: np.array(column, dtype).reshape(n_rows, 1)
            for name, column, dtype in zip(names, columns, dtypes, strict=True)
        }
        values: list[float] = session.run(["prediction"], feed)[0][:, 0].tolist()
        return values

    return predict


def contend(contender: str, path: Path) -> None:
    """Answer lines of a number of rows and a kind of strings with microseconds."""
    started_s = time.perf_counter()
    predict = {"pinion": open_pinion, "binding": open_binding}[contender](path)
    predict(json.loads(make_columns(1)), 1)
    start_ms = (time.perf_counter() - started_s) * 1e3
    say(json.dumps({"start_ms": start_ms, "pss_mb": pss_mb()}))
    for line in sys.stdin:
        n_rows, strings = line.split()
        say(str(measure_us(predict, int(n_rows), strings)))


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def measure_us(predict: Predict, n_rows: int, strings: str) -> float:
    """Return the microseconds of one call, the mean of one round."""
    n_calls = max(1, min(2_000, 20_000 // n_rows))
    text = make_columns(n_rows)
    if strings == "new":
        tables = [json.loads(text) for _ in range(n_calls)]
    else:
        scores = len(CATEGORIES)
        columns = json.loads(text)
        tables = [
            [[sys.intern(value) for value in column] for column in columns[:scores]]
            + columns[scores:]
        ] * n_calls
    predict(json.loads(text), n_rows)
    started_ns = time.process_time_ns()
    for columns in tables:
        predict(columns, n_rows)
    return (time.process_time_ns() - started_ns) / n_calls / 1e3


def pss_mb() -> float | None:
    """Return this process's share of memory, None where the system does not say."""
    try:
        lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    except FileNotFoundError:
        return None
    return next(int(line.split()[1]) / 1024 for line in lines if line[:4] == "Pss:")


def compare(n_rounds: int) -> dict[str, Any]:
    """Return the start, the memory and the median microseconds of each contender."""
    samples: dict[str, dict[str, list[float]]] = {name: {} for name in CONTENDERS}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "student.onnx")
        path.write_bytes(make_model())
        processes = {name: start_contender(name, path) for name in CONTENDERS}
        starts = {name: json.loads(ask(processes[name])) for name in CONTENDERS}
        for _, n_rows, strings in product(range(n_rounds), N_ROWS, STRINGS):
            turn = f"{n_rows} {strings}"
            for name in CONTENDERS:
                us = float(ask(processes[name], turn))
                samples[name].setdefault(turn, []).append(us)
        for process in processes.values():
            process.communicate()
    results = {
        name: starts[name]
        | {"us": {turn: statistics.median(us) for turn, us in samples[name].items()}}
        for name in CONTENDERS
    }
    return {"machine": platform.machine(), "rounds": n_rounds, **results}


def start_contender(name: str, path: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "bench.runtime", "--contender", name, str(path)]
    return subprocess.Popen(  # noqa: S603 - this very module
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def ask(process: "subprocess.Popen[str]", line: str = "") -> str:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the contender was started without pipes")
    if line:
        process.stdin.write(line + "\n")
        process.stdin.flush()
    return process.stdout.readline()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.runtime", description=__doc__
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("path", nargs="?", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    if arguments.contender:
        contend(arguments.contender, arguments.path)
        return
    result = compare(arguments.rounds)
    say(json.dumps(result, indent=2) if arguments.json else render(result))


def render(result: dict[str, Any]) -> str:
    sides = [result[name] for name in CONTENDERS]
    rows: list[tuple[str, ...]] = [("rows, strings", *CONTENDERS, "ratio")]
    for turn in sides[0]["us"]:
        ours, theirs = (side["us"][turn] for side in sides)
        rows.append(
            (turn, f"{ours:,.1f} µs", f"{theirs:,.1f} µs", f"{ours / theirs:.2f}")
        )
    rows.append(("start", *(f"{side['start_ms']:.0f} ms" for side in sides)))
    if None not in (side["pss_mb"] for side in sides):
        rows.append(("PSS", *(f"{side['pss_mb']:.1f} MB" for side in sides)))
    return "\n".join("".join(f"{cell:>16}" for cell in row) for row in rows)


if __name__ == "__main__":
    main()
