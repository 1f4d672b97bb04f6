from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from convert.errors import Refusal
from convert.graph.builder import Graph
from convert.lowering.preprocessing.inverse import invert
from tests.lowered import Floats

TARGETS = np.random.default_rng(0).gamma(3, 12, (300, 1)) + 0.5

TRANSFORMERS: list[Any] = [
    FunctionTransformer(np.log1p, np.expm1),
    FunctionTransformer(np.sqrt, np.square),
    FunctionTransformer(),
    MaxAbsScaler(),
    MinMaxScaler((-1, 1)),
    RobustScaler(),
    RobustScaler(with_centering=False, with_scaling=False),
    StandardScaler(),
    StandardScaler(with_mean=False),
    PowerTransformer(),
    PowerTransformer(standardize=False),
    PowerTransformer("box-cox"),
    QuantileTransformer(n_quantiles=40),
    QuantileTransformer(n_quantiles=300, output_distribution="normal"),
    make_pipeline(FunctionTransformer(np.log, np.exp), StandardScaler()),
]


def run_inverse(transformer: Any, y: Floats) -> Floats:
    graph = Graph()
    inverted = invert(graph, transformer, graph.input("y", TensorProto.DOUBLE))
    graph.output("x", inverted, TensorProto.DOUBLE, ["n_rows", 1])
    session = onnxruntime.InferenceSession(graph.model().SerializeToString())
    result: Floats = session.run(None, {"y": y})[0]
    return result


@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=str)
def test_inverse_agrees_inside_and_outside_of_what_was_fitted(transformer: Any) -> None:
    transformed = transformer.fit_transform(TARGETS)
    spread = np.linspace(-0.2, 1.2, 1001)[:, None]
    y = transformed.min() + spread * np.ptp(transformed)

    expected = transformer.inverse_transform(y)
    error = np.abs(run_inverse(transformer, y) - expected) / np.maximum(1, expected)
    assert np.nanmax(error) < 2e-14
    assert np.array_equal(np.isnan(error), np.isnan(expected))


@pytest.mark.parametrize("power", [0.0, 2.0, 0.5, -1.5])
@pytest.mark.parametrize("method", ["box-cox", "yeo-johnson"])
def test_inverse_power_agrees_at_the_logarithms(method: Any, power: float) -> None:
    transformer = PowerTransformer(method, standardize=False).fit(TARGETS)
    transformer.lambdas_[:] = power
    y = np.linspace(-0.4, 0.4, 101)[:, None]

    expected = transformer.inverse_transform(y)
    assert np.allclose(run_inverse(transformer, y), expected, rtol=0, atol=1e-15)


REFUSED: list[Any] = [
    (FunctionTransformer(np.log, lambda y: np.exp(y)), "a lambda"),
    (Normalizer(), "Normalizer"),
]


@pytest.mark.parametrize(("transformer", "name"), REFUSED, ids=[n for _, n in REFUSED])
def test_inverse_without_exact_form_is_refused(transformer: Any, name: str) -> None:
    graph = Graph()
    y = graph.input("y", TensorProto.DOUBLE)

    with pytest.raises(Refusal, match=name):
        invert(graph, transformer.fit(TARGETS), y)
