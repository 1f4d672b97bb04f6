"""The sockets that connections come from: who waits there, and who is let in."""

import asyncio
import errno
import socket
import sys

import pytest

from server.http.listener import (
    FEW_WAITING,
    LOOK_SECONDS,
    MANY_WAITING,
    Door,
    let_nobody_in,
    listen,
    somebody_waits,
)

IS_LINUX = sys.platform == "linux"


@pytest.mark.skipif(not IS_LINUX, reason="only Linux can")
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_who_is_connected_can_be_accepted_and_nobody_else_comes(family: int) -> None:
    host = "127.0.0.1" if family == socket.AF_INET else "::1"
    with socket.create_server((host, 0), family=family) as listener:
        address = listener.getsockname()
        with socket.create_connection(address[:2]) as early:
            assert let_nobody_in(listener)
            early.sendall(b"a question")
            with socket.socket(family) as late, pytest.raises(ConnectionRefusedError):
                late.connect(address)
            accepted, _ = listener.accept()
            with accepted:
                assert accepted.recv(100) == b"a question"
                listener.setblocking(False)
                with pytest.raises(BlockingIOError):
                    listener.accept()


async def comes_in(address: tuple[str, int]) -> bool:
    """Tell whether a new client is connected, at its first packet."""
    with socket.socket() as client:
        client.setblocking(False)
        try:
            connecting = asyncio.get_running_loop().sock_connect(client, address)
            await asyncio.wait_for(connecting, 0.3)
        except TimeoutError:
            return False
        return True


@pytest.mark.skipif(not IS_LINUX, reason="only Linux can")
def test_the_door_is_shut_while_many_wait_and_opens_when_few_do() -> None:
    async def crowd(listener: socket.socket) -> list[bool]:
        address, came_in = listener.getsockname(), []
        door = Door([listener])
        for n_more in (MANY_WAITING - 1, 0, FEW_WAITING - MANY_WAITING):
            for _ in range(n_more):
                socket.create_connection(address).close()
            for _ in range(-n_more):
                listener.accept()[0].close()
            door.look()
            await asyncio.sleep(2 * LOOK_SECONDS)
            came_in.append(await comes_in(address))
        door.leave()
        return came_in

    with listen(("127.0.0.1", 0), socket.AF_INET, 7) as listener:
        assert asyncio.run(crowd(listener)) == [True, False, True]


@pytest.mark.skipif(not IS_LINUX, reason="other systems have no such limit")
def test_what_nobody_reads_is_dropped_by_the_system_in_time() -> None:
    with listen(("127.0.0.1", 0), socket.AF_INET, 7) as listener:
        assert not somebody_waits(listener)
        with socket.create_connection(listener.getsockname()):
            assert somebody_waits(listener)
            accepted, _ = listener.accept()
        with accepted:
            option = socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT
            assert accepted.getsockopt(*option) == 7000


class Sandboxed(socket.socket):
    """As in gVisor, which has not all options."""

    def getsockopt(self, *_: int) -> bytes:  # type: ignore[override]
        raise OSError(errno.ENOPROTOOPT, "Protocol not available")


class Emulated(socket.socket):
    """As in qemu, for which all options of TCP are numbers."""

    def getsockopt(self, *_: int) -> bytes:  # type: ignore[override]
        return b"\0\0\0\0"


@pytest.mark.parametrize("system", [Sandboxed, Emulated])
def test_the_door_stays_open_where_the_system_does_not_count(
    system: type[socket.socket],
) -> None:
    async def looks(listener: socket.socket) -> bool:
        Door([listener]).look()
        await asyncio.sleep(2 * LOOK_SECONDS)
        return await comes_in(listener.getsockname())

    with system() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(MANY_WAITING)

        assert asyncio.run(looks(listener))


def test_a_system_that_cannot_says_so() -> None:
    class Sandboxed(socket.socket):
        def setsockopt(self, *_: object) -> None:
            raise OSError(errno.ENOPROTOOPT, "Protocol not available")

    with Sandboxed() as listener:
        assert not let_nobody_in(listener)
