import io
import logging

import pytest

from convert.wall.relay import MAX_BYTES, SHORT_LINE_BYTES, Records, lines


def test_a_record_is_one_line_with_its_level(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logger = logging.Logger("convert")
    logger.addHandler(Records())

    logger.info("reading %s …", "a\nb")
    logger.error("lost")

    assert capsys.readouterr().err == "\x1e20\treading a b …\n\x1e30\tlost\n"


def test_the_rest_of_what_has_no_end_is_read_and_forgotten() -> None:
    n_lines = MAX_BYTES // SHORT_LINE_BYTES
    file = io.BytesIO(b"line\n" * (n_lines + 5))

    assert len(list(lines(file))) == n_lines
    assert file.closed


def test_bytes_that_are_no_text_are_marked() -> None:
    assert list(lines(io.BytesIO(b"a\xffb\r\nlast"))) == ["a\ufffdb", "last"]
