"""Reads a document of OpenAPI as a client does: which requests it shows, and answers."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx

Json = dict[str, Any]

METHODS = ("get", "post", "put", "delete", "patch", "head", "options", "trace")


class Example(NamedTuple):
    """A request that a document shows, and its answer, None where only its status is."""

    method: str
    target: str
    fields: Mapping[str, str]
    body: bytes
    status: int
    kind: str | None = None
    value: object = None

    def sent(self, client: httpx.Client) -> "Example":
        """Return the same with the answer of a server."""
        answer = client.request(
            self.method, self.target, headers=dict(self.fields), content=self.body
        )
        kind = answer.headers["content-type"]
        value = answer.json() if kind.endswith(("/json", "+json")) else answer.text
        if self.kind is None:
            return self._replace(status=answer.status_code)
        return self._replace(status=answer.status_code, kind=kind, value=value)


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Yield method, path and what is said of each operation."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert method in METHODS
            yield method.upper(), path, operation


def responses(document: Json, operation: Json) -> dict[str, Json]:
    """Return the responses of an operation by status."""
    found = {}
    for status, response in operation["responses"].items():
        named = response.get("$ref", "").rpartition("/")[2]
        found[status] = document["components"]["responses"].get(named, response)
    return found


def examples(document: Json) -> Iterator[Example]:
    """Yield every request in a document that has one with its answer."""
    for method, path, operation in operations(document):
        bodies = dict(_bodies(operation))
        answered = set()
        for status, response in responses(document, operation).items():
            for kind, name, example in _answers(response):
                request = example.get("x-request")
                if request is not None:
                    yield Example(
                        request["method"],
                        request["target"],
                        request.get("headers", {}),
                        request.get("body", "").encode(),
                        int(status),
                        kind,
                        example["value"],
                    )
                elif status == "200":
                    fields, body = bodies.get(name, ({}, b""))
                    target = _target(path, operation)
                    answer = (200, kind, example["value"])
                    yield Example(method, target, fields, body, *answer)
                    answered.add(name)
        for name, (fields, body) in bodies.items():
            if name not in answered:
                yield Example(method, _target(path, operation), fields, body, 200)


def _answers(response: Json) -> Iterator[tuple[str, str, Json]]:
    for kind, media in response.get("content", {}).items():
        for name, example in media.get("examples", {}).items():
            yield kind, name, example


def _bodies(operation: Json) -> Iterator[tuple[str, tuple[Mapping[str, str], bytes]]]:
    for kind, media in operation.get("requestBody", {}).get("content", {}).items():
        for name, example in media.get("examples", {}).items():
            value = example["value"]
            text = value if isinstance(value, str) else json.dumps(value)
            yield name, ({"Content-Type": kind}, text.encode())


def _target(path: str, operation: Json) -> str:
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            value = quote(parameter["example"], safe="")
            path = path.replace(f"{{{parameter['name']}}}", value)
    return path
