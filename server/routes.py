"""Every route but the hot one, as an ordinary Starlette application."""

from collections.abc import Mapping
from http import HTTPStatus
from inspect import cleandoc

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from server import __version__
from server.contracts.headers import require_form
from server.endpoint import Endpoint
from server.http.asgi import FAULT_BODY, Disconnected, read_body
from server.includes import available_includes
from server.page.form import Page, choice
from server.problems import (
    MEDIA_TYPE,
    PROBLEMS,
    NoDefaultModel,
    Problem,
    UnknownModel,
)
from server.settings import Settings

Endpoints = Mapping[str, Endpoint]

SECURITY_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
"""The page loads nothing and runs no script."""


def create_routes(
    endpoints: Endpoints, default: str | None, settings: Settings
) -> Starlette:
    """Return the Starlette application for everything that is not a prediction."""
    views = Views(endpoints, default, settings)
    application = Starlette(
        routes=[
            Route("/", views.page, methods=["GET", "POST"]),
            Route("/predict", views.predict, methods=["POST"]),
            Route("/models", views.models),
            Route("/models/{name}", views.model),
            Route("/models/{name}/predict", views.predict, methods=["POST"]),
            Route("/problems/{slug}", views.problem),
            Route("/livez", views.alive),
            Route("/readyz", views.alive),
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
    """

    def __init__(
        self, endpoints: Endpoints, default: str | None, settings: Settings
    ) -> None:
        self._endpoints = endpoints
        self._default = default
        self._max_body_bytes = settings.max_body_bytes

    async def models(self, request: Request) -> Response:
        models = [
            {
                "name": name,
                "title": endpoint.model.signature.title,
                "url": f"/models/{name}",
            }
            for name, endpoint in self._endpoints.items()
        ]
        about = {"pinion": __version__, "default": self._default, "models": models}
        return _json(about)

    async def model(self, request: Request) -> Response:
        endpoint = self._endpoint(request.path_params["name"])
        return _json(endpoint.model.signature)

    async def predict(self, request: Request) -> Endpoint:
        """Hand over to the endpoint, which is an ASGI application as a Response is."""
        return self._endpoint(request.path_params.get("name"))

    async def alive(self, request: Request) -> Response:
        """Answer 200: the models were loaded and proven before the port was opened."""
        return PlainTextResponse("ok\n")

    async def problem(self, request: Request) -> Response:
        problem = PROBLEMS.get(request.path_params["slug"])
        if problem is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        text = f"{problem.title} ({problem.status:d})\n\n{cleandoc(problem.__doc__ or '')}\n"
        return PlainTextResponse(text)

    async def page(self, request: Request) -> Response:
        is_form = request.method == "POST"
        if not is_form and "text/html" not in request.headers.get("accept", ""):
            return _json({"status": "alive"})
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
            body = await read_body(request.receive, self._max_body_bytes)
            page = await page.answered(body, endpoint.predict)
        status = HTTPStatus.UNPROCESSABLE_ENTITY if page.problem else HTTPStatus.OK
        return HTMLResponse(page.html(), status, SECURITY_HEADERS)

    def _endpoint(self, name: str | None) -> Endpoint:
        if name is None:
            name = self._default
        names = ", ".join(self._endpoints)
        if name is None:
            raise NoDefaultModel(
                f"Several models are served, and none by default: {names}. Send the "
                "request to /models/{name}/predict."
            )
        if name in self._endpoints:
            return self._endpoints[name]
        raise UnknownModel(f"There is no model {name!r}; the models are: {names}.")


def _json(document: object) -> Response:
    return Response(msgspec.json.encode(document), media_type="application/json")


async def _problem_response(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - registered for it
    return Response(error.body(), error.status, media_type=MEDIA_TYPE)


async def _nobody_response(request: Request, error: Exception) -> Response:
    """Answer a client that has gone; uvicorn drops it."""
    return Response(status_code=HTTPStatus.BAD_REQUEST)


async def _http_response(request: Request, error: Exception) -> Response:
    """Answer 404 and 405, which RFC 9457 calls about:blank: the status says it all."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    document = {
        "type": "about:blank",
        "title": HTTPStatus(error.status_code).phrase,
        "status": error.status_code,
    }
    body = msgspec.json.encode(document)
    return Response(body, error.status_code, error.headers, media_type=MEDIA_TYPE)


async def _fault_response(request: Request, error: Exception) -> Response:
    return Response(FAULT_BODY, 500, media_type=MEDIA_TYPE)
