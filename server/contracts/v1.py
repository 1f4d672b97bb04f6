"""KServe's V1, which is TensorFlow Serving's: `POST /v1/models/{name}:predict`.

Vertex AI speaks the same, at a path of its own (`AIP_PREDICT_ROUTE`).
https://cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements
"""

from collections.abc import Sequence

import msgspec

from server.batch import Prediction
from server.contracts.contract import Answer, Headers, Question
from server.contracts.errors import refused
from server.contracts.headers import JSON
from server.contracts.instances import rows_of
from server.contracts.predict.faults import read_json
from server.contracts.predict.size import require_few_values
from server.contracts.schema import Schema
from server.problems import MalformedBody, Problem

NAMES = ("instances", "inputs")


class InstancesContract:
    """Rows in, predictions out, for one model."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self.paths: Sequence[str] = (f"/v1/models/{schema.signature.name}:predict",)

    def is_hot(self, target: str) -> bool:
        return False

    def accept(self, headers: Headers) -> None:
        """Take whatever comes: a body that is not JSON is told so."""

    def read(self, body: bytes, query: bytes = b"", headers: Headers = ()) -> Question:
        schema = self._schema
        features = schema.signature.features
        require_few_values(body, schema.max_rows, schema.n_columns)
        document = read_json(body)
        for name in NAMES:
            if isinstance(document, dict) and name in document:
                rows = rows_of(document[name], features, name)
                return Question(schema.reader.check(rows))
        raise MalformedBody('Expected an object with "instances", a list of rows.')

    def write(self, question: Question, prediction: Prediction) -> Answer:
        return Answer(msgspec.json.encode({"predictions": prediction.values}), JSON)

    def refuse(self, problem: Problem) -> Answer:
        return refused(problem)
