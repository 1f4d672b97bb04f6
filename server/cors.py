"""Pages of other origins, whose browsers ask whether they may read an answer (CORS).

https://fetch.spec.whatwg.org/#http-cors-protocol
"""

import re
from collections.abc import Mapping, Sequence

from server.contracts.contract import Headers
from server.settings import InvalidSetting

ANY = "*"

ORIGIN = re.compile(r"null|[a-z][a-z0-9+.-]*://[^\s/?#@,*]+")
"""What a browser says: a scheme, a host and perhaps a port, without a path."""

EXPOSED = (
    b"inference-header-content-length, model-name, model-version, retry-after, "
    b"server-timing, x-request-id"
)
"""What a script may read of a head, besides the few fields that it always may."""

METHODS = b"GET, HEAD, POST, PUT, OPTIONS"

MAX_AGE_SECONDS = 7200
"""How long a browser need not ask again; Chromium takes no more."""

NAMES = re.compile(rb"[\w!#$%&'*+.^`|~-]+(?:[ \t]*,[ \t]*[\w!#$%&'*+.^`|~-]+)*")


class Cors:
    """Which pages may read the answers.

    Parameters
    ----------
    origins
        As a browser names them, with spaces between; `*` is every one.

    Raises
    ------
    InvalidSetting
        One of them is no origin.
    """

    def __init__(self, origins: str) -> None:
        words = origins.split()
        for word in words:
            if word != ANY and not ORIGIN.fullmatch(word.lower()):
                raise InvalidSetting(
                    f"--cors-origins has {word!r}; expected * or a scheme with a host, "
                    "as https://app.example, without a path"
                )
        self._is_any = ANY in words
        self._origins = frozenset(word.lower().encode() for word in words)

    def fields(self, headers: Headers) -> Sequence[tuple[bytes, bytes]]:
        """Return what the answer to a request says of who may read it."""
        origin = self._allowed(dict(headers))
        varies = () if self._is_any else ((b"vary", b"Origin"),)
        if not origin:
            return varies
        return (
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", EXPOSED),
            *varies,
        )

    def preflight(
        self, method: str, headers: Headers
    ) -> Sequence[tuple[bytes, bytes]] | None:
        """Return the head of the answer to a browser that asks before its script does.

        None where the request is none of these. Its script may send any field: which
        ones are read is for the application.
        """
        asked = dict(headers)
        if (
            method != "OPTIONS"
            or b"origin" not in asked
            or b"access-control-request-method" not in asked
        ):
            return None
        varies = b"Origin, Access-Control-Request-Headers"
        origin = self._allowed(asked)
        if not origin:
            return ((b"vary", varies),)
        wanted = asked.get(b"access-control-request-headers", b"").strip()
        allowed = (
            ((b"access-control-allow-headers", wanted),)
            if NAMES.fullmatch(wanted)
            else ()
        )
        return (
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-methods", METHODS),
            *allowed,
            (b"access-control-max-age", b"%d" % MAX_AGE_SECONDS),
            (b"vary", varies),
        )

    def _allowed(self, headers: Mapping[bytes, bytes]) -> bytes:
        """Return the origin that may read an answer, nothing where none may."""
        if self._is_any:
            return ANY.encode()
        origin = headers.get(b"origin", b"")
        return origin if origin.lower() in self._origins else b""
