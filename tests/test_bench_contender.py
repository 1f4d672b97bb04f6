from pathlib import Path

import pytest

from bench.errors import Refusal
from bench.subjects.contender import FOLDER, read_contenders

CONTENDERS = read_contenders([])


def test_every_file_is_a_contender_with_exact_requirements() -> None:
    names = [contender.name for contender in CONTENDERS]

    assert names == sorted(
        path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__"
    )
    for contender in CONTENDERS:
        assert contender.label
        assert all(
            "==" in each or "@" in each for each in packages(contender.requirements)
        )
        assert len((FOLDER / f"{contender.name}.py").read_text().splitlines()) < 60


def packages(requirements: tuple[str, ...]) -> list[str]:
    return [
        each for each in requirements if not each.startswith("-") and ".txt" not in each
    ]


def test_a_command_is_filled_with_what_is_measured() -> None:
    (pinion,) = read_contenders(["pinion"])

    command = pinion.fill_command(Path("model.onnx"), port=8080)

    assert Path(command[0]).name == "python"
    assert command[1:] == ["-m", "server", "model.onnx", "--port", "8080"]


def test_only_the_bare_import_serves_nothing() -> None:
    assert [each.name for each in CONTENDERS if not each.is_server] == [
        "onnxruntime_import"
    ]


def test_contenders_of_one_set_of_requirements_share_an_environment() -> None:
    pinion, constant, flask = read_contenders(
        ["pinion", "uvicorn_constant", "flask_pickle"]
    )

    folders = [
        Path(each.fill_command(Path("model.onnx"))[0]).parent
        for each in (pinion, constant, flask)
    ]

    assert folders[0] == folders[1] != folders[2]


def test_an_unknown_contender_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(
        Refusal, match="no contender rocket; known are bentoml_onnxruntime,"
    ):
        read_contenders(["pinion", "rocket"])
