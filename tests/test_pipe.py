"""Streams on real connections: what goes out while what comes in has no end yet."""

import asyncio
import gzip
import json
import logging
import shutil
import subprocess
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from server.contracts.streams.unpacking import PIECE_BYTES, Unpacker
from server.problems import MalformedBody
from tests.connections import Stream, run, serving
from tests.models import make_model
from tests.servers import asking

HEADER = b"gender,reading score\n"
ROWS = HEADER + b"female,80\nmale,70\n" * 3
ANSWER = b"math score\n" + b"77.5\n68.5\n" * 3


def head(*fields: bytes, method: bytes = b"POST", target: bytes = b"/predict") -> bytes:
    lines = [
        b"%b %b HTTP/1.1" % (method, target),
        b"Host: localhost",
        b"Content-Type: text/csv",
        *fields,
    ]
    return b"\r\n".join([*lines, b"\r\n"])


def chunked(target: bytes = b"/predict") -> bytes:
    return head(b"Transfer-Encoding: chunked", target=target)


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(content), content)


async def read_head(stream: Stream) -> bytes:
    return await stream[0].readuntil(b"\r\n\r\n")


async def read_chunk(stream: Stream) -> bytes:
    """Return the next chunk of an answer, b"" for the last."""
    n_bytes = int(await stream[0].readline(), 16)
    return (await stream[0].readexactly(n_bytes + 2))[:-2]


async def read_chunks(stream: Stream) -> bytes:
    found = b""
    while part := await read_chunk(stream):
        found += part
    return found


def test_a_line_is_answered_while_the_next_is_still_to_come() -> None:
    async def scenario() -> tuple[bytes, list[bytes]]:
        async with serving() as served:
            stream = await served.connect()
            stream[1].write(chunked() + chunk(HEADER + b"male,70\nfem"))
            fields = await read_head(stream)
            answers = [await read_chunk(stream)]
            stream[1].write(chunk(b"ale,80\n"))
            answers.append(await read_chunk(stream))
            stream[1].write(b"0\r\n\r\n")
            return fields, [*answers, await read_chunk(stream)]

    fields, answers = run(scenario)
    assert fields.startswith(b"HTTP/1.1 200 OK\r\ncontent-type: text/csv\r\n")
    assert b"\r\nmodel-version: 0123456789ab\r\n" in fields
    assert answers == [b"math score\n68.5\n", b"77.5\n", b""]


def test_a_body_is_asked_for_when_it_will_be_read() -> None:
    async def scenario() -> tuple[bytes, bytes, bytes]:
        async with serving() as served:
            stream = await served.connect()
            length = b"Content-Length: %d" % len(ROWS)
            stream[1].write(head(length, b"Expect: 100-continue"))
            asked = await read_head(stream)
            stream[1].write(ROWS)
            await read_head(stream)
            found = await read_chunks(stream)
            other = await served.connect()
            target = b"/predict?on_error=x"
            other[1].write(head(length, b"Expect: 100-continue", target=target))
            return asked, found, await read_head(other)

    asked, found, refused = run(scenario)
    assert asked == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert found == ANSWER
    assert refused.startswith(b"HTTP/1.1 400 Bad Request\r\n")


async def sent(stream: Stream, content: bytes) -> None:
    stream[1].write(content)
    await stream[1].drain()


MANY = HEADER + b"female,80\nmale,70\n" * 300_000


def test_a_stream_is_not_held_while_it_is_answered() -> None:
    async def scenario() -> tuple[int, int]:
        settings = ["--max-held-bytes", "1500000", "--max-body-bytes", "100000"]
        async with serving(settings=settings) as served:
            stream = await served.connect()
            length = b"Content-Length: %d" % len(MANY)
            sending = asyncio.create_task(sent(stream, head(length) + MANY))
            await read_head(stream)
            most = n_lines = 0
            while part := await read_chunk(stream):
                n_lines += part.count(b"\n")
                most = max(most, served.connections[0].n_held_bytes)
            await sending
            return n_lines, most

    n_lines, most = run(scenario)
    assert n_lines == 600_001
    assert 0 < most < 1_500_000


