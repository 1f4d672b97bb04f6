"""Rows as TensorFlow Serving writes them, and those who followed: `{"instances": […]}`.

An instance is an object by feature name, or a list in the order of the signature, or
the value of the one feature that there is.
https://github.com/kserve/kserve/blob/master/docs/predict-api/v1/README.md
"""

from collections.abc import Collection, Sequence
from typing import Any

from server.problems import Fault, InvalidBatch, MalformedBody, pointer
from server.signature import Feature, Signature


def rows_of(instances: Any, features: Sequence[Feature], named: str) -> list[Any]:
    """Return instances as rows by feature name; what is neither stays as it is.

    Parameters
    ----------
    named
        Where they stand in the body.

    Raises
    ------
    MalformedBody
        They are no list.
    InvalidBatch
        A list has another length than the features.
    """
    if not isinstance(instances, list):
        raise MalformedBody(f'Expected "{named}" to be a list.')
    names = [feature.name for feature in features]
    faults = [
        Fault(pointer(place), _another_length(row, names))
        for place, row in enumerate(instances)
        if isinstance(row, list) and len(row) != len(names)
    ]
    if faults:
        raise InvalidBatch(
            "Rows have another length than the model's features.", faults
        )
    return [_row(each, names) for each in instances]


def is_record(names: Collection[str], signature: Signature) -> bool:
    """Whether these are names of a record's columns, of which one at least is read."""
    read = {feature.name for feature in signature.features}
    return read.union(signature.ignored).issuperset(names) and not read.isdisjoint(
        names
    )


def _row(instance: Any, names: Sequence[str]) -> Any:
    if isinstance(instance, list):
        return dict(zip(names, instance, strict=True))
    if len(names) == 1 and not isinstance(instance, dict):
        return {names[0]: instance}
    return instance


def _another_length(row: Sequence[Any], names: Sequence[str]) -> str:
    return (
        f"It has {len(row)} values; the model reads {len(names)}: {', '.join(names)}."
    )
