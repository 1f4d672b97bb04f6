"""Answers that are compressed: for whom, how, and that they are the same."""

import asyncio
import gzip
import zlib
from collections.abc import Callable, Iterator

import httpx
import pytest

from server.compression import LARGE_BYTES, MIN_BYTES, coding, compressing
from server.http.asgi import Message
from tests.models import make_model, make_row
from tests.servers import asking


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    path = tmp_path_factory.mktemp("models") / "a.onnx"
    path.write_bytes(make_model())
    with asking(path, PINION_MAX_ROWS="20000") as client:
        del client.headers["accept-encoding"]
        yield client


@pytest.mark.parametrize(
    ("accepted", "found"),
    [
        ([], b""),
        ([b""], b""),
        ([b"identity"], b""),
        ([b"br, zstd"], b""),
        ([b"gzip"], b"gzip"),
        ([b"GZIP"], b"gzip"),
        ([b"x-gzip"], b"gzip"),
        ([b"deflate"], b"deflate"),
        ([b"deflate, gzip"], b"gzip"),
        ([b"deflate", b"gzip"], b"gzip"),
        ([b"deflate;q=1.0, gzip;q=0.5"], b"deflate"),
        ([b"gzip ; Q=0.5, deflate\t;q=0.4"], b"gzip"),
        ([b"gzip;q=0"], b""),
        ([b"gzip;q=0, *"], b"deflate"),
        ([b"*"], b"gzip"),
        ([b"*;q=0"], b""),
        ([b"gzip;q=much"], b""),
        ([b"gzip;q=0.5, identity"], b""),
        ([b"gzip;level=9"], b"gzip"),
    ],
)
def test_the_coding_is_the_one_that_the_client_likes_best(
    accepted: list[bytes], found: bytes
) -> None:
    assert coding([(b"accept-encoding", value) for value in accepted]) == found


def sent(*messages: Message, accepted: bytes = b"gzip") -> list[Message]:
    """Return what goes on of an answer."""
    found: list[Message] = []

    async def send(message: Message) -> None:
        found.append(message)

    async def scenario() -> None:
        packing = compressing(send, [(b"accept-encoding", accepted)])
        for message in messages:
            await packing(message)

    asyncio.run(scenario())
    return found


def head(*fields: tuple[bytes, bytes]) -> Message:
    return {"type": "http.response.start", "status": 200, "headers": [*fields]}


def part(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


SHORT, LONG = b"x" * (MIN_BYTES - 1), b"x" * MIN_BYTES


@pytest.mark.parametrize(
    "messages",
    [
        [head((b"content-length", b"16383")), part(SHORT)],
        [head((b"content-encoding", b"br")), part(LONG)],
        [head(), part(LONG, more=True), part(LONG)],
        [head(), part(b"")],
    ],
)
def test_what_is_short_packed_or_a_stream_goes_as_it_is(
    messages: list[Message],
) -> None:
    assert sent(*messages) == messages


def test_what_could_have_been_compressed_says_so() -> None:
    length = (b"content-length", b"16384")
    plain = sent(head(length), part(LONG), accepted=b"br")
    packed = sent(head(length), part(LONG))

    assert plain == [head(length, (b"vary", b"Accept-Encoding")), part(LONG)]
    assert packed[0] == head(
        (b"content-length", b"%d" % len(packed[1]["body"])),
        (b"content-encoding", b"gzip"),
        (b"vary", b"Accept-Encoding"),
    )
    assert gzip.decompress(packed[1]["body"]) == LONG


@pytest.mark.parametrize("n_rows", [4000, 20_000])
@pytest.mark.parametrize(
    ("accepted", "unpack"), [("gzip", gzip.decompress), ("deflate", zlib.decompress)]
)
def test_a_compressed_answer_is_the_answer(
    client: httpx.Client, n_rows: int, accepted: str, unpack: Callable[[bytes], bytes]
) -> None:
    rows = [make_row()] * n_rows
    plain = client.post("/predict", json=rows)
    headers = {"accept-encoding": accepted}
    with client.stream("POST", "/predict", json=rows, headers=headers) as answer:
        content = b"".join(answer.iter_raw())

    assert (len(plain.content) > LARGE_BYTES) == (n_rows == 20_000)
    assert answer.headers["content-encoding"] == accepted
    assert len(content) == int(answer.headers["content-length"]) < len(plain.content)
    assert unpack(content) == plain.content
    assert "content-encoding" not in plain.headers
