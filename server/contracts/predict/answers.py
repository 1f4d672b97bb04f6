"""Turns a prediction into the bytes of an answer.

The singular form answers one object, the plural one a list or columns:
``{"prediction": …}`` and ``{"predictions": […]}``. What `?include=` adds follows
the same rule.
"""

from typing import Any

import msgspec

from server.batch import Batch, Prediction


def write_answer(batch: Batch, prediction: Prediction) -> bytes:
    """Return the JSON answer, in the form of the batch's body."""
    one = batch.form == "row"
    values = prediction.values
    document: dict[str, Any] = (
        {"prediction": values[0]} if one else {"predictions": values}
    )
    for include, included in prediction.included.items():
        plural = include if include.endswith("s") else f"{include}s"
        document |= {include: included[0]} if one else {plural: included}
    if prediction.baseline is not None:
        document["baseline"] = prediction.baseline
    return msgspec.json.encode(document)
