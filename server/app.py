"""The server as one ASGI application: the hot path first, then the ordinary routes."""

import functools
from collections.abc import Sequence

from server.asgi import Application, Receive, Scope, Send, respond_fault
from server.endpoint import Endpoint
from server.model import Model
from server.settings import Settings


def create_app(models: Sequence[Model], settings: Settings) -> Application:
    """Return the application that serves `models`; the first is the default one.

    Parameters
    ----------
    models
        At least one; their names differ.
    """
    endpoints = {model.signature.name: Endpoint(model, settings) for model in models}
    hot_paths = {f"/models/{name}/predict": each for name, each in endpoints.items()}
    hot_paths["/predict"] = endpoints[models[0].signature.name]

    @functools.cache
    def ordinary_routes() -> Application:
        # Starlette costs 2 MB and 25 ms that a process which only predicts never pays.
        from server.routes import create_routes

        return create_routes(endpoints, settings)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        hot = scope["type"] == "http" and scope["method"] == "POST"
        endpoint = hot_paths.get(scope["path"]) if hot else None
        if endpoint is None:
            await ordinary_routes()(scope, receive, send)
            return
        try:
            await endpoint(scope, receive, send)
        except Exception:
            await respond_fault(send)
            raise  # uvicorn logs the traceback

    return app
