import logging
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from convert.errors import Refusal
from convert.wall import inside

WORDS = ["verify", "model.onnx"]


@pytest.fixture(autouse=True)
def _logger() -> Iterator[None]:
    logger = logging.getLogger("convert")
    before = [*logger.handlers]
    yield
    logger.handlers = before


def work(outcome: str | Exception, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run a command whose work returns a text or raises."""
    module = ModuleType("work")

    def run(*_: object) -> str:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(module, "run", run, raising=False)
    monkeypatch.setattr(inside, "import_module", lambda _: module)
    monkeypatch.setattr("sys.excepthook", lambda *_: None)
    return inside.main(WORDS, Path("folder"), "all is shut")


BEGINNING = "\x1e20\tbehind a wall: all is shut\n\x1e20\tloading what verify needs …\n"


def test_what_the_work_returns_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert work("done", monkeypatch) == 0
    assert capsys.readouterr() == ("done\n", BEGINNING)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Refusal("it is\nempty"), "it is empty"),
        (FileNotFoundError(2, "no such file", "rows.csv"), "rows.csv: no such file"),
    ],
)
def test_a_refusal_is_a_line_of_its_own_kind(
    error: Exception,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert work(error, monkeypatch) == 2
    assert capsys.readouterr() == ("", f"{BEGINNING}\x1e40\t{said}\n")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("one\ntwo"), "ValueError: one"),
        (MemoryError(), "MemoryError"),
    ],
)
def test_a_defect_is_a_line_without_a_traceback(
    error: Exception, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    inside.say_defect(type(error), error, None)

    assert capsys.readouterr().err == f"\x1e50\t{said}\n"
