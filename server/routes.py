"""Every route but the hot one, as an ordinary Starlette application."""

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from http import HTTPStatus
from importlib import import_module
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Match, Route

from server.contracts.errors import refused
from server.contracts.headers import require_form, unpacked
from server.dialects import Dialects, is_in_dialect
from server.dialects import error as dialect_error
from server.documents import Documents, blank_problem, describe_problem
from server.endpoint import Endpoint
from server.http.asgi import (
    FAULT_BODY,
    Application,
    Disconnected,
    Receive,
    Scope,
    Send,
    read_body,
)
from server.http.scope import PROBLEM, ROUTE
from server.includes import available_includes
from server.metrics.counters import Counters
from server.page.form import SECURITY_HEADERS, Page, choice
from server.problems import MEDIA_TYPE, PROBLEMS, Problem
from server.settings import Settings

if TYPE_CHECKING:
    from server.openapi.interface import Interface

Endpoints = Mapping[str, Endpoint]

Answering = Callable[[Endpoint, Scope], Application]
"""From a model and a request for its predictions to what answers."""

INTERFACE = "server.openapi.interface"


def create_routes(
    endpoints: Endpoints,
    default: str | None,
    settings: Settings,
    *,
    answering: Answering,
    is_ready: Callable[[], bool],
    refused: Callable[[], Mapping[str, str]],
    counters: Counters | None,
    gauges: Callable[[], Mapping[str, tuple[float, str]]],
) -> Starlette:
    """Return the Starlette application for everything that is not a prediction."""
    views = Views(endpoints, default, settings, answering, is_ready, refused)
    routes = [
        Route("/", views.page, methods=["GET", "POST"]),
        Route("/predict", views.predict, methods=["POST", "PUT"]),
        Route("/models", views.models),
        Route("/models/{name}", views.model),
        Route("/models/{name}/predict", views.predict, methods=["POST", "PUT"]),
        Route("/models/{name}/versions/{version}", views.model),
        Route(
            "/models/{name}/versions/{version}/predict",
            views.predict,
            methods=["POST", "PUT"],
        ),
        Route("/problems/{slug}", views.problem),
        Route("/openapi.json", views.openapi),
        Route("/docs", views.docs),
        Route("/livez", views.alive),
        Route("/readyz", views.ready),
        *(_counted(counters, gauges) if counters else ()),
        *views.dialects.routes(),
    ]
    application = Starlette(
        routes=[*map(Noted, routes)],
        exception_handlers={
            Problem: partial(_problem_response, settings.root_path),
            Disconnected: _nobody_response,
            HTTPException: partial(_http_response, settings.root_path),
            Exception: _fault_response,
        },
    )
    # /predict/ is a 404: a redirect goes to whatever host the request says
    application.router.redirect_slashes = False
    return application


def _counted(
    counters: Counters, gauges: Callable[[], Mapping[str, tuple[float, str]]]
) -> Iterator[Route]:
    """Yield the routes that tell what is counted."""

    async def metrics(request: Request) -> Response:
        from server.metrics.exposition import MEDIA_TYPE, exposition

        content = exposition(counters, gauges())
        return Response(content, headers={"content-type": MEDIA_TYPE})

    async def statistics(request: Request) -> Response:
        from server.metrics.statistics import statistics

        return _json(statistics(counters, **request.path_params))

    yield Route("/metrics", metrics)
    yield Route("/v2/models/{name}/stats", statistics)
    yield Route("/v2/models/{name}/versions/{version}/stats", statistics)
    if "stats" not in counters.seen:  # a model of that name has its metadata there
        yield Route("/v2/models/stats", statistics)


class Noted(BaseRoute):
    """A route that notes its path in the scope of what it is for."""

    def __init__(self, route: Route) -> None:
        self.route = route
        self._noted = {ROUTE: route.path}

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, more = self.route.matches(scope)
        return match, {**more, **self._noted}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.route.handle(scope, receive, send)


