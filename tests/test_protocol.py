import asyncio
from typing import Any

from server.protocol import JoinedWrites


class Recorded:
    """Notes what reaches the transport, in order."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def write(self, data: bytes) -> None:
        self.calls.append(data)

    def close(self) -> None:
        self.calls.append("closed")

    def is_closing(self) -> bool:
        return self.calls[-1:] == ["closed"]


def test_writes_of_one_turn_are_one_write() -> None:
    recorded = Recorded()

    async def respond() -> None:
        transport: Any = recorded
        joined = JoinedWrites(transport, asyncio.get_running_loop())
        joined.write(b"head ")
        joined.write(b"body")
        await asyncio.sleep(0)
        joined.write(b"more")
        await asyncio.sleep(0)

    asyncio.run(respond())

    assert recorded.calls == [b"head body", b"more"]


def test_nothing_is_lost_when_the_connection_closes() -> None:
    recorded = Recorded()

    async def respond() -> None:
        transport: Any = recorded
        joined = JoinedWrites(transport, asyncio.get_running_loop())
        joined.write(b"last words")
        joined.close()
        await asyncio.sleep(0)

    asyncio.run(respond())

    assert recorded.calls == [b"last words", "closed"]


def test_nothing_is_written_to_a_connection_that_the_client_reset() -> None:
    recorded = Recorded()

    async def respond() -> None:
        transport: Any = recorded
        joined = JoinedWrites(transport, asyncio.get_running_loop())
        joined.write(b"too late")
        recorded.close()
        await asyncio.sleep(0)

    asyncio.run(respond())

    assert recorded.calls == ["closed"]
