"""What one client can cost: memory, and how long the others wait for the event loop."""

import argparse
import json
import socket
import struct
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, suppress
from typing import Any

from bench.attacks.victim import Attacked, Victim
from bench.figures.rounds import show
from bench.load.address import Address
from bench.load.probe import looking

LOOK_S = 0.002
TIMEOUT_S = 10.0
ONE_MB = 1_000_000
REST_S = 1.0
"""Between two attacks, so that one does not pay for the other."""

HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
RESET = struct.pack("ii", 1, 0)


class Client:
    """Attacks one server; what it opened stays open until the `with` block ends."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._open = ExitStack()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def connect(self, receive_buffer: int = 0) -> socket.socket:
        sock = self._open.enter_context(socket.socket())
        sock.settimeout(TIMEOUT_S)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.connect((self._address.host, self._address.port))
        return sock

    def send(self, parts: Iterable[bytes]) -> None:
        """Send it all on one connection, and read an answer if there is one.

        The server may end the connection at any time: that is its good right.
        """
        with suppress(OSError):
            sock = self.connect()
            for part in parts:
                sock.sendall(part)
            sock.recv(1000)


def measure(victim: Victim, options: argparse.Namespace) -> dict[str, Any]:
    """Measure each attack on the same server, one after the other."""
    program, address, _ = victim.start()
    with program:
        _predict_once(address)
        figures = {"nothing": _measure(program, address, lambda _: time.sleep(2))}
        for name, attack in ATTACKS.items():
            show(name)
            figures[name] = _measure(program, address, attack)
            program.check_alive()
            time.sleep(REST_S)
    return figures


def tabulate(figures: Mapping[str, Any]) -> str:
    lines = [f"{'':<32}{'RSS +MiB':>10}{'longest look ms':>17}{'failed':>8}"]
    lines += [
        f"{name:<32}{one['added_rss_mib']:>10.1f}{one['longest_look_ms']:>17.1f}"
        f"{one['n_failed_looks']:>8}"
        for name, one in figures.items()
    ]
    return "\n".join(lines)


def _measure(
    program: Attacked, address: Address, attack: Callable[[Client], None]
) -> dict[str, float]:
    base_mib = program.rss_mib()
    program.forget_peak()
    start_s = time.perf_counter()
    with (
        looking(address, LOOK_S, keeps_alive=True) as looks,
        Client(address) as client,
    ):
        attack(client)
        time.sleep(0.1)
    return {
        "added_rss_mib": round(program.peak_rss_mib() - base_mib, 1),
        "longest_look_ms": round(max(look.took_s for look in looks) * 1000, 1),
        "n_failed_looks": sum(bool(look.failure) for look in looks),
        "seconds": round(time.perf_counter() - start_s, 1),
    }


def _predict_once(address: Address) -> None:
    """Have everything imported and allocated that honest requests need."""
    for _ in range(3):
        address.ask("POST", "/predict", json.dumps(_columns(10_000)).encode())
    address.ask("GET", "/models")


def _columns(n_rows: int) -> dict[str, Any]:
    return {"columns": {"reading_score": [72] * n_rows}}


def _posted(body: bytes, query: bytes = b"") -> bytes:
    return (
        b"POST /predict%b HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (query, len(body), body)
    )


def _list_rows(client: Client) -> None:
    client.send([_posted(b"[" + b"{}," * 1_398_000 + b"{}]")])


def _list_values(client: Client) -> None:
    values = b"0," * 2_000_000 + b"0"
    client.send([_posted(b'{"columns":{"reading_score":[%b]}}' % values)])


def _name_something_unknown(client: Client) -> None:
    client.send([_posted(b'{"%b":1}' % (b"x" * 4 * ONE_MB))])


def _send_fields(client: Client) -> None:
    client.send([HEAD, *[b"a:b\r\n" * 20_000] * 100])


def _send_value(client: Client) -> None:
    client.send([HEAD, b"a: ", *[b"x" * ONE_MB] * 100])


def _send_target(client: Client) -> None:
    client.send([b"GET /", *[b"x" * ONE_MB] * 50])


def _send_trailers(client: Client) -> None:
    client.send([CHUNKED, b"0\r\n", *[b"a:b\r\n" * 20_000] * 100])


def _send_chunks(client: Client) -> None:
    client.send([CHUNKED, *[b"1\r\n \r\n" * 100_000] * 40])


def _ask_without_end(client: Client) -> None:
    """Send 20 MB of questions on a connection, and read no answer."""
    question = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
    with suppress(OSError):
        sock = client.connect(4096)
        sock.settimeout(3)
        for _ in range(200):
            sock.sendall(question * 3000)


def _read_nothing(client: Client) -> None:
    """Ask for 30 answers of 7 MB, and read none."""
    body = json.dumps(_columns(10_000)).encode()
    question = _posted(body, b"?include=contributions,warnings")
    for _ in range(30):
        with suppress(OSError):
            client.connect(4096).sendall(question)
    time.sleep(TIMEOUT_S)


def _leave_bodies_open(client: Client) -> None:
    """Send 60 bodies of 4 MiB, but for their last bytes."""
    begun = HEAD + b"Content-Length: 4194304\r\n\r\n" + b"x" * 4_194_000
    for _ in range(60):
        with suppress(OSError):
            client.connect().sendall(begun)
    time.sleep(2)


def _reset(client: Client) -> None:
    """Ask 10,000 times, each time on a connection that is reset then."""
    for _ in range(10_000):
        with suppress(OSError):
            sock = client.connect()
            sock.sendall(_posted(b"{}"))
            sock.recv(1000)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            sock.close()


def _connect(client: Client) -> None:
    """Connect 1,500 times and say nothing."""
    for _ in range(1500):
        with suppress(OSError):
            client.connect()
    time.sleep(2)


ATTACKS: dict[str, Callable[[Client], None]] = {
    "a body of 1.4 million rows": _list_rows,
    "a column of 2 million values": _list_values,
    "an unknown name of 4 MB": _name_something_unknown,
    "10 MB of fields": _send_fields,
    "a field of 100 MB": _send_value,
    "a target of 50 MB": _send_target,
    "10 MB of trailers": _send_trailers,
    "4 million chunks of a byte": _send_chunks,
    "20 MB of questions, none read": _ask_without_end,
    "30 answers of 7 MB, none read": _read_nothing,
    "60 open bodies of 4 MiB": _leave_bodies_open,
    "10,000 resets": _reset,
    "1,500 silent connections": _connect,
}
