"""Writes docs/coverage.md: every pair of `tests.pairs`, exported, proved and timed.

``python -m tests.coverage_table`` does it in 250 s on two cores that others share.
"""

import pickle
import signal
import statistics
import sys
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import onnx
import pandas as pd

from convert.errors import Refusal
from convert.export import export
from convert.fitted.frame import make_columns
from convert.model_file import ModelFile
from convert.tables.description import Description
from server.runtime.session import Session
from server.signature import Provenance
from tests.old_versions import TITLE
from tests.pairs import all_pairs, fit
from tests.reload import reload

DOCUMENT = Path(__file__).parent.parent / "docs" / "coverage.md"
N_PROCESSES = 2
SKL2ONNX_LIMIT_S = 20
N_RUNS = 9

HEADER = """\
# What converts

Made by `python -m tests.coverage_table`, which fits each pair below on a made-up table
of homes, saves it with joblib, loads and exports that, and proves it as `python -m convert export` does: scikit-learn on
the float64 frame against the graph as the server runs it, in a batch and row by row, on
rows that were not fitted and on edge rows (missing, unknown, extreme, the next float on
either side of each value and halfway between two). A pair above its tolerance would not
be in the file at all.

*Difference* is the largest one found: of predictions up to about 400, or of
probabilities. *Undecided* counts rows on which scikit-learn has no one answer (two
neighbours equally near, two classes equally probable). The times are those of one
run of the session, the fastest of {n_runs}. The last column is what `skl2onnx.to_onnx` does with the
same pipeline, float32 inputs and its own settings, on the rows that were not fitted:
the largest difference, and how many of these rows are wrong by more than 0.1 %.

{n_converted} of {n_pairs} pairs convert, none is wrong; skl2onnx converts {n_foreign}, of
which {n_foreign_wrong} are wrong. {versions}

| preprocessing | estimator | target | difference | tolerance | undecided | bytes | nodes | µs, 1 row | µs, 1000 rows | skl2onnx alone |
|---|---|---|---|---|---|---|---|---|---|---|
"""


class Line(NamedTuple):
    """One line of the table; `refusal` instead of the measurements."""

    pair: str
    cells: tuple[str, ...] = ()
    refusal: str = ""
    foreign: str = ""


def main() -> None:
    started = time.monotonic()
    pairs = all_pairs()
    with ProcessPoolExecutor(N_PROCESSES) as pool:
        lines = list(pool.map(measure, range(len(pairs)), chunksize=4))
    _, title, old_versions = DOCUMENT.read_text("utf-8").partition(TITLE)
    DOCUMENT.write_text(_document(lines) + f"\n{title}{old_versions}", "utf-8")
    seconds = time.monotonic() - started
    sys.stdout.write(f"wrote {DOCUMENT.name}: {len(lines)} pairs in {seconds:.0f} s\n")


def measure(number: int) -> Line:
    """Return the line of the pair with this number: not every pair can be pickled."""
    warnings.simplefilter("ignore")
    pair = all_pairs()[number]
    named = f"{pair.preprocessing} | {pair.estimator} | {', '.join(pair.target)}"
    pipeline, X = fit(pair)
    foreign = _foreign(pipeline, X)
    try:
        pipeline = _reloaded(pipeline)
        exported = export(
            pipeline, X, X, pair.target, Description(name="home"), Provenance()
        )
    except Refusal as refusal:
        return Line(named, refusal=str(refusal), foreign=foreign)
    return Line(named, _cells(exported, X), foreign=foreign)


def _reloaded(pipeline: Any) -> Any:
    """Save and load as people do; a lambda, which joblib cannot save, stays."""
    with TemporaryDirectory() as folder:
        try:
            return reload(pipeline, Path(folder))
        except (AttributeError, pickle.PicklingError):
            return pipeline


def _cells(exported: ModelFile, X: pd.DataFrame) -> tuple[str, ...]:
    found = exported.signature.provenance.discrepancy
    assert found is not None
    graph = onnx.load_from_string(exported.content).graph
    return (
        f"{found.largest:.0e}",
        f"{found.tolerance:.0e}",
        str(found.n_ambiguous or ""),
        f"{len(exported.content):,}",
        str(len(graph.node)),
        *(f"{_run_us(exported, X, n_rows):,.0f}" for n_rows in (1, 1000)),
    )


