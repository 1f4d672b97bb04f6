"""The server as one ASGI application: the hot path first, then the ordinary routes."""

import asyncio
import importlib
from collections.abc import Mapping, Sequence

from server.access import Access
from server.batching import Batcher
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
from server.includes import available_includes
from server.model import Model
from server.problems import MEDIA_TYPE, Problem
from server.settings import Settings


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
    """

    def __init__(self, models: Sequence[Model], settings: Settings) -> None:
        self._settings = settings
        self.access = Access(settings)
        self.edge = Edge(self._answer, settings)
        self.is_ready = True
        self.refused: Mapping[str, str] = {}
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
        self._by_name = {
            model.signature.name: self._endpoint(model) for model in models
        }
        self.endpoints = {
            path: endpoint
            for endpoint in self._by_name.values()
            for path in endpoint.contract.paths
        }
        if self._routes is not None:
            self._routes = self._create_routes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # another server's lifespan, or a WebSocket
            await self._route(scope, receive, send)
            return
        await self.edge(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._admit(scope)
        except Problem as problem:
            body = problem.body(self._settings.root_path)
            kind = MEDIA_TYPE.encode()
            await respond(send, problem.status, kind, body, problem.fields)
            return
        hot = scope["method"] == "POST"
        endpoint = self.endpoints.get(scope["path"]) if hot else None
        if endpoint is None:
            await self._route(scope, receive, send)
            return
        try:
            await endpoint(scope, receive, send)
        except Exception:
            await respond_fault(send)
            raise  # whoever runs the application logs the traceback

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        routes = self._routes or await self._load_routes()
        await routes(scope, receive, send)

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
        batcher = Batcher(model, settings.deadline_ms)
        return Endpoint(batcher, schema, contract, settings.max_body_bytes)

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
            is_ready=lambda: self.is_ready,
            refused=lambda: self.refused,
        )
