"""A table or lines of JSON of any length, sent while the answers are read."""

import csv
import http.client
import io
import json
import socket
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from bench.errors import Refusal
from bench.load.address import Address

CONNECT_TIMEOUT_S = 60.0
READ_BYTES = 1_048_576

Rows = Sequence[Mapping[str, Any]]


def csv_lines(rows: Rows) -> bytes:
    text = io.StringIO()
    csv.DictWriter(text, list(rows[0]), lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def csv_header(rows: Rows) -> bytes:
    return csv_lines([{name: name for name in rows[0]}])


def json_lines(rows: Rows) -> bytes:
    lines = (json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
    return "".join(lines).encode()


FORMS: Mapping[str, tuple[Callable[[Rows], bytes], Callable[[Rows], bytes]]] = {
    "text/csv": (csv_header, csv_lines),
    "application/x-ndjson": (lambda rows: b"", json_lines),
}
"""By media type: what writes the first line and what writes the others."""


def send(address: Address, media_type: str, rows: Rows, n_times: int) -> int:
    """Send these rows so many times in one request, and return the lines that came back.

    Raises
    ------
    Refusal
        The answer is no 200.
    """
    write_first, write = FORMS[media_type]
    first, block = write_first(rows), write(rows)
    head = (
        f"POST {address.prefix}/predict HTTP/1.1\r\nHost: {address.authority}\r\n"
        f"Content-Type: {media_type}\r\n"
        f"Content-Length: {len(first) + n_times * len(block)}\r\n\r\n"
    )
    where = (address.host, address.port)
    with socket.create_connection(where, CONNECT_TIMEOUT_S) as connection:
        parts = (part for part in (head.encode(), first, *[block] * n_times))
        sender = threading.Thread(target=_send_all, args=(connection, parts))
        sender.start()
        n_lines = _count_lines(connection)
        sender.join()
    return n_lines


def _send_all(connection: socket.socket, parts: Iterable[bytes]) -> None:
    try:
        for part in parts:
            connection.sendall(part)
    except OSError:
        return  # it was refused, as whoever reads the answer is told


def _count_lines(connection: socket.socket) -> int:
    with http.client.HTTPResponse(connection) as response:
        response.begin()
        if response.status != http.client.OK:
            raise Refusal(f"the stream was refused: {response.read(500)!r}")
        n_lines = 0
        while part := response.read(READ_BYTES):
            n_lines += part.count(b"\n")
        return n_lines
