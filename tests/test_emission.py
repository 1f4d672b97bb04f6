"""What compares the emitters with scikit-learn sees every difference."""

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from convert.graph.builder import Graph, Tensor
from convert.lowering.estimators import emit
from convert.lowering.outputs import Outputs
from tests import emission
from tests.emission import discrepancy, make_labels, make_matrix, make_target
from tests.lowered import scaled_error


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_one_side_alone_has_is_infinitely_far(value: float) -> None:
    odd, plain = np.array([[1.0, value]]), np.array([[1.0, 2.0]])

    assert scaled_error(odd, plain) == np.inf
    assert scaled_error(plain, odd) == np.inf
    assert scaled_error(odd, odd) == 0.0


def test_an_error_is_scaled_by_what_is_expected_but_never_enlarged() -> None:
    actual, expected = np.array([[9.0, 0.5]]), np.array([[8.0, 0.25]])

    assert scaled_error(actual, expected) == 0.25
    assert scaled_error(actual[:, :1], expected[:, :1]) == 0.125
    assert scaled_error(actual, expected.T) == np.inf


def spoil(monkeypatch: pytest.MonkeyPatch, output: str, value: float) -> None:
    """Let the emitters add `value` to one of their outputs."""

    def emit_spoilt(
        graph: Graph, estimator: Any, matrix: Tensor, n_columns: int
    ) -> Outputs:
        outputs = emit(graph, estimator, matrix, n_columns)
        dtype = "int64" if output == "label_index" else "float64"
        shift = graph.constant([value], dtype)
        spoilt = graph.add("Add", getattr(outputs, output), shift)
        return outputs._replace(**{output: spoilt})

    monkeypatch.setattr(emission, "emit", emit_spoilt)


@pytest.mark.parametrize(
    ("value", "expected"), [(0.0, 0.0), (np.nan, np.inf), (np.inf, np.inf)]
)
def test_a_regressor_that_answers_nothing_is_infinitely_far(
    monkeypatch: pytest.MonkeyPatch, value: float, expected: float
) -> None:
    matrix = make_matrix()
    estimator = Ridge().fit(matrix, make_target(matrix))
    spoil(monkeypatch, "prediction", value)

    assert discrepancy(estimator, matrix) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("output", ["probabilities", "decision"])
def test_a_classifier_is_compared_in_each_of_its_outputs(
    monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    matrix = make_matrix()
    estimator = LogisticRegression(max_iter=1000).fit(matrix, make_labels(matrix, 3))
    spoil(monkeypatch, output, np.nan)

    assert discrepancy(estimator, matrix) == np.inf


def test_a_wrong_label_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = make_matrix()
    estimator = LogisticRegression(max_iter=1000).fit(matrix, make_labels(matrix, 3))
    spoil(monkeypatch, "label_index", 1)

    with pytest.raises(AssertionError):
        discrepancy(estimator, matrix)
