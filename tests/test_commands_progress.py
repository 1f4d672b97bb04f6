import io
import logging
import time

import pytest

from convert.commands import progress
from convert.commands.progress import Progress

log = logging.getLogger("convert.somewhere")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Closed(io.StringIO):
    """What a reader that has gone leaves behind."""

    def write(self, _: str) -> int:
        raise BrokenPipeError


def make_error_output(
    monkeypatch: pytest.MonkeyPatch, tick_seconds: float, output: io.StringIO
) -> io.StringIO:
    """Return what standard error is from now on, with the time between two ticks."""
    monkeypatch.setattr(progress, "TICK_SECONDS", tick_seconds)
    monkeypatch.setattr("sys.stderr", output)
    monkeypatch.setenv("COLUMNS", "20")
    return output


def await_text(output: io.StringIO, text: str) -> None:
    deadline = time.monotonic() + 60
    while text not in output.getvalue():
        assert time.monotonic() < deadline, output.getvalue()
        time.sleep(0.001)


def test_what_takes_long_is_a_line_and_what_does_not_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    output = make_error_output(monkeypatch, 3600, io.StringIO())

    with Progress():
        log.info("reading …")
        log.info("read 3 rows")
        log.info("fitting …")

    assert output.getvalue() == "read 3 rows\n"


def test_what_goes_on_is_said_again(monkeypatch: pytest.MonkeyPatch) -> None:
    output = make_error_output(monkeypatch, 0.01, io.StringIO())
    monkeypatch.setattr(progress, "LINE_SECONDS", 0)

    with Progress():
        log.info("reading …")
        await_text(output, "reading …\nreading …\n")
        log.warning("3 rows are odd")
        await_text(output, "3 rows are odd\nreading …\n")
        log.info("read 9 rows")

    assert output.getvalue().endswith("read 9 rows\n")


def test_nothing_is_said_at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    output = make_error_output(monkeypatch, 3600, Terminal())

    with Progress() as shown:
        log.info("loading …")
        shown.rest()

    assert output.getvalue() == "\r\x1b[Kloading …\r\x1b[K"


def test_a_terminal_has_one_line_that_changes_and_is_gone_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    output = make_error_output(monkeypatch, 3600, Terminal())

    with Progress():
        log.info("reading …")
        log.info("read 3 rows")
        log.info("proving the graph on 1000 rows …")

    clear = "\r\x1b[K"
    assert output.getvalue() == (
        f"{clear}reading …{clear}read 3 rows\n{clear}proving the graph o{clear}"
    )


def test_work_goes_on_where_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    make_error_output(monkeypatch, 3600, Closed())

    with Progress():
        log.info("read 3 rows")
