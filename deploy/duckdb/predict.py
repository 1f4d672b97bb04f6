"""Gives a connection of DuckDB the function `predict`, which asks a running server."""

import http.client
from contextlib import closing
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

MAX_SHOWN = 200
"""Bytes of an answer that is not the server's."""


class Unanswered(Exception):
    """The server does not answer, or another in its place: no fault of any row."""


def register(connection: duckdb.DuckDBPyConnection, url: str, model: str) -> None:
    """Make `predict`, from a struct of the model's features to a prediction or an error.

    DuckDB refuses a struct that lacks a feature or has another column.

    Parameters
    ----------
    url
        Of the server.
    model
        Its name there.

    Raises
    ------
    Refused, Unanswered, UnreadableSignature
    """
    signature = read(_ask(url, "GET", f"/models/{model}"))
    names = [feature.name for feature in signature.features]
    predicted = prediction_type(signature)
    answered = pa.struct([("prediction", predicted), ("error", pa.string())])

    def ask(body: bytes) -> list[Any]:
        said = _ask(url, "POST", f"/models/{model}/predict", body)
        return _predictions(url, said)

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
    Unanswered
    """
    address = urlsplit(url)
    is_https = address.scheme == "https"
    connect = http.client.HTTPSConnection if is_https else http.client.HTTPConnection
    try:
        with closing(connect(address.netloc, timeout=TIMEOUT_S)) as connection:
            connection.request(method, address.path.rstrip("/") + path, body)
            response = connection.getresponse()
            said = response.read()
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Unanswered(f"{url} does not answer: {error}") from error
    if response.status == http.client.OK:
        return said
    problem = _object(said)
    if "title" not in problem:
        raise Unanswered(_unlike(url, response.status, said))
    faults = [(each["pointer"], each["detail"]) for each in problem.get("errors", [])]
    raise Refused(problem.get("detail", problem["title"]), faults)


def _predictions(url: str, said: bytes) -> list[Any]:
    """Return those of many rows, or of one.

    Raises
    ------
    Unanswered
    """
    answer = _object(said)
    if "predictions" in answer:
        return list(answer["predictions"])
    if "prediction" in answer:
        return [answer["prediction"]]
    raise Unanswered(_unlike(url, http.client.OK, said))


def _object(said: bytes) -> dict[str, Any]:
    """Return the object in a body, or an empty one."""
    try:
        document = msgspec.json.decode(said)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _unlike(url: str, status: int, said: bytes) -> str:
    shown = repr(said[:MAX_SHOWN].decode(errors="replace"))
    return f"{url} answers with status {status}, and not as the server does: {shown}"


def _type_of(feature: Feature) -> str:
    if is_text(feature):
        return "VARCHAR"
    return "BOOLEAN" if is_boolean(feature) else "DOUBLE"


def _named(kind: pa.DataType) -> Any:
    """Return DuckDB's type for one of Arrow."""
    if pa.types.is_struct(kind):
        return duckdb.struct_type({field.name: _named(field.type) for field in kind})
    return duckdb.type(NAMES[str(kind)])
