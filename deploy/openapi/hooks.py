"""What schemathesis does not know of lines of JSON: a text is sent as it is."""

from typing import Any

import schemathesis


def write_lines(_: schemathesis.SerializationContext, value: Any) -> bytes:
    """Return what is sent."""
    return value if isinstance(value, bytes) else str(value).encode()


schemathesis.serializer(
    "application/jsonlines", "application/jsonl", "application/x-ndjson"
)(write_lines)
