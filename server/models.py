"""The models that are served together."""

from collections.abc import Sequence
from pathlib import Path

from server.model import Model, UnservableModel
from server.model_file.content import EVERYBODY, Admission
from server.settings import InvalidSetting, Settings


def load_models(
    paths: Sequence[Path], default: str = "", admission: Admission = EVERYBODY
) -> list[Model]:
    """Load and prove models, in this order.

    Parameters
    ----------
    default
        The name of one of them, or nothing.
    admission
        Which files are let in.

    Raises
    ------
    UnservableModel
        One is not whole or does not predict what it promises, or two have one name.
    InvalidSetting
        None has the name of the default.
    """
    models: dict[str, Model] = {}
    for path in paths:
        model = Model.load(path, admission)
        name = model.signature.name
        if name in models:
            raise UnservableModel(
                f"{path}: another model is named {name!r} already; "
                "name each file once, or export it with another name"
            )
        models[name] = model
    if default and default not in models:
        raise InvalidSetting(
            f"--default or PINION_DEFAULT is {default!r}; the models are: "
            f"{', '.join(models)}"
        )
    return list(models.values())


def admission(settings: Settings) -> Admission:
    """Return which files the settings let in.

    Raises
    ------
    InvalidSetting
        The file of trusted keys cannot be read.
    """
    if not settings.trusted_keys:
        return Admission(settings.max_model_bytes)
    from server.model_file.origin import UnreadableKeys, read_trusted_keys

    try:
        keys = read_trusted_keys(Path(settings.trusted_keys))
    except UnreadableKeys as error:
        raise InvalidSetting(
            f"--trusted-keys or PINION_TRUSTED_KEYS: {error}"
        ) from error
    return Admission(settings.max_model_bytes, keys)