def _run_us(exported: ModelFile, X: pd.DataFrame, n_rows: int) -> float:
    """Return the time of one run, the fastest of several."""
    rows = X.loc[np.arange(n_rows) % len(X)]
    columns = make_columns(rows, exported.signature.features)
    durations = []
    with Session(exported.content) as session:
        names = [p.name for p in session.outputs if p.name != "contributions"]
        for _ in range(N_RUNS):
            start = time.perf_counter()
            session.predict(names, columns, n_rows)
            durations.append(time.perf_counter() - start)
    return min(durations) * 1e6


def _foreign(pipeline: Any, X: pd.DataFrame) -> str:
    """Say what skl2onnx does with the pipeline, whatever it raises."""
    signal.signal(signal.SIGALRM, _stop)
    signal.alarm(SKL2ONNX_LIMIT_S)
    try:
        model = _convert(pipeline, X)
    except TimeoutError:
        return f"does not end in {SKL2ONNX_LIMIT_S} s"
    except Exception as error:
        return f"refuses ({type(error).__name__})"
    finally:
        signal.alarm(0)
    try:
        return _compare(pipeline, X, model)
    except Exception as error:
        return f"does not run ({type(error).__name__})"


def _stop(*_: object) -> None:
    raise TimeoutError


def _convert(pipeline: Any, X: pd.DataFrame) -> bytes:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    types = [
        (
            name,
            FloatTensorType([None, 1])
            if pd.api.types.is_numeric_dtype(X[name])
            else StringTensorType([None, 1]),
        )
        for name in X
    ]
    model = to_onnx(pipeline, initial_types=types)
    return bytes(model.SerializeToString())


def _compare(pipeline: Any, X: pd.DataFrame, model: bytes) -> str:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model, options)
    feed = {
        put.name: X[name].to_numpy(np.float32)[:, None]
        if put.type == "tensor(float)"
        # skl2onnx's own mark for a missing text
        else X[name].astype(object).where(X[name].notna(), "nan").to_numpy()[:, None]
        for put, name in zip(session.get_inputs(), X, strict=True)
    }
    found = session.run(None, feed)[0]
    expected = np.asarray(pipeline.predict(X))
    found = found.reshape(expected.shape)
    if hasattr(pipeline, "classes_"):
        n_wrong = int((found.astype(str) != expected.astype(str)).sum())
        return f"**{n_wrong} labels wrong**" if n_wrong else "labels right"
    differences = np.abs(found - expected)
    wrong = (differences > 1e-3 * np.maximum(1, np.abs(expected))).reshape(len(X), -1)
    said = f"{np.nanmax(differences):.0e}"
    n_wrong = int(
        (wrong | np.isnan(differences).reshape(wrong.shape)).any(axis=1).sum()
    )
    return f"**{said}, {n_wrong} of {len(X)} wrong**" if n_wrong else said


def _document(lines: Sequence[Line]) -> str:
    converted = [line for line in lines if not line.refusal]
    foreign = [line.foreign for line in lines]
    answered = [
        said for said in foreign if "refuses" not in said and "not " not in said
    ]
    text = HEADER.format(
        n_runs=N_RUNS,
        n_converted=len(converted),
        n_pairs=len(lines),
        n_foreign=len(answered),
        n_foreign_wrong=sum("wrong" in said for said in answered),
        versions=_versions(),
    )
    text += "".join(
        f"| {' | '.join((line.pair, *line.cells, line.foreign))} |\n"
        for line in converted
    )
    text += f"\nMedian of the runs of one row: {_median_us(converted):.0f} µs.\n"
    text += "\n## Refused\n\n"
    for line in lines:
        if line.refusal:
            text += f"- {line.pair.replace(' | ', ', ')}: {line.refusal}\n"
    return text


def _median_us(lines: Sequence[Line]) -> float:
    return statistics.median(float(line.cells[5].replace(",", "")) for line in lines)


def _versions() -> str:
    from importlib.metadata import version

    names = ("scikit-learn", "skl2onnx", "onnx", "onnxruntime")
    return "Versions: " + ", ".join(f"{name} {version(name)}" for name in names) + "."


if __name__ == "__main__":
    main()
