"""`POST /v2/models/{name}/infer`: an input a feature, an output a target."""

from collections.abc import Sequence
from typing import Any

import msgspec

from server.batch import Prediction
from server.contracts.contract import Answer, Headers, Question
from server.contracts.errors import refused
from server.contracts.headers import JSON
from server.contracts.predict.size import require_few_values
from server.contracts.schema import Schema
from server.contracts.v2.columns import columns_of
from server.contracts.v2.metadata import CONTRIBUTIONS, PROBABILITIES, outputs_of
from server.contracts.v2.request import (
    BYTES_BEHIND,
    JSON_LENGTH,
    InferRequest,
    Output,
    contents_of,
    decoded,
    parted,
)
from server.contracts.v2.tensors import Tensor, packed
from server.problems import MalformedBody, Problem

BINARY = b"application/octet-stream"


class InferContract:
    """The protocol's inference, for one model."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._outputs = outputs_of(schema)
        # contributions cost as much again as the prediction: who wants them names them
        self._usual = [Output(name) for name in self._outputs if name != CONTRIBUTIONS]
        signature = schema.signature
        path = f"/v2/models/{signature.name}"
        versioned = f"{path}/versions/{signature.version}"
        self.paths: Sequence[str] = (f"{path}/infer", f"{versioned}/infer")

    def is_hot(self, target: str) -> bool:
        return False

    def accept(self, headers: Headers) -> None:
        """Take whatever comes: Triton's clients send no Content-Type."""

    def read(self, body: bytes, query: bytes = b"", headers: Headers = ()) -> Question:
        schema = self._schema
        text, content = parted(body, headers)
        require_few_values(text, schema.max_rows, schema.n_columns)
        request = decoded(text)
        for output in request.outputs:
            if output.name not in self._outputs:
                known = ", ".join(self._outputs)
                raise MalformedBody(f"There is no output {output.name!r}, but {known}.")
        columns = columns_of(contents_of(request.inputs, content), schema)
        asked = {each.name for each in request.outputs or self._usual}
        if len(asked) < len(request.outputs):
            raise MalformedBody("An output is asked for twice.")
        includes = [each for each in (CONTRIBUTIONS, PROBABILITIES) if each in asked]
        return Question(schema.reader.check({"columns": columns}), includes, request)

    def write(self, question: Question, prediction: Prediction) -> Answer:
        request: InferRequest = question.wish
        outputs, contents = [], []
        for asked in request.outputs or self._usual:
            datatype, n_columns = self._outputs[asked.name]
            shape = [len(prediction.values), n_columns]
            output = Tensor(asked.name, shape, datatype)
            values = self._values(asked.name, prediction)
            if request.wants_bytes(asked):
                contents.append(packed(datatype, values))
                output.parameters = {BYTES_BEHIND: len(contents[-1])}
            else:
                output.data = values
            outputs.append(output)
        text = msgspec.json.encode(self._document(request, outputs))
        if not contents:
            return Answer(text, JSON)
        length = (JSON_LENGTH, b"%d" % len(text))
        return Answer(b"".join([text, *contents]), BINARY, fields=[length])

    def refuse(self, problem: Problem) -> Answer:
        return refused(problem)

    def _document(self, request: InferRequest, outputs: list[Tensor]) -> dict[str, Any]:
        signature = self._schema.signature
        return {
            "model_name": signature.name,
            "model_version": signature.version,
            **({"id": request.id} if request.id else {}),
            "outputs": outputs,
        }

    def _values(self, name: str, prediction: Prediction) -> list[Any]:
        if name in prediction.included:
            return [it for row in prediction.included[name] for it in row.values()]
        if len(self._schema.signature.targets) > 1:
            return [value[name] for value in prediction.values]
        return [*prediction.values]
