"""Lines of the log: no more than a disk takes, and none that a client wrote."""

import io
import logging
import os
from contextlib import suppress
from pathlib import Path

import pytest

from server import bucket
from server.log import MAX_LINES_PER_SECOND, Beside, Bounded, Formatter


def logger(stream: io.StringIO) -> logging.Logger:
    made = logging.Logger("tests")
    handler = Beside(stream)
    handler.setFormatter(Formatter())
    handler.addFilter(Bounded())
    made.addHandler(handler)
    return made


def test_no_text_of_a_client_begins_a_line() -> None:
    stream = io.StringIO()
    try:
        raise ValueError("a\n2026-01-01 00:00:00,000 WARNING forged\r\x1b[2K\u2028b")
    except ValueError:
        made = logger(stream)
        made.exception("failed: %s", "x\ny")

    made.handlers[0].flush()
    first, *others = stream.getvalue().splitlines()
    assert first.endswith(" ERROR failed: x")
    assert all(line.startswith("  | ") for line in others)
    assert others[-1] == (
        "  | 2026-01-01 00:00:00,000 WARNING forged\\r\\x1b[2K\\u2028b"
    )


def test_a_flood_is_counted_and_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [5.0]
    monkeypatch.setattr(bucket, "monotonic", lambda: now[0])
    stream = io.StringIO()
    made = logger(stream)
    for number in range(1000):
        made.warning("number %d", number)
    now[0] += 1
    made.warning("number %d", 1000)
    made.warning("number %d", 1001)

    made.handlers[0].flush()
    lines = [line.partition(" WARNING ")[2] for line in stream.getvalue().splitlines()]
    assert lines == [
        *(f"number {number}" for number in range(MAX_LINES_PER_SECOND)),
        "(990 records were left out) number 1000",
        "number 1001",
    ]


def test_a_reader_that_stops_holds_nobody_up() -> None:
    reading, writing = os.pipe()
    handler = Beside(os.fdopen(writing, "w"))
    record = logging.makeLogRecord({"msg": "x" * 1000})
    for _ in range(5000):  # of which the pipe takes 64, and the handler 1,000
        handler.emit(record)
    handler.flush()
    first = os.read(reading, 1001)
    os.close(reading)  # so that the thread ends its writing
    handler.flush()

    assert first == b"x" * 1000 + b"\n"


def test_a_full_disk_is_no_fault() -> None:
    with suppress(OSError), Path("/dev/full").open("w") as stream:
        handler = Beside(stream)
        for _ in range(2):
            handler.emit(logging.makeLogRecord({"msg": "x"}))
        handler.flush()

        assert not handler._lines.unfinished_tasks
