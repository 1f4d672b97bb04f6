import gzip
import zlib

import pytest

from server.contracts.headers import require_form, require_json, unpacked
from server.problems import BodyTooLarge, MalformedBody, UnsupportedMediaType

TYPE, ENCODING = b"content-type", b"content-encoding"


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(TYPE, b"application/json")],
        [(TYPE, b"Application/JSON; charset=utf-8")],
        [(TYPE, b"application/ld+json"), (b"connection", b"keep-alive")],
        [(TYPE, b"application/json"), (ENCODING, b"Identity")],
        [(ENCODING, b"gzip")],
        [(ENCODING, b" Deflate")],
    ],
)
def test_json_may_say_so_or_nothing(headers: list[tuple[bytes, bytes]]) -> None:
    require_json(headers)


def test_a_body_that_says_it_is_something_else_is_refused() -> None:
    with pytest.raises(UnsupportedMediaType, match=r"\(zstd\); send it plain, or"):
        require_json([(ENCODING, b"zstd")])
    with pytest.raises(UnsupportedMediaType, match="content type is text/csv; send"):
        require_json([(TYPE, b"Text/CSV; charset=utf-8")])
    with pytest.raises(UnsupportedMediaType, match="content type is text/csv; send"):
        require_json([(TYPE, b"text/csv"), (TYPE, b"application/json")])


def test_a_form_must_say_that_it_is_one() -> None:
    form = (TYPE, b"application/x-www-form-urlencoded; charset=utf-8")
    require_form([form])

    with pytest.raises(UnsupportedMediaType, match="content type is missing; this"):
        require_form([])
    with pytest.raises(UnsupportedMediaType, match="compressed \\(br\\)"):
        require_form([form, (ENCODING, b"br")])


BODY = b'{"reading score": 80}' * 10


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        (b"gzip", gzip.compress(BODY, mtime=0)),
        (b"X-GZIP", gzip.compress(BODY, mtime=0)),
        (b"deflate", zlib.compress(BODY)),
        (b"identity", BODY),
    ],
)
def test_a_body_is_what_it_was_before_it_was_compressed(
    encoding: bytes, body: bytes
) -> None:
    assert unpacked([(ENCODING, encoding)], body, len(BODY)) == BODY
    assert unpacked([(TYPE, b"application/json")], BODY, len(BODY)) == BODY


def test_no_more_is_unpacked_than_is_allowed() -> None:
    bomb = gzip.compress(bytes(50_000_000))

    with pytest.raises(BodyTooLarge, match="more than 209 bytes unpacked"):
        unpacked([(ENCODING, b"gzip")], gzip.compress(BODY, mtime=0), len(BODY) - 1)
    with pytest.raises(BodyTooLarge, match="more than 1000 bytes unpacked"):
        unpacked([(ENCODING, b"gzip")], bomb, 1000)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        BODY,
        gzip.compress(BODY, mtime=0)[:-1],
        gzip.compress(BODY, mtime=0) + b"{}",
    ],
)
def test_what_was_not_compressed_whole_is_malformed(body: bytes) -> None:
    with pytest.raises(
        MalformedBody, match=r"cannot be unpacked|ends before, or after"
    ):
        unpacked([(ENCODING, b"gzip")], body, 1000)
