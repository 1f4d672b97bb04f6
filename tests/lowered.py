"""Fits, lowers and runs preprocessors, to compare them with scikit-learn."""

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pandas as pd
from onnx import ModelProto, TensorProto

from convert.graph.blocks import Matrix, add_inputs
from convert.graph.builder import Graph
from convert.lowering.transformers import lower
from server.signature import MISSING_TEXT, Feature

Floats = npt.NDArray[np.float64]

COLOURS = ["blue", "green", "grün / größer", "red", "None", "nan", ""]


def make_numbers(n_rows: int = 120, seed: int = 0) -> pd.DataFrame:
    """Return columns of decimals, whole numbers and large magnitudes, none missing."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "decimal": rng.normal(3, 2, n_rows).round(2),
            "positive": rng.gamma(2, 3, n_rows) + 0.01,
            "whole": rng.integers(0, 20, n_rows).astype(np.float64),
            "epoch": 1.7e9 + rng.uniform(0, 1e8, n_rows).round(),
            "small": rng.normal(0, 1e-6, n_rows),
        }
    )


def make_gaps(n_rows: int = 120, seed: int = 0) -> pd.DataFrame:
    """Return `make_numbers` with a tenth of the cells missing."""
    numbers = make_numbers(n_rows, seed)
    missing = np.random.default_rng(seed + 1).random(numbers.shape) < 0.1
    return numbers.mask(missing)


def make_mixed(n_rows: int = 160, seed: int = 0) -> pd.DataFrame:
    """Return numbers and every kind of category, none missing."""
    rng = np.random.default_rng(seed)
    frame = make_numbers(n_rows, seed)[["decimal", "whole"]]
    frame["colour"] = rng.choice(COLOURS, n_rows)
    frame["size / cm (outer)"] = rng.choice(["S", "M", "L"], n_rows)
    frame["grade"] = rng.integers(1, 6, n_rows)
    frame["half"] = rng.choice([0.5, 1.5, 2.0], n_rows)
    frame["paid"] = rng.random(n_rows) < 0.4
    frame["kind"] = pd.Categorical(rng.choice(["x", "y"], n_rows))
    return frame


def describe(sample: pd.DataFrame) -> list[Feature]:
    features = []
    for position, name in enumerate(sample.columns):
        values = sample[name].dropna()
        text = len(values) > 0 and isinstance(values.iloc[0], str)
        features.append(
            Feature(
                name=name,
                input=f"in {position}",
                kind="category" if text else "number",
                categories=("",) if text else (),
            )
        )
    return features


def lower_to_model(transformer: Any, sample: pd.DataFrame) -> tuple[ModelProto, Matrix]:
    graph = Graph()
    columns = add_inputs(graph, describe(sample))
    matrix = lower(graph, transformer, columns, sample)
    shape: list[int | str] = ["n_rows", matrix.n_columns]
    graph.output("matrix", matrix.tensor, TensorProto.DOUBLE, shape)
    return graph.model(), matrix


def run(model: ModelProto, rows: pd.DataFrame) -> Floats:
    return _run(onnxruntime.InferenceSession(model.SerializeToString()), rows)


def _run(session: Any, rows: pd.DataFrame) -> Floats:
    matrix: Floats = session.run(None, feed(session, rows))[0]
    return matrix


def feed(session: Any, rows: pd.DataFrame) -> dict[str, npt.NDArray[Any]]:
    """Return rows as the inputs that `describe` named."""
    texts = {put.name for put in session.get_inputs() if put.type == "tensor(string)"}
    arrays = {}
    for position, name in enumerate(rows.columns):
        key, column = f"in {position}", rows[name]
        if key in texts:
            values = [MISSING_TEXT if pd.isna(v) else v for v in column]
            arrays[key] = np.array(values, object)[:, None]
        else:
            arrays[key] = column.to_numpy(np.float64, na_value=np.nan)[:, None]
    return arrays


def transform(transformer: Any, rows: Any) -> Floats:
    """Return what scikit-learn gives, dense, without its warnings of unknown values."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        matrix = transformer.transform(rows)
    if hasattr(matrix, "toarray"):
        matrix = matrix.toarray()
    return np.asarray(matrix, np.float64)


def scaled_error(actual: Floats, expected: Floats) -> float:
    """Return max |actual − expected| / max(1, |expected|).

    It is infinite where NaN, an infinity or the shape differs.
    """
    if actual.shape != expected.shape:
        return np.inf
    if not np.array_equal(np.isnan(actual), np.isnan(expected)):
        return np.inf
    same = (actual == expected) | np.isnan(expected)
    with np.errstate(invalid="ignore"):
        error = np.abs(actual - expected) / np.maximum(1, np.abs(expected))
    error[np.isnan(error)] = np.inf  # of infinities; a caller's max() would lose NaN
    return float(np.max(np.where(same, 0, error), initial=0))


def compare(transformer: Any, sample: pd.DataFrame, rows: pd.DataFrame) -> float:
    """Return the scaled error over rows as a batch, after each row alone agrees."""
    model, _ = lower_to_model(transformer, sample)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    batch = _run(session, rows)
    for position in range(0, len(rows), 17):
        alone = _run(session, rows.iloc[[position]])
        assert scaled_error(alone, batch[[position]]) < 1e-12
    return scaled_error(batch, transform(transformer, rows))
