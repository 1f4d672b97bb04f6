"""A request of the protocol: its JSON, and the bytes that may stand behind it."""

import json
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from server.contracts.contract import Headers
from server.contracts.predict.faults import UNDECODABLE
from server.contracts.v2.tensors import Tensor
from server.problems import MalformedBody

JSON_LENGTH = b"inference-header-content-length"
BYTES_BEHIND = "binary_data_size"

MAX_DIGITS = 19
"""Of a length; Python reads no number of more than 4,300."""


class Output(Struct):
    """An output that is asked for."""

    name: str
    parameters: dict[str, Any] = {}


class InferRequest(Struct):
    """The JSON of a request."""

    inputs: list[Tensor]
    id: str = ""
    parameters: dict[str, Any] = {}
    outputs: list[Output] = []

    def wants_bytes(self, output: Output) -> bool:
        """Whether an output's values are sent as bytes; its own word comes first."""
        whole = self.parameters.get("binary_data_output", False)
        return output.parameters.get("binary_data", whole) is True


def parted(body: bytes, headers: Headers) -> tuple[bytes, bytes]:
    """Return the JSON of a body, and the bytes behind it.

    Raises
    ------
    MalformedBody
        The header says something else than how long the JSON is.
    """
    for name, value in headers:
        if name == JSON_LENGTH:
            is_number = value.isdigit() and len(value) <= MAX_DIGITS
            n_bytes = int(value) if is_number else -1
            if not 0 < n_bytes <= len(body):
                raise MalformedBody(
                    f"Inference-Header-Content-Length is {value.decode('latin-1')}, and "
                    f"the body has {len(body)} bytes."
                )
            return body[:n_bytes], body[n_bytes:]
    return body, b""


def decoded(text: bytes) -> InferRequest:
    """Return the request in a JSON document.

    Some clients write NaN, who have no other missing value, and others null for
    whatever they leave out, as `parameters`.

    Raises
    ------
    MalformedBody
    """
    try:
        return msgspec.json.decode(text, type=InferRequest)
    except UNDECODABLE as error:
        reason = str(error)
    if b"NaN" in text or b"null" in text:
        try:
            document = json.loads(text, parse_constant=lambda _: None)
            return msgspec.convert(_without_nulls(document), InferRequest)
        except (*UNDECODABLE, ValueError) as error:
            reason = str(error)
    raise MalformedBody(f"The body is no inference request: {reason}.")


def _without_nulls(document: Any) -> Any:
    """Return a request, or a list of its parts, without what is null beside the data."""
    if isinstance(document, list):
        return [_without_nulls(each) for each in document]
    if not isinstance(document, dict):
        return document
    return {
        key: _without_nulls(value) if key in ("inputs", "outputs") else value
        for key, value in document.items()
        if value is not None
    }


def contents_of(
    tensors: Sequence[Tensor], content: bytes
) -> list[tuple[Tensor, bytes | None]]:
    """Return each tensor with its part of the bytes behind the JSON, None without.

    Raises
    ------
    MalformedBody
        There are fewer bytes than the tensors say, or more.
    """
    start = 0
    parts: list[tuple[Tensor, bytes | None]] = []
    for tensor in tensors:
        n_bytes = tensor.parameters.get(BYTES_BEHIND)
        if n_bytes is None:
            parts.append((tensor, None))
            continue
        if type(n_bytes) is not int or not 0 <= n_bytes <= len(content) - start:
            raise MalformedBody(
                f"Of the input {tensor.name!r}, {BYTES_BEHIND} is {n_bytes}, and "
                f"{len(content) - start} bytes are left."
            )
        parts.append((tensor, content[start : start + n_bytes]))
        start += n_bytes
    if start < len(content):
        raise MalformedBody(
            f"Behind the tensors there are {len(content) - start} bytes more."
        )
    return parts
