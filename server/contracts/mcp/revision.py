"""Which revision of MCP a message is of; the newest says itself again in headers.

https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http
"""

from base64 import b64decode
from typing import Any

from server.contracts.contract import Headers
from server.contracts.mcp.message import INVALID_PARAMS, Message, Refusal

MODERN = "2026-07-28"
OLDER = ("2025-11-25", "2025-06-18", "2025-03-26")
"""Whose clients begin with `initialize`, newest first."""

META = "io.modelcontextprotocol/"
VERSION, ABILITIES = f"{META}protocolVersion", f"{META}clientCapabilities"

HEADER_MISMATCH = -32020
UNKNOWN_VERSION = -32022


def is_modern(message: Message, fields: Headers) -> bool:
    """Tell whether a message is of the stateless revision, with all that it demands.

    Raises
    ------
    Refusal
        Its revision is not known, it is not whole, or its headers say something else.
    """
    header = _joined(fields, b"mcp-protocol-version")
    version = message.meta.get(VERSION)
    if version is None and (header in ("", *OLDER) or message.method == "initialize"):
        return False
    if version is not None:
        _require("MCP-Protocol-Version", header, version)
    if header not in (MODERN, *OLDER):
        raise Refusal(
            UNKNOWN_VERSION,
            f"The version {header!r} is not spoken here.",
            data={"supported": [MODERN, *OLDER], "requested": header},
        )
    if header == MODERN and message.is_request:
        _require_whole(message, fields)
    return header == MODERN


def _require_whole(message: Message, fields: Headers) -> None:
    for name in (VERSION, ABILITIES):
        if name not in message.meta:
            raise Refusal(INVALID_PARAMS, f'params._meta has no "{name}".')
    _require("Mcp-Method", _joined(fields, b"mcp-method"), message.method)
    if message.method == "tools/call":
        asked = (message.params or {}).get("name")
        _require("Mcp-Name", _plain(_joined(fields, b"mcp-name")), asked)


def _require(name: str, header: str, said: Any) -> None:
    if header != said:
        found = f"is {header!r}" if header else "is missing"
        raise Refusal(
            HEADER_MISMATCH, f"The header {name} {found}; the body says {said!r}."
        )


def _joined(fields: Headers, wanted: bytes) -> str:
    """Return a header; if it came twice, it is none that anybody knows."""
    found = b", ".join(value for name, value in fields if name == wanted)
    return found.decode("latin-1")


def _plain(header: str) -> str:
    """Return a header as it was before base64, in which more than ASCII comes."""
    if not (header.startswith("=?base64?") and header.endswith("?=")):
        return header
    try:
        return b64decode(header[9:-2], validate=True).decode()
    except ValueError:
        return header
