"""`python -m tests.capacity_figures` measures many models in one server.

It needs the students' table, which STUDENTS_CSV names, and writes
bench/results/capacity.json.
"""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import msgspec
import onnx
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from bench.figures.rounds import show, write_json
from bench.subjects.machine import describe_run
from bench.subjects.program import read_memory
from convert import to_onnx
from convert.model_file import write_model_file
from tests.servers import ROOT, running_server

OUTPUT = ROOT / "bench" / "results" / "capacity.json"
TARGET = "math_score"
NUMBERS = ["reading_score", "writing_score"]
N_MODELS = (1, 10, 100)
N_ASKED = 20
"""Requests for each model, before the memory is read."""

ESTIMATORS: Mapping[str, Any] = {
    "linear regression": LinearRegression(),
    "forest of 100 trees": RandomForestRegressor(
        100, min_samples_leaf=5, random_state=0
    ),
}


def main() -> int:
    """Measure each kind of model, and write the file."""
    table = pd.read_csv(os.environ["STUDENTS_CSV"])
    figures = {}
    for label, estimator in ESTIMATORS.items():
        with TemporaryDirectory(prefix="capacity-") as name:
            figures[label] = measure(table, estimator, Path(name))
    write_json(OUTPUT, {**describe_run(), "figures": figures})
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    return 0


def measure(table: pd.DataFrame, estimator: Any, folder: Path) -> dict[str, Any]:
    """Return the size of one file, and the memory of a server with some of them."""
    features = table.drop(columns=TARGET)
    texts = [name for name in features if name not in NUMBERS]
    encoder = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), texts), (StandardScaler(), NUMBERS)
    )
    pipeline = make_pipeline(encoder, estimator).fit(features, table[TARGET])
    model = to_onnx(pipeline, features, target=TARGET)
    paths = [folder / f"model{number}.onnx" for number in range(max(N_MODELS))]
    for path in paths:
        renamed = msgspec.structs.replace(model.signature, name=path.stem)
        graph = onnx.load_from_string(model.content)
        path.write_bytes(write_model_file(graph, renamed))
    show(f"serving {type(estimator).__name__}")
    row = json.loads(features.iloc[0].to_json())
    memory = {n: serve(paths[:n], row) for n in N_MODELS}
    return {"file_kb": round(paths[0].stat().st_size / 1e3, 1), "memory": memory}


def serve(paths: list[Path], row: Any) -> dict[str, float]:
    """Return the memory of a server that has answered for each of the models."""
    with (
        running_server(*paths) as served,
        httpx.Client(base_url=served.url, timeout=60) as client,
    ):
        for path in paths * N_ASKED:
            client.post(f"/models/{path.stem}/predict", json=row).raise_for_status()
        return asdict(read_memory([served.process.pid]))


if __name__ == "__main__":
    sys.exit(main())
