"""What every test runs under, and what some do."""

import signal
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from convert.__main__ import parse
from convert.commands import saved
from convert.wall.inside import WORK

# The background job of a shell ignores SIGINT, and so would every program that the
# tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def without_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do a command's work in this process: another one takes seconds to start."""

    def work(words: list[str], folder: Path, *_: object, **__: object) -> Any:
        return import_module(WORK[words[0]]).run(parse(words), folder)

    monkeypatch.setattr(saved, "work", work)
