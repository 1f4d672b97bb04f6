"""Gives a connection of DuckDB the function `predict`, which asks a running server."""

import http.client
from typing import Any
from urllib.parse import urlsplit

import duckdb
import msgspec
import pyarrow as pa

from deploy.batches import Refused, answer, prediction_type
from server.signature import Feature, is_boolean, is_text, read

NAMES = {"bool": "BOOLEAN", "double": "DOUBLE", "int64": "BIGINT", "string": "VARCHAR"}
"""What DuckDB calls the types of Arrow."""

TIMEOUT_S = 60


def register(connection: duckdb.DuckDBPyConnection, url: str, model: str) -> None:
    """Make `predict`, from a struct of the model's features to a prediction or an error.

    DuckDB refuses a struct that lacks a feature or has another column.

    Parameters
    ----------
    url
        Of the server.
    model
        Its name there.
    """
    signature = read(_ask(url, "GET", f"/models/{model}"))
    names = [feature.name for feature in signature.features]
    predicted = prediction_type(signature)
    answered = pa.struct([("prediction", predicted), ("error", pa.string())])

    def ask(body: bytes) -> list[Any]:
        said = msgspec.json.decode(_ask(url, "POST", f"/models/{model}/predict", body))
        return list(said["predictions"] if "predictions" in said else said.values())

    def predict(rows: pa.ChunkedArray) -> pa.Array:
        batch = pa.RecordBatch.from_struct_array(rows.combine_chunks())
        predictions, errors = answer(batch, names, ask)
        columns = [pa.array(predictions, predicted), pa.array(errors, pa.string())]
        return pa.StructArray.from_arrays(columns, fields=list(answered))

    given = {feature.name: _type_of(feature) for feature in signature.features}
    connection.create_function(
        "predict",
        predict,
        [duckdb.struct_type(given)],
        _named(answered),
        type="arrow",
        null_handling="special",
    )


def _ask(url: str, method: str, path: str, body: bytes | None = None) -> bytes:
    """Return the body of an answer.

    Raises
    ------
    Refused
        The server's problem, in one line.
    """
    address = urlsplit(url)
    is_https = address.scheme == "https"
    connect = http.client.HTTPSConnection if is_https else http.client.HTTPConnection
    connection = connect(address.netloc, timeout=TIMEOUT_S)
    try:
        connection.request(method, address.path.rstrip("/") + path, body)
        response = connection.getresponse()
        said = response.read()
    finally:
        connection.close()
    if response.status == http.client.OK:
        return said
    problem = msgspec.json.decode(said)
    faults = [(each["pointer"], each["detail"]) for each in problem.get("errors", [])]
    raise Refused(problem.get("detail", problem["title"]), faults)


def _type_of(feature: Feature) -> str:
    if is_text(feature):
        return "VARCHAR"
    return "BOOLEAN" if is_boolean(feature) else "DOUBLE"


def _named(kind: pa.DataType) -> Any:
    """Return DuckDB's type for one of Arrow."""
    if pa.types.is_struct(kind):
        return duckdb.struct_type({field.name: _named(field.type) for field in kind})
    return duckdb.type(NAMES[str(kind)])
