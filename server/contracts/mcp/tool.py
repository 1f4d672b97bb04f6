"""A model as a tool of an assistant: one row in, all that is known of it out."""

from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property
from itertools import islice
from typing import Any
from urllib.parse import unquote

import msgspec

from server.batch import Batch, Prediction
from server.contracts.json_schema import JsonSchema, answer_schema, row_schema
from server.contracts.mcp.arguments import keys_of
from server.contracts.predict.answers import write_answer
from server.contracts.schema import Schema
from server.problems import (
    MAX_LISTED_FAULTS,
    Fault,
    InvalidBatch,
    NoPrediction,
    Problem,
)

Predict = Callable[[Batch, Sequence[str]], Awaitable[Prediction]]


class Tool:
    """A model that is called with one row.

    Parameters
    ----------
    schema
        Of the model.
    predict
        Its endpoint's.

    Attributes
    ----------
    n_arguments
        Most that a call has.
    """

    def __init__(self, schema: Schema, predict: Predict) -> None:
        self._schema = schema
        self._predict = predict
        self._keys = keys_of([each.name for each in schema.signature.features])
        self._names = {key: name for name, key in self._keys.items()}
        self.n_arguments = len(self._keys)

    @cached_property
    def described(self) -> dict[str, Any]:
        """Return what an assistant reads before it calls."""
        signature = self._schema.signature
        targets = [
            f"{each.title or each.name}{f', in {each.unit}' if each.unit else ''}"
            for each in signature.targets
        ]
        said = f"Predicts {' and '.join(targets)}. {signature.description}"
        return {
            "name": signature.name,
            "title": signature.title or signature.name,
            "description": said.strip(),
            "inputSchema": self._input_schema(),
            "outputSchema": answer_schema(signature, self._schema.includes),
            "annotations": {"readOnlyHint": True, "openWorldHint": False},
        }

    async def call(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the result of a call; what is wrong with its row is one too."""
        row = {self._names.get(key, key): value for key, value in arguments.items()}
        try:
            # in a list, so that a row is never taken for columns
            batch = Batch(self._schema.reader.check([row]).rows, "row")
            prediction = await self._predict(batch, self._schema.includes)
        except (InvalidBatch, NoPrediction) as problem:
            return _result(self._words(problem), isError=True)
        answer = write_answer(batch, prediction)
        return _result(
            answer.decode(), structuredContent=msgspec.Raw(answer), isError=False
        )

    def _input_schema(self) -> JsonSchema:
        schema = row_schema(self._schema.signature)
        named = schema["properties"].items()
        return {
            **schema,
            "properties": {
                self._keys[name]: said
                if self._keys[name] == name
                else {"title": name, **said}
                for name, said in named
            },
            "required": [self._keys[name] for name in schema["required"]],
        }

    def _words(self, problem: Problem) -> str:
        """Return a problem with each fault by the name of its argument."""
        faults = (self._said(each) for each in problem.faults)
        return "\n".join([problem.detail, *islice(faults, MAX_LISTED_FAULTS)])

    def _said(self, fault: Fault) -> str:
        token = unquote(fault.pointer.removeprefix("#").rpartition("/")[2])
        name = token.replace("~1", "/").replace("~0", "~")
        return f"{self._keys.get(name, name)}: {fault.detail}" if name else fault.detail


def _result(text: str, **more: Any) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], **more}
