"""Tensors as columns of the model's features, where nothing is lost by it."""

from collections.abc import Mapping, Sequence
from typing import Any

from server.contracts.predict.faults import too_many
from server.contracts.schema import Schema
from server.contracts.v2.tensors import STRINGS, Tensor
from server.problems import Fault, InvalidBatch, MalformedBody, pointer
from server.signature import Feature, is_boolean, is_text

EXACT = 2**53
"""Whole numbers up to it are the same as float64, which the graph reads."""


def columns_of(
    parts: Sequence[tuple[Tensor, bytes | None]], schema: Schema
) -> Mapping[str, Sequence[Any]]:
    """Return the values of a request by feature.

    Its tensors are one a feature, `[N]` or `[N, 1]`, or one of all features, `[N, F]`
    in the order of the signature.

    Raises
    ------
    MalformedBody, InvalidBatch, TooManyRows
    """
    signature = schema.signature
    features = {each.name: each for each in signature.features}
    if not parts:
        raise MalformedBody("There is no input.")
    columns: dict[str, Sequence[Any]] = {}
    for tensor, content in parts:
        n_rows = _n_rows(tensor, len(features))
        if n_rows > schema.max_rows:
            raise too_many(n_rows, schema.max_rows)
        if tensor.name in columns:
            raise MalformedBody(f"There are two inputs named {tensor.name!r}.")
        values = tensor.values(content)
        if len(parts) == 1 and tensor.name not in features and _is_matrix(tensor):
            for place, feature in enumerate(signature.features):
                column = values[place :: len(features)]
                columns[feature.name] = _cast(feature, tensor, column)
        elif tensor.name in features:
            columns[tensor.name] = _cast(features[tensor.name], tensor, values)
        else:
            columns[tensor.name] = values  # to be told that there is no such feature
    return columns


def _is_matrix(tensor: Tensor) -> bool:
    return len(tensor.shape) == 2


def _n_rows(tensor: Tensor, n_features: int) -> int:
    """Return the number of rows of a tensor.

    Raises
    ------
    MalformedBody
        Its shape is another than a column's, or than that of all features.
    """
    match tensor.shape:
        case [n_rows] | [n_rows, 1]:
            return n_rows
        case [n_rows, n_columns] if n_columns == n_features:
            return n_rows
    raise MalformedBody(
        f"Of the input {tensor.name!r}, the shape is {tensor.shape}; a feature is [N] "
        f"or [N, 1], and all {n_features} of them together [N, {n_features}]."
    )


def _cast(feature: Feature, tensor: Tensor, values: Sequence[Any]) -> Sequence[Any]:
    """Return the values as JSON has them for the feature.

    Raises
    ------
    InvalidBatch
        The tensor's data type is of another kind, or a value would change.
    """
    if is_text(feature) != (tensor.datatype == STRINGS):
        wanted = STRINGS if is_text(feature) else "numbers"
        raise _wrong(feature, f"The datatype is {tensor.datatype}; send {wanted}.")
    if is_boolean(feature):
        return [bool(value) if value in (0, 1) else value for value in values]
    if is_text(feature) or tensor.datatype in ("BOOL", "FP16", "FP32", "FP64"):
        return values
    for value in values:
        if isinstance(value, int) and abs(value) > EXACT and float(value) != value:
            raise _wrong(feature, f"{value} is no number of 64 bits.")
    return values


def _wrong(feature: Feature, detail: str) -> InvalidBatch:
    fault = Fault(pointer("columns", feature.name), detail)
    return InvalidBatch("A column is of another kind.", [fault])
