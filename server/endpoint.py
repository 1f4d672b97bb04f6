"""One model, from a batch to a prediction; and over ASGI, in the words of a contract.

`server.protocol` answers short requests with its parts, and leaves to it all others;
nothing of Starlette stands between.
"""

from collections.abc import Callable, Sequence
from functools import partial

from server.batch import Batch, Prediction
from server.batching import Batcher
from server.contracts.contract import Answer, Contract, Headers
from server.contracts.headers import is_compressed, unpacked
from server.contracts.schema import Schema
from server.http.asgi import Disconnected, Receive, Scope, Send, read_body, respond
from server.http.head import declared_body_bytes
from server.http.scope import MODEL, PROBLEM
from server.includes import extra_outputs, with_includes
from server.problems import Problem

MAX_LOOP_BODY_BYTES = 8192
"""A larger body is read beside the event loop, which would stand still for it."""

BYTES_PER_ROW = 100
"""Of a large body that is not read yet, to guess how long it will take."""


class Endpoint:
    """A model that is asked in the words of a contract, an ASGI application.

    Parameters
    ----------
    batcher
        Of the model; all its endpoints share it.
    schema, contract
        Of the same model.
    max_body_bytes
        Of one request.

    Attributes
    ----------
    named
        Fields of every answer: which model, and of which version, because another may
        take its place at any time.
    """

    def __init__(
        self,
        batcher: Batcher,
        schema: Schema,
        contract: Contract,
        max_body_bytes: int,
    ) -> None:
        self.model = batcher.model
        self.batcher = batcher
        self.schema = schema
        self.contract = contract
        self.max_body_bytes = max_body_bytes
        signature = batcher.model.signature
        self.named: Headers = (
            (b"model-name", signature.name.encode()),
            (b"model-version", signature.version.encode()),
        )

    def speaking(self, make: Callable[[Schema], Contract]) -> "Endpoint":
        """Return one of the same model that speaks another protocol."""
        contract = make(self.schema)
        return Endpoint(self.batcher, self.schema, contract, self.max_body_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        contract, fields = self.contract, scope["headers"]
        scope[MODEL] = self.model.signature.name
        try:
            contract.accept(fields)
            self._require_time(fields)
            body = await read_body(fields, receive, self.max_body_bytes)
            answer = await self._answer(body, fields, scope)
        except Problem as problem:
            answer = contract.refuse(problem)
            scope[PROBLEM] = problem.slug
        except Disconnected:
            return
        head = (*answer.fields, *self.named)
        await respond(send, answer.status, answer.media_type, answer.body, head)

    def _require_time(self, fields: Headers) -> None:
        """Refuse a large body before it comes, if there is no time for it.

        Raises
        ------
        Overloaded
        """
        worker = self.batcher.worker
        if declared_body_bytes(fields) > MAX_LOOP_BODY_BYTES and worker.is_overloaded():
            raise worker.overload()

    async def _answer(self, body: bytes, fields: Headers, scope: Scope) -> Answer:
        """Return the answer to a body; a large one is not even read on the loop."""
        query = scope["query_string"]
        if is_compressed(fields) or len(body) > MAX_LOOP_BODY_BYTES:
            run = partial(self._answer_alone, body, fields, scope)
            n_rows = 1 + len(body) // BYTES_PER_ROW
            return await self.batcher.worker.run(run, n_rows)
        question = self.contract.read(body, query, fields)
        scope["n_rows"] = len(question.batch.rows)
        prediction = await self.predict(question.batch, question.includes)
        return self.contract.write(question, prediction)

    def _answer_alone(self, body: bytes, fields: Headers, scope: Scope) -> Answer:
        content = unpacked(fields, body, self.max_body_bytes)
        question = self.contract.read(content, scope["query_string"], fields)
        scope["n_rows"] = len(question.batch.rows)  # for whoever keeps a log
        prediction = self.predict_here(question.includes, question.batch)
        return self.contract.write(question, prediction)

    async def predict(self, batch: Batch, includes: Sequence[str] = ()) -> Prediction:
        """Return the prediction, with what is asked for beside it.

        Parameters
        ----------
        includes
            Names that are available for the model.

        Raises
        ------
        NoPrediction
            The answer for a row is not finite.
        """
        if includes:
            run = partial(self.predict_here, includes, batch)
            return await self.batcher.alone(run, len(batch.rows))
        values = await self.batcher.predictions(batch.rows)
        return batch.predicted(values)

    def predict_here(self, includes: Sequence[str], batch: Batch) -> Prediction:
        """Return the same at once, and in the thread that asks."""
        values, tensors = self.batcher.predict(batch.rows, extra_outputs(includes))
        plain = batch.predicted(values)
        return with_includes(plain, includes, self.model.signature, batch, tensors)