def test_a_client_that_does_not_read_is_read_no_further() -> None:
    async def scenario() -> tuple[bool, int, int]:
        async with serving() as served:
            stream = await served.connect()
            length = b"Content-Length: %d" % (40 * len(MANY))
            rest = b"".join([MANY, *[MANY[len(HEADER) :]] * 39])
            sending = asyncio.create_task(sent(stream, head(length) + rest))
            held = -1
            while held != (held := served.connections[0].n_unsent_bytes) or not held:
                await asyncio.sleep(0.5)
            was_sent = sending.done()
            n_held = served.connections[0].n_held_bytes
            sending.cancel()
            stream[1].transport.abort()
            return was_sent, held, n_held

    was_sent, n_unsent, n_held = run(scenario)
    assert not was_sent
    assert 0 < n_unsent < 1_000_000
    assert n_held < 1_000_000


def test_a_stream_has_time_for_each_of_its_parts() -> None:
    async def scenario() -> bytes:
        async with serving(settings=["--body-seconds", "1"]) as served:
            stream = await served.connect()
            stream[1].write(chunked() + chunk(HEADER))
            for _ in range(6):
                stream[1].write(chunk(b"male,70\n"))
                await asyncio.sleep(0.3)
            stream[1].write(b"0\r\n\r\n")
            await read_head(stream)
            return await read_chunks(stream)

    assert run(scenario) == b"math score\n" + b"68.5\n" * 6


def test_a_stream_that_stands_still_is_cut_off() -> None:
    async def scenario() -> int:
        async with serving(settings=["--body-seconds", "1"]) as served:
            stream = await served.connect()
            stream[1].write(chunked() + chunk(ROWS))
            await read_chunk_after_head(stream)
            with pytest.raises(ConnectionResetError):
                await stream[0].read()
            return len(served.all)

    assert run(scenario) == 0


def test_a_client_that_leaves_is_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> int:
        async with serving() as served:
            stream = await served.connect()
            stream[1].write(chunked() + chunk(ROWS))
            await read_chunk_after_head(stream)
            stream[1].close()
            while len(served.all):
                await asyncio.sleep(0.01)
            return len(served.all)

    with caplog.at_level(logging.WARNING):
        assert run(scenario) == 0
    assert caplog.records == []


async def read_chunk_after_head(stream: Stream) -> bytes:
    await read_head(stream)
    return await read_chunk(stream)


def test_a_model_without_time_is_waited_for_once_a_stream_has_begun() -> None:
    async def scenario() -> tuple[bytes, bytes, bytes]:
        async with serving(settings=["--deadline-ms", "100"]) as served:
            worker = served.app.endpoints["/predict"].batcher.worker
            begun = await served.connect()
            begun[1].write(chunked() + chunk(ROWS))
            first = await read_chunk_after_head(begun)
            await worker.run(lambda: time.sleep(0.2), 1)
            busy = asyncio.create_task(worker.run(lambda: time.sleep(0.4), 1000))
            await asyncio.sleep(0.01)
            late = await served.connect()
            late[1].write(chunked() + chunk(ROWS))
            refused = await read_head(late)
            begun[1].write(chunk(b"male,70\n") + b"0\r\n\r\n")
            rest = await read_chunks(begun)
            await busy
            return first, refused, rest

    first, refused, rest = run(scenario)
    assert (first, rest) == (ANSWER, b"68.5\n")
    assert refused.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")


def test_http_1_0_is_answered_until_the_connection_ends() -> None:
    async def scenario() -> bytes:
        async with serving() as served:
            reader, writer = await served.connect()
            asked = head(b"Content-Length: %d" % len(ROWS)).replace(b"/1.1", b"/1.0")
            writer.write(asked + ROWS)
            return await reader.read()

    fields, _, body = run(scenario).partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in fields
    assert body == ANSWER


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    path = tmp_path_factory.mktemp("models") / "a.onnx"
    path.write_bytes(make_model())
    with asking(path) as client:
        yield client


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_stream_may_be_compressed(client: httpx.Client, encoding: str) -> None:
    pack = gzip.compress if encoding == "gzip" else zlib.compress
    headers = {"content-type": "text/csv", "content-encoding": encoding}

    answer = client.post("/predict", content=pack(MANY), headers=headers)
    joined = client.post(
        "/predict", content=pack(HEADER) + pack(ROWS[len(HEADER) :]), headers=headers
    )

    assert answer.content == b"math score\n" + b"77.5\n68.5\n" * 300_000
    assert joined.content == ANSWER


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"plain", "The body cannot be unpacked: Error -3 while decompressing data: "),
        (
            gzip.compress(ROWS, mtime=0)[:-9],
            "The body ends before what was compressed.",
        ),
        (b"", "The body ends before what was compressed."),
    ],
)
def test_what_cannot_be_unpacked_is_refused(
    client: httpx.Client, content: bytes, detail: str
) -> None:
    headers = {"content-type": "text/csv", "content-encoding": "gzip"}

    answer = client.post("/predict", content=content, headers=headers)

    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(detail)


