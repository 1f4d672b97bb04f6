"""The server as a function of AWS Lambda: one event, one answer, no event loop.

What is asked is answered by the same contracts, in the same words, as `python -m server`
does.
"""

import json
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qs

from deploy.aws.function.events import (
    Answer,
    Event,
    Request,
    read_request,
    write_answer,
)
from server.batch import Batch, Columns, Prediction
from server.contracts import contract as contracts
from server.contracts.contract import Contract
from server.contracts.headers import is_stream, require_form, unpacked
from server.contracts.predict.contract import PredictContract
from server.contracts.predict.query import QueryContract
from server.contracts.schema import Schema
from server.documents import Documents, blank_problem, describe_problem
from server.includes import available_includes, extra_outputs, with_includes
from server.model import Model
from server.page.form import SECURITY_HEADERS, Page, choice
from server.problems import MEDIA_TYPE, PROBLEMS, BodyTooLarge, Problem, sentence
from server.settings import Settings

if TYPE_CHECKING:
    from server.contracts.streams.stream import Stream

T = TypeVar("T")
View = Callable[[Request], Answer]

GET = ("GET", "HEAD")
SENT = ("POST", "PUT")
PREDICT = (*GET, *SENT)
PATHS = ("/", "/predict", "/models", "/models/{name}", "/models/{name}/predict")
JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"


class Function:
    """Models that are asked one event at a time.

    Parameters
    ----------
    models
        At least one; their names differ.
    settings
        Its default is empty or one of these names.
    """

    def __init__(self, models: Sequence[Model], settings: Settings) -> None:
        self._models = {model.signature.name: model for model in models}
        self._default = settings.default or (
            next(iter(self._models)) if len(models) == 1 else None
        )
        self._max_body_bytes = settings.max_body_bytes
        self._max_line_bytes = settings.max_line_bytes
        self._documents = Documents(
            {name: model.signature for name, model in self._models.items()},
            self._default,
        )
        self._schemas: dict[str, Schema] = {}
        self._contracts: dict[str, tuple[Model, Contract]] = {}
        self._queries: dict[str, tuple[Model, Contract]] = {}
        for name, model in self._models.items():
            includes = available_includes(model)
            schema = Schema(model.signature, includes, settings.max_rows)
            self._schemas[name] = schema
            contract = PredictContract(schema, is_default=name == self._default)
            query = QueryContract(schema)
            for path in contract.paths:
                self._contracts[path] = model, contract
                self._queries[path] = model, query

    def __call__(self, event: Event, context: object = None) -> Mapping[str, Any] | str:
        """Answer one event, in the shape that belongs to it."""
        if "arguments" in event:
            return self._answer_warehouse(event)
        return write_answer(event, self._answer(read_request(event)))

    def _answer(self, request: Request) -> Answer:
        try:
            contracts = self._queries if request.method in GET else self._contracts
            asked = contracts.get(request.path)
            if not asked or request.method not in PREDICT:
                return self._ordinary(request)
            if request.method in SENT and is_stream(request.method, request.headers):
                return self._stream(*asked, request)
            return self._predict(*asked, request)
        except Problem as problem:
            return Answer(problem.status, MEDIA_TYPE, problem.body())
        except Exception:
            # as the server: the client has a 500 without detail, the log has the rest
            import traceback  # 4 ms of a start, for what should not happen

            traceback.print_exc()
            return Answer(500, MEDIA_TYPE, blank_problem(500))

    def _predict(self, model: Model, contract: Contract, request: Request) -> Answer:
        try:
            contract.accept(request.headers)
            body = self._body(request)
            asked = contract.read(body, request.query, request.headers)
            answer = contract.write(asked, _predict(model, asked.batch, asked.includes))
        except Problem as problem:
            return _carried(contract.refuse(problem))
        return _carried(answer, _named(model))

    def _stream(self, model: Model, contract: Contract, request: Request) -> Answer:
        """Answer lines of CSV or JSON, all of which have come."""
        from server.contracts.streams.order import read_order
        from server.contracts.streams.stream import Stream

        schema = self._schemas[model.signature.name]

        def predict(includes: Sequence[str], batch: Batch) -> Prediction:
            return _predict(model, batch, includes)

        try:
            order = read_order(request.headers, request.query, schema.includes)
            stream = Stream(order, schema, self._max_line_bytes, predict)
            stream.lines.add(self._body(request))
            stream.lines.is_ended = True
            lines = b"".join(_until_over(stream))
        except Problem as problem:
            return _carried(contract.refuse(problem))
        return Answer(200, order.answer.decode(), lines, _named(model))

    def _body(self, request: Request) -> bytes:
        if len(request.body) > self._max_body_bytes:
            raise BodyTooLarge(
                f"The body has more than {self._max_body_bytes} bytes; that is the limit."
            )
        return unpacked(request.headers, request.body, self._max_body_bytes)

    def _ordinary(self, request: Request) -> Answer:
        found = self._find(request.path)
        if found is not None and request.method in found[0]:
            return found[1](request)
        from server import signpost  # 3 ms of a start, for who has lost the way

        if found is None:
            said = signpost.not_found(request.path, PATHS)
            if request.path.startswith("/problems/"):
                said = signpost.no_problem(PROBLEMS)
            return Answer(404, MEDIA_TYPE, blank_problem(404, said))
        allowed = signpost.allowed(found[0])
        fields = {"allow": ", ".join(allowed)}
        if request.method == "OPTIONS":
            return Answer(204, "", b"", fields)
        said = signpost.not_allowed(request.method, request.path, allowed)
        return Answer(405, MEDIA_TYPE, blank_problem(405, said), fields)

    def _find(self, path: str) -> tuple[tuple[str, ...], View] | None:
        """Return the methods of a path, and what answers there."""
        documents, name = self._documents, ""
        match path.removeprefix("/").split("/"):
            case [""]:
                return (*GET, "POST"), self._page
            case ["predict"]:
                return PREDICT, lambda _: _told(documents.name(None).encode())
            case ["models", name, "predict"]:
                return PREDICT, lambda _: _told(documents.name(name).encode())
            case ["models"]:
                return GET, lambda _: _told(documents.models())
            case ["models", name, "versions", version, "predict"]:
                return PREDICT, lambda _: _told(self._version(name, version))
            case ["models", name, "versions", version]:
                return GET, lambda _: _told(self._version(name, version))
            case ["models", name]:
                return GET, lambda _: _told(documents.model(name))
            case ["problems", slug] if text := describe_problem(slug):
                return GET, lambda _: Answer(200, TEXT, text.encode())
            case ["livez" | "readyz"]:
                return GET, lambda _: Answer(200, TEXT, b"ok\n")
        return None

    def _version(self, name: str, version: str) -> bytes:
        """Return the document of a model, if that version of it is served."""
        self._documents.require_version(self._documents.name(name), version)
        return self._documents.model(name)

    def _page(self, request: Request) -> Answer:
        is_form = request.method == "POST"
        accepted = dict(request.headers).get(b"accept", b"")
        if is_form:
            require_form(request.headers)
        elif b"text/html" not in accepted:
            return _told(b'{"status":"alive"}')
        (asked,) = parse_qs(request.query.decode()).get("model", [None])[:1]
        if asked is None and self._default is None and not is_form:
            return Answer(200, HTML, choice(self._models).encode(), SECURITY_HEADERS)
        model = self._models[self._documents.name(asked)]
        page = Page(model.signature, tuple(self._models), available_includes(model))
        if is_form:

            async def predict(batch: Batch, includes: Sequence[str]) -> Prediction:
                return _predict(model, batch, includes)

            page = _result(page.answered(self._body(request), predict))
        status = 422 if page.problem else 200
        return Answer(status, HTML, page.html().encode(), SECURITY_HEADERS)

    def _answer_warehouse(self, event: Event) -> str:
        """Answer Amazon Redshift, which sends the rows of a query without names.

        https://docs.aws.amazon.com/redshift/latest/dg/udf-creating-a-lambda-sql-udf.html
        """
        try:
            default = self._documents.name(None)
            model, contract = self._contracts[f"/models/{default}/predict"]
            names = [feature.name for feature in model.signature.features]
            rows = [dict(zip(names, row, strict=True)) for row in event["arguments"]]
            asked = contract.read(json.dumps(rows).encode())
            results = _predict(model, asked.batch, ()).values
        except Problem as problem:
            return json.dumps({"success": False, "error_msg": sentence(problem)})
        except (TypeError, ValueError):
            said = (
                f"A row has other columns than the {len(names)} of {', '.join(names)}."
            )
            return json.dumps({"success": False, "error_msg": said})
        answer = {"success": True, "num_records": len(results), "results": results}
        return json.dumps(answer)


