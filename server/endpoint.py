"""One model, from a batch to a prediction; and over ASGI, in the words of a contract.

`server.protocol` answers short requests with its parts, and leaves to it all others;
nothing of Starlette stands between.
"""

from collections.abc import Sequence
from functools import partial

from server.batch import Batch, Prediction
from server.batching import Batcher
from server.contracts.contract import Contract
from server.contracts.headers import unpacked
from server.http.asgi import Disconnected, Receive, Scope, Send, read_body, respond
from server.includes import extra_outputs, with_includes
from server.problems import Problem


class Endpoint:
    """A model that is asked in the words of a contract, an ASGI application.

    Parameters
    ----------
    batcher
        Of the model; all its endpoints share it.
    contract
        Of the same model.
    max_body_bytes
        Of one request.
    """

    def __init__(
        self, batcher: Batcher, contract: Contract, max_body_bytes: int
    ) -> None:
        self.model = batcher.model
        self.batcher = batcher
        self.contract = contract
        self.max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        contract = self.contract
        try:
            contract.accept(scope["headers"])
            body = await read_body(receive, self.max_body_bytes)
            body = unpacked(scope["headers"], body, self.max_body_bytes)
            batch, includes = contract.read(body, scope["query_string"])
            prediction = await self.predict(batch, includes)
        except Problem as problem:
            refusal = contract.refuse(problem)
            await respond(send, problem.status, contract.problem_type, refusal)
        except Disconnected:
            return
        else:
            answer = contract.write(batch, prediction)
            await respond(send, 200, contract.media_type, answer)

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
            run = partial(self._predict_with, includes, batch)
            return await self.batcher.alone(run, len(batch.rows))
        values = await self.batcher.predictions(batch.rows)
        return batch.predicted(values)

    def _predict_with(self, includes: Sequence[str], batch: Batch) -> Prediction:
        tensors = self.batcher.run(batch.rows, extra_outputs(includes))
        plain = batch.predicted(self.model.predictions(tensors))
        return with_includes(plain, includes, self.model.signature, batch, tensors)
