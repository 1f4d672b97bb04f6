"""What a request is called by those who have passed it on."""

import re

from server.contracts.contract import Headers
from server.edge import IDS

ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
"""What else comes is not repeated: it may be made to be read as something else."""

TRACE = re.compile(
    rb"(?!ff)([0-9a-f]{2})-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?"
)
"""https://www.w3.org/TR/trace-context/#traceparent-header"""

MAX_TRACE_BYTES = 128


def echoed(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Return the ids of a request, as they are sent back; of each name the first."""
    found = {
        name: value
        for name, value in reversed([*headers])
        if name in IDS and ID.fullmatch(value)
    }
    return [(name, found[name]) for name in IDS if name in found]


def traceparent(headers: Headers) -> str:
    """Return where in a trace a request belongs, nothing if that is not valid."""
    found = [value for name, value in headers if name == b"traceparent"]
    if len(found) != 1 or len(found[0]) > MAX_TRACE_BYTES:
        return ""
    match = TRACE.fullmatch(found[0])
    if match is None or (match[1] == b"00" and match[2] is not None):
        return ""
    return found[0].decode("ascii", "ignore")
