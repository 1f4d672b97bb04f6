import os
from pathlib import Path

import pytest

from server.settings import (
    SETTINGS,
    InvalidSetting,
    Settings,
    default_settings,
    read_settings,
)


def test_without_flags_and_environment_the_table_decides() -> None:
    defaults = default_settings()._asdict()

    assert defaults.pop("models") == ()
    assert defaults == {setting.name: setting.default for setting in SETTINGS}


def test_the_defaults_and_the_bounds_are_those_that_were_announced() -> None:
    largest = 2**63 - 1
    announced = {
        "host": ("127.0.0.1", 0, largest),
        "port": (8080, 0, 65535),
        "models_folder": ("models", 0, largest),
        "max_model_bytes": (134_217_728, 1, largest),
        "run_seconds": (10, 1, largest),
        "max_body_bytes": (4_194_304, 1, largest),
        "max_rows": (10_000, 1, largest),
        "drain_seconds": (8, 0, largest),
        "keep_alive_seconds": (75, 0, largest),
    }

    found = {each.name: (each.default, each.minimum, each.maximum) for each in SETTINGS}

    assert found | announced == found


def test_a_flag_wins_over_the_environment() -> None:
    settings = read_settings(["--port", "9000"], {"PINION_PORT": "7000"})

    assert settings == default_settings()._replace(port=9000)


def test_the_environment_wins_over_the_default() -> None:
    settings = read_settings([], {"PINION_MAX_ROWS": "5", "PINION_HOST": "::"})

    assert settings == default_settings()._replace(max_rows=5, host="::")


def test_models_keep_their_order() -> None:
    settings: Settings = read_settings(["b.onnx", "a.onnx"], {})

    assert settings.models == (Path("b.onnx"), Path("a.onnx"))


def test_the_word_serve_before_all_else_is_no_model() -> None:
    settings = read_settings(["serve", "a.onnx", "--port", "9"], {})

    assert settings == default_settings()._replace(models=(Path("a.onnx"),), port=9)
    assert read_settings(["a.onnx", "serve"], {}).models == (
        Path("a.onnx"),
        Path("serve"),
    )


def test_of_several_folders_the_first_that_exists_is_served(tmp_path: Path) -> None:
    missing, first, second = (
        tmp_path / name for name in ("missing", "first", "second")
    )
    for path in (
        first / "b.onnx",
        first / "a.onnx",
        first / "a.txt",
        second / "c.onnx",
    ):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    folders = os.pathsep.join(map(str, (missing, first, second)))
    settings = default_settings()._replace(models_folder=folders)

    assert settings.model_paths() == [first / "a.onnx", first / "b.onnx"]
    assert settings._replace(models=(Path("d.onnx"),)).model_paths() == [Path("d.onnx")]


def test_a_folder_without_a_model_does_not_give_way_to_another(tmp_path: Path) -> None:
    nested, other = tmp_path / "nested", tmp_path / "other"
    for path in (nested / "1" / "a.onnx", other / "b.onnx"):
        path.parent.mkdir(parents=True)
        path.touch()

    for folders, named in (
        (f"{nested}{os.pathsep}{other}", nested),
        (f"/no{os.pathsep}/none", Path("/none")),
    ):
        settings = default_settings()._replace(models_folder=folders)
        with pytest.raises(InvalidSetting) as refusal:
            settings.model_paths()
        assert str(refusal.value).startswith(f"there is no .onnx file in {named}/; ")


def test_a_folder_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(_: Path) -> list[str]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "listdir", closed)  # root may read every folder
    settings = default_settings()._replace(models_folder=str(tmp_path))

    with pytest.raises(InvalidSetting, match="cannot be read: Permission denied; let"):
        settings.model_paths()


@pytest.mark.parametrize(
    ("arguments", "environment", "sentence"),
    [
        (["--port", "http"], {}, "--port is 'http'; expected a whole number"),
        (["--port", "65536"], {}, "--port is 65536; expected 0 to 65535"),
        ([], {"PINION_MAX_ROWS": "0"}, "PINION_MAX_ROWS is 0; expected 1 to "),
        ([], {"PINION_PORT": ""}, "PINION_PORT is ''; expected a whole number"),
    ],
)
def test_a_bad_value_is_refused_with_its_name(
    arguments: list[str], environment: dict[str, str], sentence: str
) -> None:
    with pytest.raises(InvalidSetting) as refusal:
        read_settings(arguments, environment)

    assert str(refusal.value).startswith(sentence)


def test_help_names_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read_settings(["--help"], {})

    lines = capsys.readouterr().out.splitlines()
    text = " ".join(" ".join(lines).split())
    assert max(map(len, lines)) <= 80
    for setting in SETTINGS:
        assert (
            f"{setting.sentence} Default {setting.default or 'none'}; environment"
            in text
        )
        assert setting.flag in text
        assert setting.variable in text
