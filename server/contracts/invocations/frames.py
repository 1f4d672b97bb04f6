"""The JSON bodies of people who think in data frames, as rows or columns of ours."""

from collections.abc import Callable, Mapping
from typing import Any

from server.contracts.instances import is_record, rows_of
from server.contracts.predict.faults import known
from server.problems import MalformedBody
from server.signature import Signature

FEATURES = "features"
"""SageMaker's own examples have each row in an object under this name."""

HOW = (
    'Send {"instances": [row, …]}, {"dataframe_split": {"columns": […], "data": [row, …]}} '
    'or {"dataframe_records": [{…}, …]}.'
)


def document_of(body: Any, signature: Signature) -> Any:
    """Return rows or columns, as `RowReader.check` takes them.

    Raises
    ------
    MalformedBody
    InvalidBatch
    """
    if isinstance(body, list):
        return _records(body, signature, "the body")
    if not isinstance(body, dict):
        raise MalformedBody(f"The body is neither an object nor a list. {HOW}")
    found = [name for name in READERS if name in body]
    if not found or is_record(body, signature):
        return [body]
    if len(found) > 1:
        raise MalformedBody(f"The body has both {found[0]} and {found[1]}. {HOW}")
    return READERS[found[0]](body[found[0]], signature, found[0])


def _records(rows: Any, signature: Signature, named: str) -> Any:
    names = {feature.name for feature in signature.features}
    if isinstance(rows, list) and FEATURES not in names:
        rows = [
            row[FEATURES] if isinstance(row, dict) and list(row) == [FEATURES] else row
            for row in rows
        ]
    return rows_of(rows, signature.features, named)


def _split(frame: Any, signature: Signature, named: str) -> Any:
    """Return the columns of a frame that is split into names and rows.

    Raises
    ------
    MalformedBody
    """
    match frame:
        case {"columns": list(names), "data": list(rows)}:
            pass
        case {"data": list(rows)} if "columns" not in frame:
            return _records(rows, signature, f"{named}.data")
        case _:
            raise MalformedBody(f"{named} has no columns and data, both lists. {HOW}")
    if len(set(map(str, names))) < len(names):
        raise MalformedBody(f"{named} has two columns of one name.")
    for place, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(names):
            raise MalformedBody(
                f"{named}.data[{place}] is no list of {len(names)} values, one a column."
            )
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    return {"columns": dict(zip(map(str, names), map(list, columns), strict=True))}


def _inputs(inputs: Any, signature: Signature, named: str) -> Any:
    """Return the columns or rows of what MLflow calls inputs."""
    if not isinstance(inputs, dict):
        return _records(inputs, signature, named)
    given = known(inputs, signature)
    if any(isinstance(values, list) for values in given.values()):
        return {"columns": inputs}
    return [inputs]


def _input_data(data: Any, signature: Signature, named: str) -> Any:
    is_frame = isinstance(data, dict) and "data" in data
    return (_split if is_frame else _inputs)(data, signature, named)


READERS: Mapping[str, Callable[[Any, Signature, str], Any]] = {
    "instances": _records,
    "dataframe_split": _split,
    "dataframe_records": _records,
    "inputs": _inputs,
    "input_data": _input_data,
    "data": _input_data,
    "columns": lambda columns, _, __: {"columns": columns},
}
"""By the name that the rows have in the body; the last three are Azure's and ours."""
