"""The routes of other wire protocols; what one needs is imported at its first request."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import cached_property, lru_cache, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.contracts.schema import Schema
from server.documents import Documents
from server.endpoint import Endpoint
from server.http.asgi import read_body
from server.settings import Settings

if TYPE_CHECKING:
    from server.contracts.mcp.tools import Tools

SERVER = {
    "name": "pinion",
    "version": "2",  # of the protocol: ours is for nobody to know who may not
    "extensions": ["binary_tensor_data", "model_configuration", "statistics"],
}

MODEL = "/v2/models/{name}"
VERSION = f"{MODEL}/versions/{{version}}"

View = Callable[[Request], Awaitable[Any]]


class Dialects:
    """What is answered in other words than our own.

    Parameters
    ----------
    endpoints
        By model name.
    documents
        Knows which model is meant.
    is_ready
        Whether new requests are welcome.
    """

    def __init__(
        self,
        endpoints: Mapping[str, Endpoint],
        documents: Documents,
        is_ready: Callable[[], bool],
        settings: Settings,
    ) -> None:
        self._settings = settings
        self._endpoints = endpoints
        self._documents = documents
        self._is_ready = is_ready
        self._speaking = lru_cache(None)(self._make_speaking)

    def routes(self) -> list[Route]:
        """Return the routes of all of them."""
        post = [
            *(Route(path, view, methods=["POST"]) for path, view in self._posted()),
            Route("/v2/repository/index", self.index, methods=["POST"]),
            Route("/mcp", self.mcp, methods=["POST"]),
        ]
        return [*post, *(Route(path, view) for path, view in self._told())]

    def _posted(self) -> Iterator[tuple[str, View]]:
        """Yield where predictions are asked for, and what answers."""
        infer = self._contract("v2.infer", "InferContract")
        for path in (MODEL, VERSION):
            yield f"{path}/infer", infer
        instances = self._contract("v1", "InstancesContract")
        yield "/v1/models/{name}:predict", instances
        if self._settings.predict_route:
            yield _path(self._settings.predict_route), instances
        for end, module, name in (
            ("/invocations", "invocations.contract", "InvocationsContract"),
            ("/score", "invocations.contract", "InvocationsContract"),
            ("/snowflake", "warehouses", "SnowflakeContract"),
            ("/bigquery", "warehouses", "BigQueryContract"),
        ):
            view = self._contract(module, name)
            yield end, view
            yield f"/models/{{name}}{end}", view

    def _told(self) -> Iterator[tuple[str, View]]:
        """Yield what is only read."""
        query = self._contract("predict.query", "QueryContract")
        yield "/predict", query
        yield "/models/{name}/predict", query
        yield "/models/{name}/versions/{version}/predict", query
        yield "/ping", self.ping
        yield "/health", self.ping
        if self._settings.health_route:
            yield _path(self._settings.health_route), self.ping
        yield "/version", self.version
        yield "/execution-parameters", self.execution_parameters
        yield "/v1/models", self.names
        yield "/v1/models/{name}", self.model_ready
        yield "/v2", self.server
        yield "/v2/", self.server
        yield "/v2/health/live", self.live
        yield "/v2/health/ready", self.ready
        for path in (MODEL, VERSION):
            yield path, self._described("model_metadata")
            yield f"{path}/config", self._described("model_config")
            yield f"{path}/ready", self.model_ready

    async def ping(self, request: Request) -> Response:
        """Answer SageMaker, MLflow and Vertex AI, who look at the status."""
        return Response("\n", 200 if self._is_ready() else 503, media_type="text/plain")

    async def version(self, request: Request) -> Response:
        """Answer MLflow's clients, who show what they are told."""
        return Response("2.0", media_type="text/plain")

    async def execution_parameters(self, request: Request) -> Response:
        """Tell batch transforms of SageMaker how much to send at once."""
        return _json(
            {
                "MaxConcurrentTransforms": 1,
                "BatchStrategy": "MULTI_RECORD",
                "MaxPayloadInMB": max(1, self._settings.max_body_bytes >> 20),
            }
        )

    async def names(self, request: Request) -> Response:
        return _json({"models": [*self._endpoints]})

    async def server(self, request: Request) -> Response:
        return _json(SERVER)

    async def live(self, request: Request) -> Response:
        return _json({"live": True})

    async def ready(self, request: Request) -> Response:
        return self._readiness({})

    async def index(self, request: Request) -> Response:
        return _json(
            [
                {
                    "name": name,
                    "version": each.model.signature.version,
                    "state": "READY",
                }
                for name, each in self._endpoints.items()
            ]
        )

    async def mcp(self, request: Request) -> Response:
        """Answer an assistant, to whom each model is a tool."""
        fields, limit = request.scope["headers"], self._settings.max_body_bytes
        read = partial(read_body, fields, request.receive, limit)
        answer = await self._tools.answer(fields, read)
        kind = answer.media_type.decode() or None
        response = Response(answer.body, answer.status, media_type=kind)
        response.raw_headers += answer.fields
        return response

    @cached_property
    def _tools(self) -> "Tools":
        from server.contracts.mcp.tool import Tool
        from server.contracts.mcp.tools import Tools

        endpoints = self._endpoints.items()
        tools = {name: Tool(each.schema, each.predict) for name, each in endpoints}
        return Tools(tools, self._settings.hosts, self._settings.cors_origins)

    async def model_ready(self, request: Request) -> Response:
        return self._readiness({"name": self._endpoint(request).model.signature.name})

    def _described(self, function: str) -> View:
        """Return the view of a document that is made of a schema."""

        async def view(request: Request) -> Response:
            module = import_module("server.contracts.v2.metadata")
            make: Callable[[Schema], Any] = getattr(module, function)
            return _json(make(self._endpoint(request).schema))

        return view

    def _contract(self, module: str, name: str) -> View:
        """Return the view of a contract; its endpoint is an ASGI application."""

        async def view(request: Request) -> Endpoint:
            return self._speaking(module, name, self._endpoint(request))

        return view

    def _make_speaking(self, module: str, name: str, endpoint: Endpoint) -> Endpoint:
        contracts = import_module(f"server.contracts.{module}")
        return endpoint.speaking(getattr(contracts, name))

    def _endpoint(self, request: Request) -> Endpoint:
        asked = request.path_params
        name = self._documents.name(asked.get("name"))
        if "version" in asked:
            self._documents.require_version(name, asked["version"])
        return self._endpoints[name]

    def _readiness(self, about: Mapping[str, Any]) -> Response:
        is_ready = self._is_ready()
        return _json({**about, "ready": is_ready}, 200 if is_ready else 503)


def _path(route: str) -> str:
    """Return a route that a person wrote, perhaps without its slash."""
    return "/" + route.removeprefix("/")


def is_in_dialect(path: str) -> bool:
    """Whether errors of a path have the shape ``{"error": "…"}``."""
    return path.startswith(("/v1/", "/v2/")) or path == "/v2"


def error(status: int, text: str, fields: Mapping[str, str] | None = None) -> Response:
    """Return an error in the shape of these protocols."""
    return _json({"error": text}, status, fields)


def _json(
    document: Any, status: int = 200, fields: Mapping[str, str] | None = None
) -> Response:
    content = msgspec.json.encode(document)
    return Response(content, status, fields, media_type="application/json")
