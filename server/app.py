"""The server as one ASGI application: the hot path first, then the ordinary routes."""

import functools
from collections.abc import Sequence

from server.batching import Batcher
from server.contracts.predict.contract import PredictContract
from server.endpoint import Endpoint
from server.http.asgi import Application, Receive, Scope, Send, respond_fault
from server.includes import available_includes
from server.model import Model
from server.settings import Settings


class App:
    """Serves models, an ASGI application.

    Parameters
    ----------
    models
        At least one; their names differ.
    settings
        Its default is empty or one of these names.

    Attributes
    ----------
    endpoints
        By path: what answers to `POST` without Starlette.
    model_names
        In the order of their files.
    default
        Name of the model of `/predict`, None where there are several and no choice.
    """

    def __init__(self, models: Sequence[Model], settings: Settings) -> None:
        self._settings = settings
        self.model_names = tuple(model.signature.name for model in models)
        # The order of files does not choose: one more in the folder may change it.
        only = self.model_names[0] if len(models) == 1 else None
        self.default = settings.default or only
        self._by_name = {
            model.signature.name: self._endpoint(model) for model in models
        }
        self.endpoints = {
            path: endpoint
            for endpoint in self._by_name.values()
            for path in endpoint.contract.paths
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        hot = scope["type"] == "http" and scope["method"] == "POST"
        endpoint = self.endpoints.get(scope["path"]) if hot else None
        if endpoint is None:
            await self._ordinary_routes(scope, receive, send)
            return
        try:
            await endpoint(scope, receive, send)
        except Exception:
            await respond_fault(send)
            raise  # uvicorn logs the traceback

    def _endpoint(self, model: Model) -> Endpoint:
        signature = model.signature
        contract = PredictContract(
            signature,
            available_includes(model),
            self._settings.max_rows,
            is_default=signature.name == self.default,
        )
        return Endpoint(Batcher(model), contract, self._settings.max_body_bytes)

    @functools.cached_property
    def _ordinary_routes(self) -> Application:
        # Starlette costs 2 MB and 25 ms that a process which only predicts never pays.
        from server.routes import create_routes

        return create_routes(self._by_name, self.default, self._settings)
