"""A stream of rows through a model, over ASGI: its answers go out while it comes in.

What has come is held in a chunk, and no more is read while it is answered; nor is it
answered before the client has read the answers before. So a file of any size takes the
memory of a chunk or two.
"""

import asyncio
from collections.abc import Iterable
from http import HTTPStatus

from server.contracts.contract import Headers
from server.contracts.headers import is_compressed
from server.contracts.streams.lines import CHUNK_BYTES
from server.contracts.streams.order import Order, read_order
from server.contracts.streams.stream import Stream
from server.contracts.streams.unpacking import Unpacker
from server.endpoint import BYTES_PER_ROW, MAX_LOOP_BODY_BYTES, Endpoint
from server.http.asgi import Disconnected, Message, Receive, Scope, Send, respond
from server.http.scope import MODEL, PROBLEM
from server.problems import Problem

ANSWER_SECONDS = 0.1
"""How long lines may wait for others: those of a program that writes one now and then."""

RETRY_SECONDS = 0.05
MAX_RETRIES = 600
"""How often it is looked whether the model has time again, and when to give up."""


class Pipe:
    """A model that answers streams, an ASGI application.

    Parameters
    ----------
    max_line_bytes
        Of one line.
    """

    def __init__(self, endpoint: Endpoint, max_line_bytes: int) -> None:
        self._endpoint = endpoint
        self._max_line_bytes = max_line_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint, fields = self._endpoint, scope["headers"]
        scope[MODEL] = endpoint.model.signature.name
        includes = endpoint.schema.includes
        try:
            order = read_order(fields, scope["query_string"], includes)
            await self._answer(order, scope, receive, send)
        except Problem as problem:
            scope[PROBLEM] = problem.slug
            answer = endpoint.contract.refuse(problem)
            head = answer.fields
            await respond(send, answer.status, answer.media_type, answer.body, head)
        except Disconnected:
            return

    async def _answer(
        self, order: Order, scope: Scope, receive: Receive, send: Send
    ) -> None:
        endpoint = self._endpoint
        predict = endpoint.predict_here
        stream = Stream(order, endpoint.schema, self._max_line_bytes, predict)
        unpacker = Unpacker() if is_compressed(scope["headers"]) else None
        head: Headers = [(b"content-type", order.answer), *endpoint.named]
        try:
            await _Flow(endpoint, stream, unpacker, head, receive, send).run()
        finally:
            scope["n_rows"] = stream.n_rows  # for whoever keeps a log


class _Flow:
    """One request."""

    def __init__(
        self,
        endpoint: Endpoint,
        stream: Stream,
        unpacker: Unpacker | None,
        head: Headers,
        receive: Receive,
        send: Send,
    ) -> None:
        self._batcher = endpoint.batcher
        self._stream = stream
        self._unpacker = unpacker
        self._head = head
        self._receive = receive
        self._send = send
        self._coming: asyncio.Task[Message] | None = None
        self._is_started = False

    async def run(self) -> None:
        """Answer all that comes.

        Raises
        ------
        Problem
            Before anything was answered.
        Disconnected
        """
        if self._batcher.worker.is_overloaded():
            raise self._batcher.worker.overload()
        try:
            await self._answer_all()
        except Problem as problem:
            if not self._stream.is_begun:
                raise
            await self._give(self._stream.end(problem))
        finally:
            if self._coming is not None:
                self._coming.cancel()
        await self._give(b"", more=False)

    async def _answer_all(self) -> None:
        stream, lines = self._stream, self._stream.lines
        loop = asyncio.get_running_loop()
        answered, more = loop.time(), True
        while more and not stream.is_over:
            part, more = await self._next_part()
            for piece in self._unpacked(part, more):
                lines.add(piece)
                while lines.is_full and not stream.is_over:
                    await self._answer()
                    answered = loop.time()
            if lines.has_line and loop.time() - answered > ANSWER_SECONDS:
                await self._answer()
                answered = loop.time()
        lines.is_ended = True
        while not stream.is_over:
            await self._answer()

    async def _next_part(self) -> tuple[bytes, bool]:
        """Return what comes next, if it does in time, and whether there is more.

        Raises
        ------
        Disconnected
        """
        if self._coming is None:
            self._coming = asyncio.ensure_future(self._receive())
        may_wait = None if not self._stream.lines.has_line else ANSWER_SECONDS
        done, _ = await asyncio.wait({self._coming}, timeout=may_wait)
        if not done:
            return b"", True
        message, self._coming = self._coming.result(), None
        if message["type"] == "http.disconnect":
            raise Disconnected
        return message.get("body", b""), message.get("more_body", False)

    def _unpacked(self, part: bytes, more: bool) -> Iterable[bytes]:
        if self._unpacker is None:
            return [part]
        return self._unpacker.pieces(part, is_last=not more)

    async def _answer(self) -> None:
        """Answer a chunk of what has come, as soon as the model has time for it."""
        lines, worker = self._stream.lines, self._batcher.worker
        n_retries = MAX_RETRIES if self._stream.is_begun else 0
        while n_retries and worker.is_overloaded():
            await asyncio.sleep(RETRY_SECONDS)
            n_retries -= 1
        n_bytes = min(len(lines), CHUNK_BYTES)
        is_small = n_bytes <= MAX_LOOP_BODY_BYTES
        n_rows = lines.n_lines if is_small else n_bytes // BYTES_PER_ROW
        await self._give(await self._batcher.alone(self._stream.answer, n_rows))

    async def _give(self, answer: bytes, more: bool = True) -> None:
        if not self._stream.is_begun:
            return  # it may still be refused
        if not self._is_started:
            self._is_started = True
            start = {"type": "http.response.start", "status": HTTPStatus.OK}
            await self._send({**start, "headers": self._head})
        await self._send(
            {
                "type": "http.response.body",
                "body": answer,
                "more_body": more,
                # ours: of what came, how much is still here
                "n_held_bytes": len(self._stream.lines),
            }
        )
