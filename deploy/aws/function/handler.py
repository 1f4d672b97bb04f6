"""What Lambda imports when it starts a process: the models are loaded and proved then."""

import os

from deploy.aws.function.function import Function
from server.models import load_models
from server.settings import read_settings


def load() -> Function:
    """Return the function over the models beside the program.

    Every setting of the server that has to do with a request is an environment variable
    here too; there is no command line.
    """
    here = {"PINION_MODELS_FOLDER": f"{os.environ.get('LAMBDA_TASK_ROOT', '.')}/models"}
    settings = read_settings([], {**here, **os.environ})
    return Function(load_models(settings.model_paths(), settings.default), settings)


answer = load()
