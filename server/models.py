"""The models that are served together, and what became of their files since."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from server.model import Model, OutOfReach, UnservableModel
from server.model_file.content import EVERYBODY, Admission
from server.runtime.session import RuntimeFault
from server.settings import InvalidSetting, Settings


class Stamp(NamedTuple):
    """What changes when a file is written or replaced."""

    modified_ns: int
    n_bytes: int
    inode: int


Stamps = Mapping[Path, Stamp | None]
"""None where the system does not say: nothing is there, or it is out of reach."""


class Models(NamedTuple):
    """Models by their files, in the order of these.

    Parameters
    ----------
    stamps
        Of the files; None of one that was not read.
    refused
        By file: why it is not served, or not as it is now.
    """

    by_path: Mapping[Path, Model]
    stamps: Stamps
    refused: Mapping[Path, str]

    @classmethod
    def load(cls, settings: Settings) -> "Models":
        """Load and prove the models of a start.

        Raises
        ------
        UnservableModel
        InvalidSetting
        """
        paths = settings.model_paths()
        stamps = stamps_of(paths)
        models = load_models(paths, settings.default, admission(settings))
        return cls(dict(zip(paths, models, strict=True)), stamps, {})

    def reloaded(self, settings: Settings) -> "Models":
        """Return what is to be served now.

        A file that did not change keeps its model, or stays refused, unless the system
        did not give it: nothing of it may change when it does. One that cannot be served
        keeps the model that it had, if it had one and no other took its name. Where no
        model would be left, or none of the default's name, all stay.
        """
        try:
            paths, let_in = settings.model_paths(), admission(settings)
        except InvalidSetting as error:
            return self._replace(refused={Path(settings.models_folder): str(error)})
        stamps = dict(stamps_of(paths))
        by_path: dict[Path, Model] = {}
        refused: dict[Path, str] = {}
        for path in paths:
            try:
                model = self._model(path, stamps, let_in)
                _require_new_name(path, model, by_path.values())
                by_path[path] = model
            except (UnservableModel, RuntimeFault) as error:
                refused[path] = str(error)
                if isinstance(error, OutOfReach):
                    stamps[path] = None  # so that it is read again
                if path in self.by_path and not _is_named(
                    self.by_path[path].signature.name, by_path.values()
                ):
                    by_path[path] = self.by_path[path]
        try:
            _require_default(settings.default, by_path.values())
        except InvalidSetting as error:
            refused[Path(settings.models_folder)] = str(error)
            by_path = {}
        return Models(by_path or self.by_path, stamps, refused)

    def _model(self, path: Path, stamps: Stamps, let_in: Admission) -> Model:
        """Return the model of a file.

        Raises
        ------
        UnservableModel
            Now, or when the same file was looked at last.
        """
        if stamps[path] is not None and stamps[path] == self.stamps.get(path):
            if path in self.refused:
                raise UnservableModel(self.refused[path])
            if path in self.by_path:
                return self.by_path[path]
        return Model.load(path, let_in)


def stamps_of(paths: Iterable[Path]) -> Stamps:
    """Return the stamps of files."""
    stamps: dict[Path, Stamp | None] = {}
    for path in paths:
        stamps[path] = None
        with suppress(OSError):
            found = path.stat()
            stamps[path] = Stamp(found.st_mtime_ns, found.st_size, found.st_ino)
    return stamps


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
    models: list[Model] = []
    for path in paths:
        model = Model.load(path, admission)
        _require_new_name(path, model, models)
        models.append(model)
    _require_default(default, models)
    return models


def _require_new_name(path: Path, model: Model, models: Iterable[Model]) -> None:
    name = model.signature.name
    if _is_named(name, models):
        raise UnservableModel(
            f"{path}: another model is named {name!r} already; "
            "name each file once, or export it with another name"
        )


def _is_named(name: str, models: Iterable[Model]) -> bool:
    return any(name == each.signature.name for each in models)


def _require_default(default: str, models: Iterable[Model]) -> None:
    names = [model.signature.name for model in models]
    if default and default not in names:
        raise InvalidSetting(
            f"--default or PINION_DEFAULT is {default!r}; the models are: "
            f"{', '.join(names)}"
        )


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
