"""The table of operations: each route of the server has one here."""

from collections.abc import Iterator

from server.openapi import counted, inference, native, platforms, streams, tools
from server.openapi.operation import Operation
from server.openapi.served import Served


def operations(served: Served) -> Iterator[Operation]:
    """Yield every operation, in the order in which they are told."""
    yield from native.operations(served)
    yield from streams.operations(served)
    yield from inference.operations(served)
    yield from platforms.operations(served)
    yield from tools.operations(served)
    yield from counted.operations(served)
