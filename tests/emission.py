"""Runs what `emit` adds to a graph and compares it with scikit-learn."""

from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnx import ModelProto, TensorProto, numpy_helper

from convert.graph.builder import Graph
from convert.lowering.estimators import emit
from convert.lowering.outputs import Outputs
from tests.lowered import scaled_error

Floats = npt.NDArray[np.float64]

DOUBLE, INT64 = TensorProto.DOUBLE, TensorProto.INT64


def make_matrix(n_rows: int = 300, n_columns: int = 5, seed: int = 3) -> Floats:
    """Numbers of different scales, with a column of few whole numbers at the end."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(n_rows, n_columns)) * np.logspace(0, 1, n_columns)
    matrix[:, -1] = rng.integers(0, 6, n_rows)
    return matrix.round(2)


def make_target(matrix: Floats, seed: int = 5) -> Floats:
    """Positive numbers that follow the first columns and some noise."""
    rng = np.random.default_rng(seed)
    known = np.nan_to_num(matrix)
    signal = 3 * known[:, 0] + known[:, 1] * (known[:, -1] > 2) + 0.1 * known[:, 2] ** 2
    target: Floats = 30 + signal + rng.normal(size=len(matrix))
    return target.clip(0.5)


def make_labels(matrix: Floats, n_classes: int, seed: int = 5) -> npt.NDArray[np.str_]:
    """Unequal classes named "a", "b", …."""
    target = make_target(matrix, seed)
    limits = np.quantile(target, np.linspace(0, 1, n_classes + 1)[1:-1] ** 1.3)
    return np.array(list("abcdef"))[np.searchsorted(limits, target)]


def with_missing(matrix: Floats, share: float = 0.1, seed: int = 9) -> Floats:
    rng = np.random.default_rng(seed)
    return np.where(rng.random(matrix.shape) < share, np.nan, matrix)


def build(estimator: Any, n_columns: int) -> ModelProto:
    """Return a graph over one input, `matrix`, with every output there is."""
    graph = Graph()
    matrix = graph.input("matrix", DOUBLE)
    outputs = emit(graph, estimator, matrix, n_columns)
    for name, tensor in outputs._asdict().items():
        if tensor is not None:
            dtype = INT64 if name == "label_index" else DOUBLE
            graph.output(name, tensor, dtype, ["n_rows", "n_values"])
    model = graph.model()
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = n_columns
    return model


def session(model: ModelProto) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


def predicted(estimator: Any, rows: Floats) -> Outputs:
    return run(session(build(estimator, rows.shape[1])), rows)


def run(runner: Any, rows: Floats) -> Outputs:
    """Return the arrays in the places of the tensors."""
    names = [output.name for output in runner.get_outputs()]
    arrays = runner.run(names, {"matrix": rows})
    return Outputs(**dict(zip(names, arrays, strict=True)))


def expected(estimator: Any, rows: Floats) -> Outputs:
    """Return what the library itself says, in the same shapes."""
    with np.errstate(over="ignore"):
        prediction = np.asarray(estimator.predict(rows))
    if not hasattr(estimator, "classes_") or prediction.dtype.kind == "f":
        return Outputs(prediction.reshape(len(rows), -1))  # type: ignore[arg-type]
    index = np.searchsorted(estimator.classes_, np.ravel(prediction)).reshape(-1, 1)
    proba, decision = (
        getattr(estimator, name)(rows) if hasattr(estimator, name) else None
        for name in ("predict_proba", "decision_function")
    )
    decision = None if decision is None else decision.reshape(len(rows), -1)
    return Outputs(None, proba, index, decision)  # type: ignore[arg-type]


def discrepancy(estimator: Any, rows: Floats) -> float:
    """Largest |difference| / max(1, |expected|) over every output and both ways.

    It is infinite where one side alone is NaN. A wrong label, or an output that one
    side alone has, is no matter of distance: it fails at once.
    """
    runner = session(build(estimator, rows.shape[1]))
    graph, alone = run(runner, rows), run(runner, rows[:1])
    library = expected(estimator, rows)
    assert np.array_equal(graph.label_index, library.label_index)  # type: ignore[arg-type]
    worst = 0.0
    for name in ("prediction", "probabilities", "decision"):
        here, there = getattr(graph, name), getattr(library, name)
        assert (here is None) == (there is None), name
        if here is not None:
            worst = max(worst, _gap(here, there), _gap(getattr(alone, name), there[:1]))
    return worst


def _gap(here: Floats, there: Floats) -> float:
    assert here.dtype == np.float64
    return scaled_error(here, there)


def edge_rows(estimator: Any, matrix: Floats, n_thresholds: int = 150) -> Floats:
    """Rows on both sides of the thresholds in the graph, and far away.

    Each threshold itself, and its neighbours in double and in float32.
    """
    rng = np.random.default_rng(1)
    columns, thresholds = _splits(build(estimator, matrix.shape[1]), matrix.shape[1])
    chosen = rng.permutation(len(columns))[:n_thresholds]
    rows = [matrix[:20] * 1e3, matrix[:20] * -1e8]
    for column, threshold in zip(columns[chosen], thresholds[chosen], strict=True):
        values = _neighbours(threshold)
        near = matrix[rng.integers(0, len(matrix), len(values))].copy()
        near[:, column] = values
        rows.append(near)
    return np.vstack(rows)


def _neighbours(value: float) -> Floats:
    single = np.float32(value)
    around = [np.nextafter(single, np.float32(side)) for side in (-np.inf, np.inf)]
    exact = [np.nextafter(value, side) for side in (-np.inf, np.inf)]
    halfway = [(float(single) + float(one)) / 2 for one in around]
    return np.array([value, single, *around, *exact, *halfway], np.float64)


def _splits(model: ModelProto, n_columns: int) -> tuple[npt.NDArray[np.int64], Floats]:
    columns: list[int] = []
    thresholds: list[float] = []
    for node in model.graph.node:
        if node.op_type == "TreeEnsemble":
            attributes = {one.name: one for one in node.attribute}
            columns += attributes["nodes_featureids"].ints
            thresholds += numpy_helper.to_array(attributes["nodes_splits"].t).tolist()
    found, limits = np.array(columns, np.int64), np.array(thresholds)
    kept = (found < n_columns) & (np.abs(limits) < 1e30)
    return found[kept], limits[kept]
