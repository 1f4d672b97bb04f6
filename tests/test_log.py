"""Lines of the log: no more than a disk takes, and none that a client wrote."""

import io
import logging

import pytest

from server import log
from server.log import MAX_LINES_PER_SECOND, Bounded, Formatter


def logger(stream: io.StringIO) -> logging.Logger:
    made = logging.Logger("tests")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Formatter())
    handler.addFilter(Bounded())
    made.addHandler(handler)
    return made


def test_no_text_of_a_client_begins_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    try:
        raise ValueError("a\n2026-01-01 00:00:00,000 WARNING forged\r\x1b[2K\u2028b")
    except ValueError:
        logger(stream).exception("failed: %s", "x\ny")

    first, *others = stream.getvalue().splitlines()
    assert first.endswith(" ERROR failed: x")
    assert all(line.startswith("  | ") for line in others)
    assert others[-1] == (
        "  | 2026-01-01 00:00:00,000 WARNING forged\\r\\x1b[2K\\u2028b"
    )


def test_a_flood_is_counted_and_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [5.0]
    monkeypatch.setattr(log, "monotonic", lambda: now[0])
    stream = io.StringIO()
    made = logger(stream)
    for number in range(1000):
        made.warning("number %d", number)
    now[0] += 1
    made.warning("number %d", 1000)
    made.warning("number %d", 1001)

    lines = [line.partition(" WARNING ")[2] for line in stream.getvalue().splitlines()]
    assert lines == [
        *(f"number {number}" for number in range(MAX_LINES_PER_SECOND)),
        "(990 records were left out) number 1000",
        "number 1001",
    ]
