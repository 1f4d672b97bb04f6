"""No hostile file has its way; `python -m tests.hostile` gives all to the command."""

from pathlib import Path
from typing import Any

import pytest

from convert.errors import Refusal
from convert.saved.build import build
from convert.saved.examine import examine_content
from convert.saved.states import known_classes, state_of
from tests import assembler as a
from tests.hostile import run
from tests.hostile_file import HOSTILE, Hostile
from tests.hostile_names import CHAINS, NAMES
from tests.hostile_states import ARRAY_INTERFACE

FILES = list(HOSTILE.values())
ONE_OF_EACH_KIND = list({file.kind: file for file in reversed(FILES)}.values())


def named(file: Hostile) -> str:
    return file.name


def test_there_are_many_hostile_files_of_many_kinds() -> None:
    assert len(FILES) >= 60
    assert len(ONE_OF_EACH_KIND) >= 20


@pytest.mark.slow
@pytest.mark.parametrize("file", ONE_OF_EACH_KIND, ids=named)
def test_the_command_refuses_a_file_of_each_kind(file: Hostile, tmp_path: Path) -> None:
    assert run(file, tmp_path).faults == []


@pytest.mark.parametrize(
    "file", [each for each in FILES if each.kind in (NAMES, CHAINS)][::20], ids=named
)
def test_a_name_that_runs_code_is_refused_by_its_name(
    file: Hostile, tmp_path: Path
) -> None:
    path = tmp_path / "pipeline.pkl"

    with pytest.raises(Refusal, match=r"would (import|call) |carries Python code"):
        examine_content(path, file.build(tmp_path / "marker"), ())

    assert list(tmp_path.iterdir()) == []


ATTACKS: dict[str, Any] = {
    "a function": a.name("numpy", "log1p"),
    "a class": a.name("sklearn.linear_model._ridge", "Ridge"),
    "an array interface": a.build(
        a.new(a.name("sklearn.linear_model._ridge", "Ridge")),
        {"__array_interface__": ARRAY_INTERFACE},
    ),
    "a negative shape": a.array("f8", (-1,), b""),
    "a huge shape": a.array("f8", (2**40, 2**40), bytes(8)),
    "too few bytes": a.array("f8", (1000,), bytes(8)),
    "objects out of bytes": a.array("O8", (1,), b"A" * 8),
}

TAKES_A_FUNCTION = {"FunctionTransformer", "TransformedTargetRegressor"}
"""Of numpy, which calculates and does nothing else."""


def attacked(module: str, name: str, attribute: str, value: Any) -> bytes:
    return a.program(a.build(a.new(a.name(module, name)), {attribute: value}))


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_attribute_of_any_class_can_be_turned_against_us(attack: str) -> None:
    loaded = []
    for module, name in known_classes():
        if attack == "a function" and name in TAKES_A_FUNCTION:
            continue
        for attribute in state_of((module, name)).attributes:
            content = attacked(module, name, attribute, ATTACKS[attack])
            try:
                build(examine_content(Path("pipeline.pkl"), content, ()).tree)
            except Refusal:
                continue
            loaded.append((module, name, attribute))

    assert loaded == []
