"""The head of an HTTP request: what the standard demands of it, and the plainest kind.

The parser (httptools, so Node's llhttp) is strict about lines, lengths and characters;
what it leaves to its caller is here.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

import httptools

from server.problems import MalformedRequest, Problem, UnknownCoding, UnknownVersion

Fields = Iterable[tuple[bytes, bytes]]
"""Names in lower case."""

HOST = re.compile(rb"(?:[\w.~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::\d*)?", re.ASCII)
"""A name or an address, and a port (RFC 3986, section 3.2.2)."""


class Head(NamedTuple):
    """Of a request that is its body and nothing else."""

    target: str
    headers: list[tuple[bytes, bytes]]
    n_body_bytes: int


def require_standard(version: str, fields: Fields) -> None:
    """Refuse a head that the parser takes and others would read in another way.

    Raises
    ------
    UnknownVersion
    UnknownCoding
        Of the body's transfer; RFC 9112, section 6.1.
    MalformedRequest
        HTTP/1.1 has exactly one Host (RFC 9112, section 3.2); HTTP/1.0 no chunks.
    """
    if version not in ("1.1", "1.0"):
        raise UnknownVersion(f"The version is {version}; send HTTP/1.1.")
    hosts = [value for name, value in fields if name == b"host"]
    if len(hosts) > 1 or (not hosts and version == "1.1"):
        raise MalformedRequest(f"There are {len(hosts)} Host fields; send one.")
    if hosts and not HOST.fullmatch(hosts[0]):
        raise MalformedRequest(
            "Host is not a name or an address, with or without port."
        )
    for name, value in fields:
        if name == b"transfer-encoding":
            if version == "1.0":
                raise MalformedRequest("HTTP/1.0 has no Transfer-Encoding.")
            if value.strip().lower() != b"chunked":
                coding = value.decode("latin-1")
                raise UnknownCoding(f"Transfer-Encoding is {coding!r}; send chunked.")


def declared_body_bytes(fields: Fields) -> int:
    """Return the Content-Length that the parser has checked, 0 where there is none."""
    return next((int(value) for name, value in fields if name == b"content-length"), 0)


class _Reader:
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
    reader = _Reader()
    parser = httptools.HttpRequestParser(reader)
    try:
        parser.feed_data(lines + b"\r\n\r\n")
        require_standard(parser.get_http_version(), reader.headers)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade, Problem):
        return None
    names = {name for name, _ in reader.headers}
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
    target = reader.target.decode("latin-1")
    return Head(target, reader.headers, declared_body_bytes(reader.headers))
