"""What a final estimator computes, as tensors."""

from typing import NamedTuple

from convert.errors import Unsupported
from convert.graph.arithmetic import argmax
from convert.graph.builder import Graph, Tensor


class Outputs(NamedTuple):
    """Tensors that an estimator computes; None for what it does not have.

    Parameters
    ----------
    prediction
        Of a regressor: float64 (n_rows, n_targets).
    probabilities
        What `predict_proba` returns: float64 (n_rows, n_classes).
    label_index
        What `predict` returns, as int64 (n_rows, 1) into `classes_`.
    decision
        What `decision_function` returns: float64 (n_rows, 1) for two classes,
        (n_rows, n_classes) for more.
    """

    prediction: Tensor | None = None
    probabilities: Tensor | None = None
    label_index: Tensor | None = None
    decision: Tensor | None = None


def from_probabilities(graph: Graph, probabilities: Tensor) -> Outputs:
    """Label the class with the largest probability."""
    return Outputs(
        probabilities=probabilities, label_index=argmax(graph, probabilities)
    )


def prediction(outputs: Outputs) -> Tensor:
    """Return the predicted numbers.

    Raises
    ------
    Unsupported
        The estimator predicts none.
    """
    return _present(outputs.prediction, "prediction of a number")


def probabilities(outputs: Outputs) -> Tensor:
    """Return the probabilities.

    Raises
    ------
    Unsupported
        The estimator has none.
    """
    return _present(outputs.probabilities, "predict_proba")


def label(outputs: Outputs) -> Tensor:
    """Return the index of the class.

    Raises
    ------
    Unsupported
        The estimator predicts none.
    """
    return _present(outputs.label_index, "class")


def decision(outputs: Outputs) -> Tensor:
    """Return the decision function.

    Raises
    ------
    Unsupported
        The estimator has none.
    """
    return _present(outputs.decision, "decision_function")


def _present(tensor: Tensor | None, what: str) -> Tensor:
    if tensor is None:
        raise Unsupported(
            f"a member of the ensemble has no {what}: export the members apart"
        )
    return tensor
