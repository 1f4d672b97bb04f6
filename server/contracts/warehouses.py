"""What data warehouses call: a row an argument list, or one object.

https://docs.snowflake.com/en/sql-reference/external-functions-data-format
https://cloud.google.com/bigquery/docs/remote-functions
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from server.batch import Prediction
from server.contracts.contract import Answer, Headers, Question
from server.contracts.errors import refused
from server.contracts.headers import JSON
from server.contracts.instances import rows_of
from server.contracts.predict.faults import read_json
from server.contracts.predict.size import require_few_values
from server.contracts.schema import Schema
from server.contracts.text import value_of
from server.problems import MalformedBody, Problem
from server.signature import is_text

MAX_ERROR_BYTES = 1000
"""BigQuery drops a longer text."""


class _Warehouse:
    """What they have in common: calls in, as many values out."""

    paths: Sequence[str] = ()
    name = ""  # of the calls in a body

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._written = {
            feature.name: feature
            for feature in schema.signature.features
            if not is_text(feature)
        }

    def is_hot(self, target: str) -> bool:
        return False

    def accept(self, headers: Headers) -> None:
        """Take whatever comes: a body that is not JSON is told so."""

    def _calls(self, body: bytes) -> list[Any]:
        schema = self._schema
        require_few_values(body, schema.max_rows, schema.n_columns + 1)
        document = read_json(body)
        calls = document.get(self.name) if isinstance(document, dict) else None
        if not isinstance(calls, list) or not all(isinstance(it, list) for it in calls):
            raise MalformedBody(
                f'Expected an object with "{self.name}", a list of lists.'
            )
        return calls

    def _question(self, calls: list[Any], wish: Any = None) -> Question:
        """Return the rows of calls, of which each has its arguments or one object."""
        features = self._schema.signature.features
        calls = [
            call[0] if len(call) == 1 and isinstance(call[0], dict) else call
            for call in calls
        ]
        rows = [self._read(row) for row in rows_of(calls, features, self.name)]
        return Question(self._schema.reader.check(rows), wish=wish)

    def _read(self, row: Any) -> Any:
        """Return a row with numbers in the place of their texts: large ones come so."""
        if not isinstance(row, dict):
            return row
        return {
            name: value_of(self._written[name], value)
            if isinstance(value, str) and name in self._written
            else value
            for name, value in row.items()
        }


class SnowflakeContract(_Warehouse):
    """An external function of Snowflake."""

    paths: Sequence[str] = ("/snowflake",)
    name = "data"

    def read(self, body: bytes, query: bytes = b"", headers: Headers = ()) -> Question:
        calls = self._calls(body)
        if not all(calls):
            raise MalformedBody("Each row begins with its number.")
        numbers = [number for number, *_ in calls]
        return self._question([call[1:] for call in calls], numbers)

    def write(self, question: Question, prediction: Prediction) -> Answer:
        data = list(zip(question.wish, prediction.values, strict=True))
        return Answer(msgspec.json.encode({"data": data}), JSON)

    def refuse(self, problem: Problem) -> Answer:
        return refused(problem)


class BigQueryContract(_Warehouse):
    """A remote function of BigQuery."""

    paths: Sequence[str] = ("/bigquery",)
    name = "calls"

    def read(self, body: bytes, query: bytes = b"", headers: Headers = ()) -> Question:
        return self._question(self._calls(body))

    def write(self, question: Question, prediction: Prediction) -> Answer:
        return Answer(msgspec.json.encode({"replies": prediction.values}), JSON)

    def refuse(self, problem: Problem) -> Answer:
        return refused(problem, "errorMessage", MAX_ERROR_BYTES)
