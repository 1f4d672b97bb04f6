"""Runs a third-party converter in a process of its own, with limits.

skl2onnx does not end for some fitted estimators: a tree with an infinite
threshold keeps it looking for a switch point for ever.
"""

import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import joblib
import onnx
from onnx import ModelProto, TensorProto

from convert.errors import Unsupported
from convert.graph.builder import TARGET_OPSET, Graph, Tensor

TIMEOUT_S = 120.0
MAX_MEMORY_BYTES = 8 * 2**30
"""Of address space, most of which numpy's threads reserve and never touch."""

ESTIMATOR, MODEL = "estimator.joblib", "model.onnx"


def skl2onnx_graph(
    estimator: Any,
    n_columns: int,
    *,
    timeout_s: float = TIMEOUT_S,
    max_memory_bytes: int = MAX_MEMORY_BYTES,
) -> ModelProto:
    """Convert a fitted estimator with skl2onnx.

    Returns
    -------
    A model with one float32 input (n_rows, n_columns); of a classifier, the
    outputs are label and probabilities (without ZipMap).

    Raises
    ------
    Unsupported
        It failed, or reached a limit.
    """
    name = type(estimator).__name__
    with tempfile.TemporaryDirectory() as folder:
        joblib.dump(estimator, Path(folder, ESTIMATOR))
        command = [sys.executable, "-m", __name__, folder, str(n_columns)]
        command.append(str(max_memory_bytes))
        try:
            run = subprocess.run(  # noqa: S603
                command,
                cwd=Path(__file__).parents[2],
                timeout=timeout_s,
                capture_output=True,
                text=True,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Unsupported(
                f"skl2onnx did not convert {name} within {timeout_s:g} s: use an "
                "estimator that this converter emits itself"
            ) from None
        if run.returncode != 0:
            reason = (run.stderr.strip().splitlines() or ["no message"])[-1]
            raise Unsupported(
                f"skl2onnx cannot convert {name} ({reason}): use an estimator that this "
                "converter emits itself"
            )
        return onnx.load(Path(folder, MODEL))


def spliced_probabilities(
    graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
) -> Tensor:
    """Add what skl2onnx makes of a classifier, over float32 columns.

    Returns
    -------
    Its probabilities, float64 (n_rows, n_classes).

    Raises
    ------
    Unsupported
        skl2onnx failed, or reached a limit.
    """
    model = skl2onnx_graph(estimator, n_columns)
    single = graph.add("Cast", matrix, to=TensorProto.FLOAT)
    outputs = graph.splice(model, {model.graph.input[0].name: single})
    return graph.add("Cast", outputs[1], to=TensorProto.DOUBLE)


def _convert(folder: str, n_columns: int, max_memory_bytes: int) -> None:
    """Do the work, in the child."""
    _limit_memory(max_memory_bytes)
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    warnings.simplefilter("ignore")
    estimator = joblib.load(Path(folder, ESTIMATOR))
    options = {id(estimator): {"zipmap": False}} if _has_labels(estimator) else None
    model = to_onnx(
        estimator,
        initial_types=[("matrix", FloatTensorType([None, n_columns]))],
        options=options,
        target_opset={"": TARGET_OPSET, "ai.onnx.ml": 3},
    )
    onnx.save(model, Path(folder, MODEL))


def _limit_memory(n_bytes: int) -> None:
    """Where the system has such a limit and keeps it; the timeout is everywhere."""
    if sys.platform == "linux":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_AS)  # as behind a wall
        if most != resource.RLIM_INFINITY:
            n_bytes = min(n_bytes, most)
        resource.setrlimit(resource.RLIMIT_AS, (n_bytes, n_bytes))


def _has_labels(estimator: Any) -> bool:
    return hasattr(estimator, "classes_")


if __name__ == "__main__":
    _convert(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