def _predict(model: Model, batch: Batch, includes: Sequence[str]) -> Prediction:
    columns = Columns(model.signature.features).of(batch.rows)
    n_rows = len(batch.rows)
    if not n_rows:
        return batch.predicted([])
    tensors = model.predict(columns, n_rows, extra_outputs(includes))
    plain = batch.predicted(model.predictions(tensors))
    if not includes:
        return plain
    return with_includes(plain, includes, model.signature, batch, tensors)


def _until_over(stream: "Stream") -> Iterator[bytes]:
    while not stream.is_over:
        yield stream.answer()


def _named(model: Model) -> Mapping[str, str]:
    name, version = model.signature.name, model.signature.version
    return {"model-name": name, "model-version": version}


def _carried(
    answer: contracts.Answer, more: Mapping[str, str] = MappingProxyType({})
) -> Answer:
    """Return an answer of a contract as the answer to an event."""
    fields = {name.decode(): value.decode() for name, value in answer.fields}
    return Answer(
        answer.status, answer.media_type.decode(), answer.body, {**fields, **more}
    )


def _told(document: bytes) -> Answer:
    return Answer(200, JSON, document)


def _result(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run what waits for nothing, without an event loop.

    Raises
    ------
    RuntimeError
        If it waits for something.
    """
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    raise RuntimeError("it waits for an event loop")
