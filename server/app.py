"""The server as one ASGI application: the hot path first, then the ordinary routes."""

import asyncio
import importlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from server.access import Access
from server.batching import Batcher
from server.contracts.headers import is_stream
from server.contracts.predict.contract import PredictContract
from server.contracts.schema import Schema
from server.edge import Edge
from server.endpoint import Endpoint
from server.http.asgi import (
    Application,
    Receive,
    Scope,
    Send,
    respond,
    respond_fault,
)
from server.http.scope import PROBLEM, ROUTE
from server.includes import available_includes
from server.metrics.counters import Counters, Tally
from server.model import Model
from server.problems import MEDIA_TYPE, Problem
from server.settings import Settings

if TYPE_CHECKING:
    from server.http.connections import Connections


class App:
    """Serves models, an ASGI application.

    Parameters
    ----------
    models
        At least one; their names differ.
    settings
        Its default is empty or one of these names.

    Raises
    ------
    InvalidSetting
        Its keys cannot be read, or another cannot be used.

    Attributes
    ----------
    endpoints
        By path: what answers to `POST` without Starlette.
    model_names
        In the order of their files.
    default
        Name of the model of `/predict`, None where there are several and no choice.
    is_ready
        What `/readyz` says.
    access
        Who may ask.
    edge
        What stands before all of it.
    refused
        By file: why it is not served, or not as it is now.
    counters
        What /metrics tells; None where nothing is counted.
    tallies
        By path, as `endpoints`: what counts the requests that are answered there.
    """

    def __init__(self, models: Sequence[Model], settings: Settings) -> None:
        self._settings = settings
        self.access = Access(settings)
        self.edge = Edge(self._counted, settings)
        self.is_ready = True
        self.refused: Mapping[str, str] = {}
        self.counters = Counters() if settings.metrics else None
        self._connections: Connections | None = None
        self.default: str | None = None
        self._routes: Application | None = None
        self.serve(models)

    def serve(self, models: Sequence[Model]) -> None:
        """Serve these models from now on, at least one; requests end as they began."""
        self.model_names = tuple(model.signature.name for model in models)
        # The order of files does not choose: one more in the folder may change it. But
        # what answered /predict goes on to, whatever comes into the folder beside it.
        only = self.model_names[0] if len(models) == 1 else None
        kept = self.default if self.default in self.model_names else None
        self.default = self._settings.default or only or kept
        if self.counters is not None:
            self.counters.serve(model.signature for model in models)
        self._by_name = {
            model.signature.name: self._endpoint(model) for model in models
        }
        self.endpoints = {
            path: endpoint
            for endpoint in self._by_name.values()
            for path in endpoint.contract.paths
        }
        self.tallies = dict(self._tallies())
        if self._routes is not None:
            self._routes = self._create_routes()

    def attach(self, connections: "Connections") -> None:
        """Let /metrics tell of the connections, and of what is refused there."""
        self._connections = connections
        if self.counters is not None:
            connections.n_refused = self.counters.n_rejected

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # another server's lifespan, or a WebSocket
            await self._route(scope, receive, send)
        else:
            await self.edge(scope, receive, send)

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.counters is None:
            await self._answer(scope, receive, send)
        else:
            await self.counters.counted(self._answer, scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._admit(scope)
        except Problem as problem:
            scope[PROBLEM] = problem.slug
            body = problem.body(self._settings.root_path)
            kind = MEDIA_TYPE.encode()
            await respond(send, problem.status, kind, body, problem.fields)
            return
        hot = scope["method"] in ("POST", "PUT")
        endpoint = self.endpoints.get(scope["path"]) if hot else None
        if endpoint is None:
            await self._route(scope, receive, send)
            return
        scope[ROUTE] = _route_of(scope["path"])
        try:
            await self._answering(endpoint, scope)(scope, receive, send)
        except Exception:
            await respond_fault(send)
            raise  # whoever runs the application logs the traceback

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        routes = self._routes or await self._load_routes()
        await routes(scope, receive, send)

    def _answering(self, endpoint: Endpoint, scope: Scope) -> Application:
        """Return what answers a request for predictions of a model."""
        if not is_stream(scope["method"], scope["headers"]):
            return endpoint
        from server.pipe import Pipe  # a process may never see a stream

        return Pipe(endpoint, self._settings.max_line_bytes)

    def _admit(self, scope: Scope) -> None:
        key = self.access.admit(scope["path"], scope["headers"])
        address, *_ = scope.get("client") or [""]
        self.access.count(key, address)

    def stop(self) -> None:
        """Deny readiness; requests are answered as before."""
        self.is_ready = False

    def close(self) -> None:
        """Begin no run any more."""
        for endpoint in self._by_name.values():
            endpoint.batcher.worker.close()
        self.edge.close()

    def _endpoint(self, model: Model) -> Endpoint:
        signature = model.signature
        settings = self._settings
        schema = Schema(
            signature, available_includes(model), settings.max_rows, settings.root_path
        )
        contract = PredictContract(schema, is_default=signature.name == self.default)
        seen = self.counters.seen[signature.name] if self.counters else None
        batcher = Batcher(model, settings.deadline_ms, seen)
        return Endpoint(batcher, schema, contract, settings.max_body_bytes)

    def _tallies(self) -> Iterator[tuple[str, Tally]]:
        if self.counters is not None:
            for path, endpoint in self.endpoints.items():
                name = endpoint.model.signature.name
                yield path, self.counters.tally(_route_of(path), name)

    def _gauges(self) -> Mapping[str, tuple[float, str]]:
        """Return what /metrics tells beside what is counted."""
        gauges = {
            "pinion_ready": (
                float(self.is_ready),
                "What /readyz says: 1 until a stop.",
            ),
            "pinion_refused_files": (
                len(self.refused),
                "Model files that are not served, or not as they are now.",
            ),
        }
        if (connections := self._connections) is None:
            return gauges
        return {
            **gauges,
            "pinion_connections": (len(connections), "Connections that are open."),
            "pinion_held_bytes": (
                connections.n_held_bytes,
                "Bytes of requests that are not answered.",
            ),
            "pinion_unsent_bytes": (
                connections.n_unsent_bytes,
                "Bytes of answers that no client has read.",
            ),
        }

    async def _load_routes(self) -> Application:
        """Import Starlette, which costs 2 MB that a process may never need.

        That takes a tenth of a second and more on a small machine: beside the event
        loop, where predictions go on meanwhile.
        """
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, importlib.import_module, "server.routes")
        self._routes = self._create_routes()
        return self._routes

    def _create_routes(self) -> Application:
        from server.routes import create_routes

        return create_routes(
            self._by_name,
            self.default,
            self._settings,
            answering=self._answering,
            is_ready=lambda: self.is_ready,
            refused=lambda: self.refused,
            counters=self.counters,
            gauges=self._gauges,
        )


def _route_of(path: str) -> str:
    """Return the path of the route of an endpoint: it names no model."""
    if path == "/predict":
        return path
    is_versioned = path.count("/") > 3
    return f"/models/{{name}}{'/versions/{version}' if is_versioned else ''}/predict"
