"""Python's own values in the place of numpy's."""

from typing import Any

import numpy as np
import numpy.typing as npt

from server.signature import Value


def is_same_label(one: Value, other: Value) -> bool:
    """Whether both name one class: a CSV file tells neither 1 from "1" nor from true."""
    return one == other or str(one) == str(other)


def plain(value: object) -> Value:
    """Return Python's own type; a whole number is an int."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)  # not by way of a float, which joins those beyond 2**53
    if isinstance(value, (float, np.number)):
        number = float(value)
        return int(number) if number.is_integer() else number
    return str(value)


def dense(matrix: Any) -> npt.NDArray[np.float64]:
    """Return what an estimator holds as an array: fitted on sparse rows it is sparse."""
    rows = matrix.toarray() if hasattr(matrix, "toarray") else matrix
    return np.asarray(rows, np.float64)
