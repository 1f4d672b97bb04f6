"""The socket that connections come from, when a stop begins."""

import errno
import socket
import sys

import pytest

from server.http.listener import let_nobody_in, listen, somebody_waits

IS_LINUX = sys.platform == "linux"


@pytest.mark.skipif(not IS_LINUX, reason="only Linux filters packets for a socket")
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_who_is_connected_can_be_accepted_and_nobody_else_comes(family: int) -> None:
    host = "127.0.0.1" if family == socket.AF_INET else "::1"
    with socket.create_server((host, 0), family=family) as listener:
        address = listener.getsockname()
        with socket.create_connection(address[:2]) as early:
            assert let_nobody_in(listener)
            early.sendall(b"a question")
            with socket.socket(family) as late:
                late.settimeout(0.2)
                with pytest.raises(TimeoutError):
                    late.connect(address)
            accepted, _ = listener.accept()
            with accepted:
                assert accepted.recv(100) == b"a question"
                listener.setblocking(False)
                with pytest.raises(BlockingIOError):
                    listener.accept()


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


def test_a_system_without_filters_says_so() -> None:
    class Sandboxed(socket.socket):
        def setsockopt(self, *_: object) -> None:
            raise OSError(errno.ENOPROTOOPT, "Protocol not available")

    with Sandboxed() as listener:
        assert not let_nobody_in(listener)
