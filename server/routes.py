"""Every route but the hot one, as an ordinary Starlette application."""

import asyncio
import sys
from collections.abc import Callable, Mapping
from http import HTTPStatus
from importlib import import_module
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from server.contracts.errors import refused
from server.contracts.headers import require_form, unpacked
from server.dialects import Dialects, is_in_dialect
from server.dialects import error as dialect_error
from server.documents import Documents, blank_problem, describe_problem
from server.endpoint import Endpoint
from server.http.asgi import FAULT_BODY, Disconnected, read_body
from server.includes import available_includes
from server.page.form import SECURITY_HEADERS, Page, choice
from server.problems import MEDIA_TYPE, Problem
from server.settings import Settings

if TYPE_CHECKING:
    from server.openapi.interface import Interface

Endpoints = Mapping[str, Endpoint]

INTERFACE = "server.openapi.interface"


def create_routes(
    endpoints: Endpoints,
    default: str | None,
    settings: Settings,
    *,
    is_ready: Callable[[], bool],
    refused: Callable[[], Mapping[str, str]],
) -> Starlette:
    """Return the Starlette application for everything that is not a prediction."""
    views = Views(endpoints, default, settings, is_ready, refused)
    application = Starlette(
        routes=[
            Route("/", views.page, methods=["GET", "POST"]),
            Route("/predict", views.predict, methods=["POST"]),
            Route("/models", views.models),
            Route("/models/{name}", views.model),
            Route("/models/{name}/predict", views.predict, methods=["POST"]),
            Route("/problems/{slug}", views.problem),
            Route("/openapi.json", views.openapi),
            Route("/docs", views.docs),
            Route("/livez", views.alive),
            Route("/readyz", views.ready),
            *views.dialects.routes(),
        ],
        exception_handlers={
            Problem: _problem_response,
            Disconnected: _nobody_response,
            HTTPException: _http_response,
            Exception: _fault_response,
        },
    )
    # /predict/ is a 404: a redirect goes to whatever host the request says
    application.router.redirect_slashes = False
    return application


class Views:
    """What the routes do.

    Parameters
    ----------
    endpoints
        By model name.
    default
        The name that counts where a request has none.
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
        is_ready: Callable[[], bool],
        refused: Callable[[], Mapping[str, str]],
    ) -> None:
        self._endpoints = endpoints
        self._default = default
        self._is_ready = is_ready
        self._refused = refused
        self._settings = settings
        self._max_body_bytes = settings.max_body_bytes
        self._interface: Interface | None = None
        signatures = {name: each.model.signature for name, each in endpoints.items()}
        self._documents = Documents(signatures, default)
        self.dialects = Dialects(endpoints, self._documents, is_ready, settings)

    async def models(self, request: Request) -> Response:
        return _json(self._documents.models(self._refused()))

    async def model(self, request: Request) -> Response:
        return _json(self._documents.model(request.path_params["name"]))

    async def predict(self, request: Request) -> Endpoint:
        """Hand over to the endpoint, which is an ASGI application as a Response is."""
        return self._endpoint(request.path_params.get("name"))

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
            raise HTTPException(HTTPStatus.NOT_FOUND)
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


async def _problem_response(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - registered for it
    if is_in_dialect(request.url.path):
        answer = refused(error)
        return Response(
            answer.body, answer.status, media_type=answer.media_type.decode()
        )
    response = Response(error.body(), error.status, media_type=MEDIA_TYPE)
    response.raw_headers += error.fields
    return response


async def _nobody_response(request: Request, error: Exception) -> Response:
    """Answer a client that has gone; nobody sends it."""
    return Response(status_code=HTTPStatus.BAD_REQUEST)


async def _http_response(request: Request, error: Exception) -> Response:
    """Answer 404 and 405, which RFC 9457 calls about:blank: the status says it all."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    if is_in_dialect(request.url.path):
        text = HTTPStatus(error.status_code).phrase
        return dialect_error(error.status_code, text, error.headers)
    body = blank_problem(error.status_code)
    return Response(body, error.status_code, error.headers, media_type=MEDIA_TYPE)


async def _fault_response(request: Request, error: Exception) -> Response:
    return Response(FAULT_BODY, 500, media_type=MEDIA_TYPE)
