"""The head of an HTTP request, as far as a prediction needs it.

The parser is the one that uvicorn uses.
"""

from typing import NamedTuple

import httptools


class Head(NamedTuple):
    """Of a request that is its body and nothing else."""

    target: str
    headers: list[tuple[bytes, bytes]]
    n_body_bytes: int


class _Fields:
    """What the parser reports."""

    def __init__(self) -> None:
        self.target = b""
        self.headers: list[tuple[bytes, bytes]] = []

    def on_url(self, part: bytes) -> None:
        self.target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))


def read_head(lines: bytes) -> Head | None:
    """Return what the head says, None for all but a plain POST.

    Parameters
    ----------
    lines
        All before the empty line, so not its CR LF and not the one before it.
    """
    fields = _Fields()
    parser = httptools.HttpRequestParser(fields)
    try:
        parser.feed_data(lines + b"\r\n\r\n")
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return None
    names = {name for name, _ in fields.headers}
    is_plain = (
        parser.get_method() == b"POST"
        and parser.get_http_version() == "1.1"
        and parser.should_keep_alive()
        and not parser.should_upgrade()
        and b"content-length" in names
        and names.isdisjoint({b"transfer-encoding", b"expect"})
    )
    if not is_plain:
        return None
    n_body_bytes = int(dict(fields.headers)[b"content-length"])  # there is one
    return Head(fields.target.decode("latin-1"), fields.headers, n_body_bytes)
