from pathlib import Path

import pytest

from server.model import UnservableModel
from server.models import load_models
from server.settings import InvalidSetting
from tests.models import make_model, make_signature


def write(path: Path, name: str) -> Path:
    path.write_bytes(make_model(make_signature(name=name)))
    return path


def test_models_are_loaded_in_the_order_of_their_files(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{name}.onnx", name) for name in "ba"]

    models = load_models(paths, default="a")

    assert [model.signature.name for model in models] == ["b", "a"]
    for model in models:
        model.close()


def test_two_models_of_one_name_and_an_unknown_default_are_refused(
    tmp_path: Path,
) -> None:
    paths = [write(tmp_path / f"{name}.onnx", "a") for name in "xy"]

    with pytest.raises(UnservableModel, match=r"y\.onnx: another model is named 'a'"):
        load_models(paths)
    with pytest.raises(InvalidSetting, match=r"is 'b'; the models are: a$"):
        load_models(paths[:1], default="b")
