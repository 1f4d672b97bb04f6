"""`python -m tests.engine_figures` measures the engines, for bench/results/engines.json."""

import json
import statistics
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bench.figures.rounds import show, write_json
from bench.subjects.machine import describe_run
from tests.engines import MODEL, python_of
from tests.postgresql import Database, running_database
from tests.ray_cluster import Cluster
from tests.servers import ROOT, running_server
from tests.students import make_students
from tests.test_engines_postgresql import fill, install, statement
from tests.test_engines_ray import lose_a_replica
from tests.test_engines_spark import submission
from tests.tools import run

OUTPUT = ROOT / "bench" / "results" / "engines.json"
N_SPARK, N_FEW, N_DUCKDB, N_POSTGRESQL = 2_000_000, 1_000, 100_000, 1_000
N_ROUNDS, N_JOBS = 3, 2
COUNT = """
import ctypes, json, os, resource, subprocess, sys, time
# what Spark leaves behind is waited for too, and so counted
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
start = time.monotonic()
code = subprocess.run(sys.argv[1:], stdout=sys.stderr).returncode
seconds = time.monotonic() - start
try:
    while time.monotonic() < start + seconds + 30:
        os.wait()
except ChildProcessError:
    pass
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([code, seconds, used.ru_utime + used.ru_stime]))
"""
"""Runs a command; prints its code, its time and the CPU of all it started."""

QUERY = """
import sys, time
import duckdb
from deploy.duckdb.predict import register
url, table = sys.argv[1:]
connection = duckdb.connect()
register(connection, url, model="student_performance")
start = time.monotonic()
connection.sql(
    "CREATE TABLE predicted AS SELECT unnest(predict(struct_pack(*COLUMNS(* EXCLUDE id))))"
    f"FROM '{table}'"
)
print(time.monotonic() - start)
"""
ONE_BY_ONE = """
SELECT predict(json_build_array(to_jsonb(students) - 'id')) FROM students
"""
PACKAGES = {
    "spark": ["pyspark", "pyarrow", "onnxruntime"],
    "duckdb": ["duckdb"],
    "ray": ["ray"],
}

Figures = dict[str, Any]


def main() -> None:
    """Measure one engine after another, and write the file."""
    result: Figures = describe_run()
    result["command"] = ["python", "-m", "tests.engine_figures"]
    result["versions"] = _versions()
    result["figures"] = {}
    for measure in (spark, duckdb, postgresql, ray):
        show(measure.__name__)
        with TemporaryDirectory(prefix="engines-") as folder:
            result["figures"][measure.__name__] = measure(Path(folder))
    write_json(OUTPUT, result)


def spark(folder: Path) -> Figures:
    """Return what two million rows cost beyond what a thousand do, on two cores."""
    few_rows = students(folder / "few.parquet", N_FEW)
    many_rows = students(folder / "many.parquet", N_SPARK)
    count(few_rows)  # which finds no byte-code yet
    few = _least([count(few_rows) for _ in range(N_JOBS)])
    many = _least([count(many_rows) for _ in range(N_JOBS)])
    n_more = N_SPARK - N_FEW
    return {
        "n_rows": N_SPARK,
        "seconds": round(many[0], 2),
        "cpu_seconds": round(many[1], 2),
        "start_seconds": round(few[0], 2),
        "start_cpu_seconds": round(few[1], 2),
        "rows_per_second": round(n_more / (many[0] - few[0])),
        "cpu_seconds_per_million_rows": round((many[1] - few[1]) / n_more * 1e6, 2),
    }


def count(table: Path) -> tuple[float, float]:
    """Return the time and the CPU of a job, from its start to its end."""
    with TemporaryDirectory(prefix="predicted-") as folder:
        output = Path(folder) / "predicted"
        command, environment = submission(MODEL, table, output)
        done = run(sys.executable, "-c", COUNT, *command, environment=environment)
        predicted = pq.read_table(output, columns=["error"])["error"]
    code, seconds, cpu_seconds = json.loads(done.stdout)
    assert code == 0, done.stderr
    assert predicted.null_count == len(predicted) > 0
    return seconds, cpu_seconds


def _least(measured: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the least time and the least CPU: others only add to them."""
    return min(each[0] for each in measured), min(each[1] for each in measured)


def duckdb(folder: Path) -> Figures:
    """Return how long a query takes that predicts a table, in the median."""
    table = students(folder / "students.parquet", N_DUCKDB)
    with running_server() as served:
        seconds = [
            float(run(python_of("duckdb"), "-c", QUERY, served.url, table).stdout)
            for _ in range(N_ROUNDS)
        ]
    return {"n_rows": N_DUCKDB, "seconds": round(statistics.median(seconds), 3)}


def postgresql(folder: Path) -> Figures:
    """Return how long a statement takes with one call for all rows, and one for each."""
    rows = students(folder / "students.parquet", N_POSTGRESQL)
    with running_database() as database, running_server() as served:
        install(database, served.url)
        fill(database, pq.read_table(rows).to_pylist())
        once, each = (
            statistics.median(_explained(database, text) for _ in range(N_ROUNDS))
            for text in (statement().partition("AS\n")[2], ONE_BY_ONE)
        )
    return {
        "n_rows": N_POSTGRESQL,
        "one_call_ms": round(once, 1),
        "one_by_one_ms": round(each, 1),
    }


def ray(folder: Path) -> Figures:
    """Return the start and the memory of two replicas, and what losing one costs."""
    figures: Figures = {"n_replicas": 2}

    def report(cluster: Cluster) -> None:
        figures["ready_seconds"] = round(cluster.ready_s, 1)
        figures["pss_mib"] = round(cluster.memory_mib())

    outcome = lose_a_replica(folder, report)
    lost = [pair for pair in outcome.pairs if pair[0] != pair[1]]
    return figures | {
        "n_requests": len(outcome.pairs),
        "n_asked_once_more": outcome.n_retries,
        "n_lost": len(lost),
    }


def students(path: Path, n_rows: int) -> Path:
    """Write a table without faults, in groups that two cores can share."""
    table = make_students(n_rows).drop(columns="math_score")
    arrow = pa.Table.from_pandas(table.assign(id=range(n_rows)), preserve_index=False)
    pq.write_table(arrow, path, row_group_size=50_000)
    return path


def _explained(database: Database, text: str) -> float:
    """Run a statement, and return how long it took in the database, in ms."""
    shown = database.psql(given=f"EXPLAIN (ANALYZE, FORMAT JSON) {text}").stdout
    return float(json.loads(shown)[0]["Execution Time"])


def _versions() -> dict[str, str]:
    listed = "import importlib.metadata as m; print(*map(m.version, {names}))"
    found: dict[str, str] = {}
    for engine, names in PACKAGES.items():
        code = listed.format(names=names)
        values = run(python_of(engine), "-c", code).stdout.split()
        found |= dict(zip(names, values, strict=True))
    with running_database() as database:
        found["postgresql"] = database.psql(given="SHOW server_version").stdout.split()[
            0
        ]
    return found


if __name__ == "__main__":
    main()
