"""The shapes in which AWS asks a function, and in which it wants the answer.

A function URL and API Gateway's HTTP API ask in format 2.0, API Gateway's REST API in
1.0, a load balancer in one like it.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html,
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
"""

import base64
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import unquote, urlencode

Event = Mapping[str, Any]


class Request(NamedTuple):
    """One request over HTTP, whoever carried it; header names are in lower case."""

    method: str
    path: str
    query: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Answer(NamedTuple):
    """What is answered; the body is UTF-8."""

    status: int
    media_type: str
    body: bytes
    headers: Mapping[str, str] = {}


def read_request(event: Event) -> Request:
    """Return the request in an event of a function URL, API Gateway or a load balancer."""
    body = event.get("body") or ""
    is_base64 = event.get("isBase64Encoded")
    content = base64.b64decode(body, validate=True) if is_base64 else body.encode()
    if event.get("version") == "2.0":
        method, path = event["requestContext"]["http"]["method"], event["rawPath"]
        query = event.get("rawQueryString", "")
        stage = event["requestContext"].get("stage", "$default")
        path = path.removeprefix(f"/{stage}") or "/"
    else:
        method, path, query = event["httpMethod"], event["path"], _query(event)
    return Request(method, unquote(path), query.encode(), _headers(event), content)


def write_answer(event: Event, answer: Answer) -> dict[str, Any]:
    """Return the answer in the shape that belongs to the event."""
    kind = {"content-type": answer.media_type} if answer.media_type else {}
    headers = {**kind, **answer.headers}
    written: dict[str, Any] = {
        "statusCode": answer.status,
        "headers": headers,
        "body": answer.body.decode(),
        "isBase64Encoded": False,
    }
    if _is_of_balancer(event):
        phrase = HTTPStatus(answer.status).phrase
        written["statusDescription"] = f"{answer.status} {phrase}"
        if "multiValueHeaders" in event:
            del written["headers"]
            written["multiValueHeaders"] = {k: [v] for k, v in headers.items()}
    return written


def _is_of_balancer(event: Event) -> bool:
    return "elb" in event.get("requestContext", {})


def _query(event: Event) -> str:
    several = event.get("multiValueQueryStringParameters")
    pairs = [
        (name, value)
        for name, values in (
            several.items()
            if several
            else (
                (n, [v]) for n, v in (event.get("queryStringParameters") or {}).items()
            )
        )
        for value in values
    ]
    if _is_of_balancer(event):  # which hands them on as they came
        return "&".join(f"{name}={value}" for name, value in pairs)
    return urlencode(pairs)


def _headers(event: Event) -> list[tuple[bytes, bytes]]:
    several = event.get("multiValueHeaders")
    if several:
        pairs = [(name, value) for name, values in several.items() for value in values]
    else:
        pairs = list((event.get("headers") or {}).items())
    return [
        (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
        for name, value in pairs
    ]
