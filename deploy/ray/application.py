"""The server as an application of Ray Serve."""

import os
from pathlib import Path

from ray import serve

from server.app import App
from server.models import admission, load_models
from server.settings import read_settings


def load() -> App:
    """Return the server over its models; each replica calls it before it is ready."""
    settings = read_settings([], os.environ)
    paths = sorted(Path(settings.models_folder).glob("*.onnx"))
    return App(load_models(paths, settings.default, admission(settings)), settings)


@serve.ingress(load)
class Pinion:
    """Every route of the server, behind Ray's proxy."""


pinion = serve.deployment(num_replicas=2, ray_actor_options={"num_cpus": 0.5})(
    Pinion
).bind()
