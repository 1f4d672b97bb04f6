"""The document of OpenAPI 3.1.

https://spec.openapis.org/oas/v3.1.1.html
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from server import __version__
from server.openapi.examples import Reply, Shown
from server.openapi.operation import HTML, JSON, Ask, Operation
from server.openapi.schemas import of_all, of_model
from server.openapi.served import Served
from server.openapi.shapes import PROBLEM, Shape, everywhere, example
from server.problems import MEDIA_TYPE, Problem

Json = dict[str, Any]

FAULT = {
    "description": "A fault of the server, whose cause is in its log.",
    "content": {
        MEDIA_TYPE: {
            "schema": {"$ref": "#/components/schemas/Problem"},
            "example": {
                "type": "about:blank",
                "title": "Internal Server Error",
                "status": 500,
            },
        }
    },
}


def document(shown: Sequence[Shown], served: Served) -> bytes:
    """Return the document, JSON."""
    settings = served.settings
    common = _Refusals(served)
    paths: dict[str, Json] = {}
    for each in shown:
        told = paths.setdefault(each.operation.told, {})
        told[each.operation.method.lower()] = _operation(each, common)
    schemas = {**of_all()}
    for name in served.names:
        schemas |= of_model(served.endpoints[name].schema)
    made: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": _title(served),
            "version": __version__,
            "description": _description(served),
        },
        "servers": [{"url": "."}],
        "tags": [{"name": name} for name in dict.fromkeys(_tags(shown))],
        "paths": paths,
        "components": {"schemas": schemas, "responses": common.named},
    }
    if settings.keys or settings.keys_file:
        made["components"]["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        }
        made["security"] = [{"bearer": []}, {"key": []}]
    return msgspec.json.encode(made)


class _Refusals:
    """The responses that are errors; those that several operations have stand once.

    Attributes
    ----------
    named
        By the name that they are referred to with.
    """

    def __init__(self, served: Served) -> None:
        self._settings = served.settings
        self._everywhere = everywhere(served.settings)
        self.named: dict[str, Json] = {"500": FAULT}
        self._names: dict[bytes, str] = {}

    def of(self, shown: Shown) -> dict[str, Json]:
        """Return the errors of an operation, by status."""
        operation = shown.operation
        found: dict[int, list[tuple[Shape, type[Problem]]]] = {}
        for shape, problems in (
            (PROBLEM, self._everywhere),
            (operation.shape, operation.refusals),
        ):
            for problem in problems:
                found.setdefault(shape.status(problem), []).append((shape, problem))
        statuses = sorted({*found, *operation.answers, *_statuses(shown)})
        made = {
            str(status): self._response(status, found.get(status, []), shown)
            for status in statuses
            if status >= HTTPStatus.BAD_REQUEST
        }
        return {**made, "500": {"$ref": "#/components/responses/500"}}

    def _response(
        self,
        status: int,
        found: Sequence[tuple[Shape, type[Problem]]],
        shown: Shown,
    ) -> Json:
        content: dict[str, Json] = {}
        for media_type, schema in shown.operation.answers.get(status, {}).items():
            content[media_type] = {"schema": schema}
        for shape, problem in found:
            media = content.setdefault(shape.media_type, _media(shape))
            said = example(problem, self._settings)
            if said is not None:
                value = msgspec.json.decode(shape.answer(said).body)
                media.setdefault("examples", {})[problem.title] = {"value": value}
        for ask, reply in shown.exchanges:
            if reply.status == status and reply.kind != HTML:
                media = content.setdefault(reply.kind, _media(PROBLEM))
                media.setdefault("examples", {})[ask.name] = _replied(
                    shown.operation, ask, reply
                )
        titles = [problem.title for _, problem in found]
        words = dict.fromkeys(titles or [HTTPStatus(status).phrase])
        names = {name.decode() for _, each in found for name, _ in each.fields}
        made: Json = {"description": "; or: ".join(words) + ".", "content": content}
        if names:
            made["headers"] = {name: _field() for name in sorted(names)}
        return self._reference(status, made)

    def _reference(self, status: int, response: Json) -> Json:
        """Return where a response stands among those that are named."""
        text = msgspec.json.encode(response)
        if text not in self._names:
            n_others = sum(name.split("-")[0] == str(status) for name in self.named)
            name = f"{status}-{n_others + 1}" if n_others else str(status)
            self._names[text] = name
            self.named[name] = response
        return {"$ref": f"#/components/responses/{self._names[text]}"}


def _statuses(shown: Shown) -> set[int]:
    return {reply.status for _, reply in shown.exchanges}


def _media(shape: Shape) -> Json:
    return {"schema": {"$ref": f"#/components/schemas/{shape.schema}"}}


def _field(text: str = "") -> Json:
    said = {"description": text} if text else {}
    return {**said, "schema": {"type": "string"}}


def _replied(operation: Operation, ask: Ask, reply: Reply) -> Json:
    """Return an example of an error, with the request that it answers."""
    request: Json = {"method": operation.method, "target": operation.target_of(ask)}
    if ask.fields():
        request["headers"] = ask.fields()
    if ask.body:
        request["body"] = ask.body.decode()
    return {"value": reply.value, "x-request": request}


def _operation(shown: Shown, refusals: _Refusals) -> Json:
    operation = shown.operation
    good = [it for it in shown.exchanges if it[1].status < HTTPStatus.BAD_REQUEST]
    answers = {
        str(status): _answer(operation, status, good)
        for status in operation.answers
        if status < HTTPStatus.BAD_REQUEST
    }
    made: Json = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "responses": {**answers, **refusals.of(shown)},
    }
    if operation.description:
        made["description"] = operation.description
    if operation.parameters:
        made["parameters"] = [*operation.parameters]
    if operation.bodies:
        made["requestBody"] = {
            "required": True,
            "content": {
                kind: _example({"schema": schema}, _requests(kind, good))
                for kind, schema in operation.bodies.items()
            },
        }
    return made


def _requests(kind: str, good: Sequence[tuple[Ask, Reply]]) -> Json:
    return {
        ask.name: _value(kind, ask.body)
        for ask, _ in good
        if ask.kind == kind and not ask.query
    }


def _answer(
    operation: Operation, status: int, good: Sequence[tuple[Ask, Reply]]
) -> Json:
    content = {}
    for kind, schema in operation.answers[status].items():
        replies: Json = {}
        for ask, reply in good:
            if (reply.status, reply.kind) == (status, kind) and kind != HTML:
                in_body = not ask.query and not ask.accept
                shown = _replied(operation, ask, reply)
                replies[ask.name] = {"value": shown["value"]} if in_body else shown
        content[kind] = _example({"schema": schema}, replies)
    response: Json = {"description": operation.summary}
    if content:
        response["content"] = content
    if operation.fields:
        response["headers"] = {
            name: _field(text) for name, text in operation.fields.items()
        }
    return response


def _example(media: Json, examples: Mapping[str, Any]) -> Json:
    return {**media, "examples": examples} if examples else media


def _value(kind: str, body: bytes) -> Json:
    return {"value": msgspec.json.decode(body) if kind == JSON else body.decode()}


def _tags(shown: Sequence[Shown]) -> list[str]:
    return [each.operation.tag for each in shown]


def _title(served: Served) -> str:
    titles = [each.title or each.name for each in served.signatures]
    return titles[0] if len(titles) == 1 else "Pinion"


def _description(served: Served) -> str:
    lines = [
        f"{each.title or each.name} ({each.name}, {each.version}). {each.description}"
        for each in served.signatures
    ]
    return "\n\n".join(lines)
