"""The server as one ASGI application: the hot path first, then the ordinary routes."""

import functools
from collections.abc import Sequence

from server.asgi import Application, Receive, Scope, Send, respond_fault
from server.endpoint import Endpoint
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
    hot_paths
        The endpoint of each path that answers to `POST` without Starlette.
    model_names
        In the order of their files.
    default
        Name of the model of `/predict`, None where there are several and no choice.
    """

    def __init__(self, models: Sequence[Model], settings: Settings) -> None:
        endpoints = [Endpoint(model, settings) for model in models]
        self._settings = settings
        self._endpoints = {each.model.signature.name: each for each in endpoints}
        self.hot_paths = {
            f"/models/{name}/predict": each for name, each in self._endpoints.items()
        }
        self.model_names = tuple(self._endpoints)
        # The order of files does not choose: one more in the folder may change it.
        only = self.model_names[0] if len(endpoints) == 1 else None
        self.default = settings.default or only
        if self.default is not None:
            self.hot_paths["/predict"] = self._endpoints[self.default]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        hot = scope["type"] == "http" and scope["method"] == "POST"
        endpoint = self.hot_paths.get(scope["path"]) if hot else None
        if endpoint is None:
            await self._ordinary_routes(scope, receive, send)
            return
        try:
            await endpoint(scope, receive, send)
        except Exception:
            await respond_fault(send)
            raise  # uvicorn logs the traceback

    @functools.cached_property
    def _ordinary_routes(self) -> Application:
        # Starlette costs 2 MB and 25 ms that a process which only predicts never pays.
        from server.routes import create_routes

        return create_routes(self._endpoints, self.default, self._settings)
