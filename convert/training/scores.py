"""How good predictions are, by scores that every scikit-learn from 1.0 on has."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.metrics import (
    accuracy_score,
    mean_absolute_error,
    r2_score,
)

from convert.fitted.plain import is_same_label
from server.signature import Value

Floats = npt.NDArray[np.float64]


def score_regression(truth: Floats, predictions: Floats) -> dict[str, float]:
    """Return scores by scikit-learn's names; shape (n_rows, n_targets).

    A target that is the same in every row leaves nothing to explain, so no R².
    """
    squared = ((truth - predictions) ** 2).mean(axis=0)
    is_same = (truth == truth[0]).all(axis=0).any()
    explained = {} if is_same else {"r2_score": float(r2_score(truth, predictions))}
    return explained | {
        "mean_absolute_error": float(mean_absolute_error(truth, predictions)),
        "root_mean_squared_error": float(np.sqrt(squared).mean()),
    }


def score_classification(
    truth: Sequence[Value], labels: Sequence[Value]
) -> dict[str, float]:
    hits = list(map(is_same_label, truth, labels))
    return {"accuracy_score": float(accuracy_score([True] * len(hits), hits))}
