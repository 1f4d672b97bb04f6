"""A plain ASGI endpoint from a request's bytes to an answer's.

`server.protocol` answers short requests with its parts, and leaves to it all others;
nothing of Starlette stands between.
"""

from urllib.parse import parse_qs

from server import answers
from server.asgi import (
    Disconnected,
    Receive,
    Scope,
    Send,
    read_body,
    respond,
    respond_problem,
)
from server.batching import Batcher
from server.head import JSON, require_json
from server.model import Model
from server.problems import InvalidQuery, Problem
from server.rows import Batch, RowReader
from server.settings import Settings


class Endpoint:
    """`POST /predict` of one model, an ASGI application.

    Parameters
    ----------
    model
        Loaded and proven.
    settings
        max_body_bytes and max_rows count here.
    """

    def __init__(self, model: Model, settings: Settings) -> None:
        self.model = model
        self.reader = RowReader(model.signature, settings.max_rows)
        self.batcher = Batcher(model, self.reader)
        self.max_body_bytes = settings.max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            require_json(scope["headers"])
            body = await read_body(receive, self.max_body_bytes)
            answer = await self.answer(body, scope["query_string"])
        except Problem as problem:
            await respond_problem(send, problem)
        except Disconnected:
            return
        else:
            await respond(send, 200, JSON, answer)

    async def answer(self, body: bytes, query: bytes = b"") -> bytes:
        """Return the JSON answer to a JSON body.

        Raises
        ------
        Problem
        """
        includes = self._includes(query) if query else ()
        batch = self.reader.read(body)
        if includes:
            return await self._answer_with(includes, batch)
        predictions = await self.batcher.predictions(batch.rows)
        return answers.plain(batch.form, predictions)

    def _includes(self, query: bytes) -> tuple[str, ...]:
        parameters = parse_qs(query.decode("latin-1"))
        unknown = sorted(parameters.keys() - {"include"})
        if unknown:
            raise InvalidQuery(
                f"The query has {unknown[0]!r}; its one parameter is include."
            )
        return answers.parse_includes(
            self.model, ",".join(parameters.get("include", []))
        )

    async def _answer_with(self, includes: tuple[str, ...], batch: Batch) -> bytes:
        extra_outputs = answers.extra_outputs(includes)

        def run() -> bytes:
            tensors = self.batcher.run(batch.rows, extra_outputs)
            return answers.with_includes(self.model, batch, includes, tensors)

        return await self.batcher.alone(run, len(batch.rows))
