"""The head of an HTTP request, as far as a prediction needs it.

The parser is the one that uvicorn uses. A head that was read before is not read
again: a client that keeps its connection sends the same one each time.
"""

import functools
from collections.abc import Iterable
from typing import NamedTuple

import httptools

from server.problems import UnsupportedMediaType

MAX_KEPT_HEADS = 256

JSON = b"application/json"
FORM = b"application/x-www-form-urlencoded"

Headers = Iterable[tuple[bytes, bytes]]


class Head(NamedTuple):
    """Of a request that is its body and nothing else."""

    target: str
    n_body_bytes: int


class _Fields:
    """What the parser reports."""

    def __init__(self) -> None:
        self.target = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.is_complete = False

    def on_url(self, part: bytes) -> None:
        self.target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.is_complete = True


@functools.lru_cache(MAX_KEPT_HEADS)
def read_head(lines: bytes) -> Head | None:
    """Return what the head says, None for all but a plain POST of JSON.

    Parameters
    ----------
    lines
        All before the empty line, so not its CR LF and not the one before it.
    """
    fields = _Fields()
    parser = httptools.HttpRequestParser(fields)
    try:
        parser.feed_data(lines + b"\r\n\r\n")
        require_json(fields.headers)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return None
    except UnsupportedMediaType:
        return None
    names = {name for name, _ in fields.headers}
    is_plain = (
        fields.is_complete
        and parser.get_method() == b"POST"
        and parser.get_http_version() == "1.1"
        and parser.should_keep_alive()
        and not parser.should_upgrade()
        and b"content-length" in names
        and names.isdisjoint({b"transfer-encoding", b"expect"})
    )
    if not is_plain:
        return None
    n_body_bytes = int(dict(fields.headers)[b"content-length"])  # there is one
    return Head(fields.target.decode("latin-1"), n_body_bytes)


def require_json(headers: Headers) -> None:
    """Refuse a body that says it is something else; one that says nothing is JSON.

    Parameters
    ----------
    headers
        Names in lower case, as ASGI has them.

    Raises
    ------
    UnsupportedMediaType
    """
    for name, value in headers:
        _require_plain(name, value)
        if name == b"content-type" and value != JSON:
            media_type = value.split(b";")[0].strip().lower()
            if media_type != JSON and not media_type.endswith(b"+json"):
                raise UnsupportedMediaType(
                    f"The content type is {media_type.decode('latin-1')}; send "
                    "Content-Type: application/json."
                )


def require_form(headers: Headers) -> None:
    """Refuse a body that is not a form as browsers send it.

    Raises
    ------
    UnsupportedMediaType
    """
    content_type = b""
    for name, value in headers:
        _require_plain(name, value)
        if name == b"content-type":
            content_type = value
    media_type = content_type.split(b";")[0].strip().lower()
    if media_type != FORM:
        found = media_type.decode("latin-1") or "missing"
        raise UnsupportedMediaType(
            f"The content type is {found}; this page reads its own form. Send JSON to "
            "/predict."
        )


def _require_plain(name: bytes, value: bytes) -> None:
    if name == b"content-encoding" and value.lower() != b"identity":
        raise UnsupportedMediaType(
            f"The body is compressed ({value.decode('latin-1')}); send it plain."
        )
