"""The table of operations: each route of the server has one here."""

from collections.abc import Iterator

from server.openapi import inference, native, platforms
from server.openapi.operation import Operation
from server.openapi.served import Served


def operations(served: Served) -> Iterator[Operation]:
    """Yield every operation, in the order in which they are told."""
    yield from native.operations(served)
    yield from inference.operations(served)
    yield from platforms.operations(served)
