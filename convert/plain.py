"""Python's own values in the place of numpy's."""

import numpy as np

from server.signature import Value


def is_same_label(one: Value, other: Value) -> bool:
    """Whether both name one class: a CSV file tells neither 1 from "1" nor from true."""
    return one == other or str(one) == str(other)


def plain(value: object) -> Value:
    """Return Python's own type; a whole number is an int."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, float, np.number)):
        number = float(value)
        return int(number) if number.is_integer() else number
    return str(value)