def test_what_breaks_off_behind_answers_ends_with_a_line_that_says_so(
    client: httpx.Client,
) -> None:
    headers = {"content-type": "text/csv", "content-encoding": "gzip"}

    content = gzip.compress(MANY, 1)[:-9]
    answer = client.post("/predict", content=content, headers=headers)

    assert answer.status_code == 200
    last = answer.text.splitlines()[-1]
    assert last == "error: The body ends before what was compressed."


def test_a_bomb_is_unpacked_a_little_at_a_time() -> None:
    packed = gzip.compress(b"\n" * 10_000_000)

    sizes = [len(piece) for piece in Unpacker().pieces(packed, is_last=True)]

    assert sum(sizes) == 10_000_000
    assert max(sizes) == PIECE_BYTES


def test_an_unpacker_is_told_where_the_end_is() -> None:
    unpacker, packed = Unpacker(), gzip.compress(ROWS)
    found = b"".join(
        b"".join(unpacker.pieces(packed[place : place + 1], is_last=False))
        for place in range(len(packed))
    )

    assert found == ROWS
    assert [*unpacker.pieces(b"", is_last=True)] == []
    with pytest.raises(MalformedBody):
        [*Unpacker().pieces(b"", is_last=True)]


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("PUT", "/predict", {}, 200),
        ("PUT", "/models/student/predict", {}, 200),
        ("POST", "/predict", {"content-type": "text/csv; charset=utf-8"}, 200),
        ("POST", "/predict", {}, 400),
        ("PUT", "/predict", {"content-type": "application/json"}, 400),
        ("PUT", "/models/x/predict", {}, 404),
        ("POST", "/predict", {"content-type": "text/csv", "accept": "image/png"}, 406),
        (
            "POST",
            "/predict",
            {"content-type": "text/csv", "content-encoding": "br"},
            415,
        ),
    ],
)
def test_a_table_may_be_put(
    client: httpx.Client, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    answer = client.request(method, path, content=ROWS, headers=headers)

    assert answer.status_code == status
    if status == 200:
        assert answer.content == ANSWER


@pytest.mark.parametrize(
    "kind", ["application/x-ndjson", "application/ndjson", "application/jsonlines"]
)
def test_lines_of_json_are_answered_in_kind(client: httpx.Client, kind: str) -> None:
    lines = b'{"gender":"male"}\n' * 2
    answer = client.post("/predict", content=lines, headers={"content-type": kind})

    assert answer.headers["content-type"] == kind
    assert answer.content == b'{"prediction":68.5}\n' * 2


@pytest.mark.external
@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_curl_sends_a_file_and_stops_at_the_last_line(
    client: httpx.Client, tmp_path: Path
) -> None:
    path = tmp_path / "rows.csv"
    lines = MANY.splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:500_000], b"x,y\n", *lines[500_000:]]))
    url = f"{client.base_url}/predict"

    command = ["curl", "-sS", "-T", str(path)]
    stopped = subprocess.run([*command, url], capture_output=True, check=True)
    skipped = subprocess.run(
        [*command, f"{url}?on_error=skip", "-H", "Accept: application/x-ndjson"],
        capture_output=True,
        check=True,
    )

    *before, last = stopped.stdout.decode().splitlines()
    assert before == ["math score", *["77.5", "68.5"] * 250_000][:500_000]
    assert last.startswith('"error: Line 500001: 2 values are invalid.')
    found = [json.loads(line) for line in skipped.stdout.splitlines()]
    assert ["error" in line for line in found].index(True) == 499_999
    assert len(found) == 600_001
