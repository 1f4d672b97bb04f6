"""What Lambda imports when it starts a process: the models are loaded and proved then."""

import os

from deploy.aws.function.function import Function
from server.models import admission, load_models
from server.settings import read_settings


def load() -> Function:
    """Return the function over the models beside the program.

    Every setting of the server that has to do with a request is an environment variable
    here too; there is no command line.
    """
    here = {"PINION_MODELS_FOLDER": f"{os.environ.get('LAMBDA_TASK_ROOT', '.')}/models"}
    settings = read_settings([], {**here, **os.environ})
    paths, let_in = settings.model_paths(), admission(settings)
    return Function(load_models(paths, settings.default, let_in), settings)


answer = load()