class Views:
    """What the routes do.

    Parameters
    ----------
    endpoints
        By model name.
    default
        The name that counts where a request has none.
    answering
        Returns what answers a request for predictions.
    is_ready
        Whether new requests are welcome.
    refused
        By file: why it is not served.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        default: str | None,
        settings: Settings,
        answering: Answering,
        is_ready: Callable[[], bool],
        refused: Callable[[], Mapping[str, str]],
    ) -> None:
        self._endpoints = endpoints
        self._answering = answering
        self._default = default
        self._is_ready = is_ready
        self._refused = refused
        self._settings = settings
        self._max_body_bytes = settings.max_body_bytes
        self._interface: Interface | None = None
        signatures = {name: each.model.signature for name, each in endpoints.items()}
        self._documents = Documents(signatures, default, settings.root_path)
        self.dialects = Dialects(endpoints, self._documents, is_ready, settings)

    async def models(self, request: Request) -> Response:
        return _json(self._documents.models(self._refused()))

    async def model(self, request: Request) -> Response:
        name = self._name(request)
        return _json(self._documents.model(name))

    async def predict(self, request: Request) -> Application:
        """Hand over to what answers, an ASGI application as a Response is."""
        return self._answering(self._endpoints[self._name(request)], request.scope)

    async def alive(self, request: Request) -> Response:
        """Answer 200: the models were loaded and proven before the port was opened."""
        return PlainTextResponse("ok\n")

    async def ready(self, request: Request) -> Response:
        """Answer 200 until a stop begins, so that balancers go elsewhere in time."""
        if self._is_ready():
            return PlainTextResponse("ok\n")
        return PlainTextResponse("stopping\n", HTTPStatus.SERVICE_UNAVAILABLE)

    async def problem(self, request: Request) -> Response:
        text = describe_problem(request.path_params["slug"])
        if text is None:
            from server.signpost import no_problem

            raise HTTPException(HTTPStatus.NOT_FOUND, no_problem(PROBLEMS))
        return PlainTextResponse(text)

    async def openapi(self, request: Request) -> Response:
        interface = await self._described(request)
        return _json(await interface.document())

    async def docs(self, request: Request) -> Response:
        interface = await self._described(request)
        return HTMLResponse(await interface.page(), headers=interface.page_fields)

    async def page(self, request: Request) -> Response:
        is_form = request.method == "POST"
        if not is_form and "text/html" not in request.headers.get("accept", ""):
            return _json(b'{"status":"alive"}')
        if is_form:
            require_form(request.scope["headers"])
        name = request.query_params.get("model", self._default)
        if name is None and not is_form:
            return HTMLResponse(choice(self._endpoints), headers=SECURITY_HEADERS)
        endpoint = self._endpoint(name)
        page = Page(
            endpoint.model.signature,
            tuple(self._endpoints),
            available_includes(endpoint.model),
        )
        if is_form:
            fields = request.scope["headers"]
            body = await read_body(fields, request.receive, self._max_body_bytes)
            body = unpacked(fields, body, self._max_body_bytes)
            page = await page.answered(body, endpoint.predict)
        status = HTTPStatus.UNPROCESSABLE_ENTITY if page.problem else HTTPStatus.OK
        return HTMLResponse(page.html(), status, SECURITY_HEADERS)

    def _name(self, request: Request) -> str:
        asked = request.path_params
        name = self._documents.name(asked.get("name"))
        if "version" in asked:
            self._documents.require_version(name, asked["version"])
        return name

    def _endpoint(self, name: str | None) -> Endpoint:
        return self._endpoints[self._documents.name(name)]

    async def _described(self, request: Request) -> "Interface":
        """Return what tells of the routes; its modules are imported for who asks."""
        if INTERFACE not in sys.modules:
            await asyncio.to_thread(import_module, INTERFACE)
        from server.openapi.interface import Interface

        if self._interface is None:
            self._interface = Interface(
                request.app, self._endpoints, self._default, self._settings
            )
        return self._interface


def _json(document: bytes) -> Response:
    return Response(document, media_type="application/json")


async def _problem_response(
    root_path: str, request: Request, error: Exception
) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - registered for it
    request.scope[PROBLEM] = error.slug
    if is_in_dialect(request.url.path):
        answer = refused(error)
        return Response(
            answer.body, answer.status, media_type=answer.media_type.decode()
        )
    response = Response(error.body(root_path), error.status, media_type=MEDIA_TYPE)
    response.raw_headers += error.fields
    return response


async def _nobody_response(request: Request, error: Exception) -> Response:
    """Answer a client that has gone; nobody sends it."""
    return Response(status_code=HTTPStatus.BAD_REQUEST)


async def _http_response(
    root_path: str, request: Request, error: Exception
) -> Response:
    """Answer what is no prediction and no document: `OPTIONS`, 404 and 405.

    RFC 9457 calls a problem about:blank whose status says what kind it is.
    """
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    from server import signpost  # 3 ms, for who has lost the way

    status, fields, detail = error.status_code, {}, error.detail
    path = request.scope["path"]
    routes = [each.route for each in request.app.routes if isinstance(each, Noted)]
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        here = [it for it in routes if it.matches(request.scope)[0] is not Match.NONE]
        methods = signpost.meant((it.path, it.methods or ()) for it in here)
        allowed = signpost.allowed(methods)
        fields = {"allow": ", ".join(allowed)}
        if request.method == "OPTIONS":
            return Response(status_code=HTTPStatus.NO_CONTENT, headers=fields)
        detail = signpost.not_allowed(request.method, root_path + path, allowed)
    elif detail == HTTPStatus(status).phrase:
        detail = signpost.not_found(path, (each.path for each in routes), root_path)
    if is_in_dialect(path):
        return dialect_error(status, detail, fields)
    body = blank_problem(status, detail)
    return Response(body, status, fields, media_type=MEDIA_TYPE)


async def _fault_response(request: Request, error: Exception) -> Response:
    return Response(FAULT_BODY, 500, media_type=MEDIA_TYPE)
