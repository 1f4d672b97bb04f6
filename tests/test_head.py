import pytest

from server.http.head import Head, read_head

HOST = b"Host: localhost"
JSON = b"Content-Type: application/json"
LENGTH = b"Content-Length: 17"


def lines(
    *fields: bytes, method: bytes = b"POST", target: bytes = b"/predict"
) -> bytes:
    return b"\r\n".join([b"%b %b HTTP/1.1" % (method, target), HOST, *fields])


@pytest.mark.parametrize(
    "head",
    [
        lines(JSON, LENGTH),
        lines(LENGTH),
        lines(b"CONTENT-TYPE: Application/JSON; charset=utf-8", b"content-length:17"),
        lines(b"Content-Type: application/ld+json", LENGTH, b"Connection: keep-alive"),
        lines(b"Content-Type: text/csv", LENGTH, b"Traceparent: 00-1-2-00"),
    ],
)
def test_a_plain_post_is_its_target_and_its_length(head: bytes) -> None:
    found = read_head(head)

    assert found is not None
    assert (found.target, found.n_body_bytes) == ("/predict", 17)


def test_the_target_is_told_as_it_was_sent() -> None:
    head = lines(LENGTH, target=b"/models/a%20b/predict?include=interval")

    assert read_head(head) == Head(
        "/models/a%20b/predict?include=interval",
        [(b"host", b"localhost"), (b"content-length", b"17")],
        17,
    )


@pytest.mark.parametrize(
    "head",
    [
        lines(JSON),
        lines(JSON, b"Content-Length: 17", b"Content-Length: 18"),
        lines(JSON, b"Content-Length: -1"),
        lines(JSON, b"Content-Length:"),
        lines(JSON, b"Content-Length: +17"),
        lines(JSON, b"Content-Length: 1_7"),
        lines(JSON, b"Content-Length: 99999999999999999999999"),
        lines(JSON, b"Content-Length: 17, 17"),
        lines(JSON, b"Transfer-Encoding: chunked"),
        lines(JSON, LENGTH, b"Transfer-Encoding: chunked"),
        lines(JSON, LENGTH, b"Expect: 100-continue"),
        lines(JSON, LENGTH, b"Connection: close"),
        lines(JSON, LENGTH, b"Connection: Upgrade", b"Upgrade: h2c"),
        lines(JSON, LENGTH, b"Connection: Upgrade", b"Upgrade: websocket"),
        lines(JSON, LENGTH, method=b"PUT"),
        lines(JSON, LENGTH, method=b"PREDICT"),
        lines(JSON, LENGTH).replace(b"HTTP/1.1", b"HTTP/1.0"),
        lines(JSON, LENGTH).replace(b"HTTP/1.1", b"HTTP/2.0"),
        lines(JSON, LENGTH, b"no colon"),
        lines(JSON, LENGTH, b"Name\xff: value"),
        lines(JSON, LENGTH)[:-4],
        b"",
    ],
)
def test_whatever_is_more_than_that_is_left_to_uvicorn(head: bytes) -> None:
    assert read_head(head) is None
