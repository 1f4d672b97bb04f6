"""Bytes that are almost a request, and what other parsers make of them."""

import itertools
import json
import random
import re
import struct
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import h11

LLHTTP = Path(__file__).parent / "llhttp.js"

BODY = b'{"reading_score":72}'
HIDDEN = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n" + BODY

SEEDS = (
    POST,
    HIDDEN,
    POST + HIDDEN,
    b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'a;b="c"\r\n{"reading_\r\nA\r\nscore":72}\r\n0\r\nd: e\r\n\r\n' + HIDDEN,
    b"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n" + HIDDEN,
    b"GET http://x/models?a=b HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n" + HIDDEN,
    b"POST /predict HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
    b"Content-Type: application/json\r\nContent-Length: 20\r\n\r\n" + BODY + HIDDEN,
    b"POST /predict HTTP/1.0\r\nContent-Length: 20\r\n\r\n" + BODY,
    b"POST /predict HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
    b"Content-Length: 20\r\n\r\n" + BODY + HIDDEN,
    b"POST /predict HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 20\r\n"
    b"\r\n" + BODY + HIDDEN,
)

LENGTHS = (
    *(b"Content-Length: 20", b"Content-Length: 0", b"Content-Length: 51"),
    *(b"Content-Length: +20", b"Content-Length: -1", b"Content-Length: 0x14"),
    *(b"Content-Length: 20, 20", b"Content-Length: 20\r\nContent-Length: 20"),
    *(b"Content-Length: 20\r\nContent-Length: 0", b"Content-Length : 20"),
    *(b"Content-Length:\x0b20", b"Content-Length: 2 0", b"Content-Length:"),
    *(b"Content-Length: 99999999999999999999", b"Content-Length: 1_0"),
    *(b"Content-Length: 20\r\n ,0", b"Content_Length: 0", b"\xffContent-Length: 20"),
)

CODINGS = (
    *(b"Transfer-Encoding: chunked", b"Transfer-Encoding: Chunked"),
    *(b"Transfer-Encoding : chunked", b"Transfer-Encoding:\x0bchunked"),
    *(b"Transfer-Encoding: \tchunked", b"Transfer-Encoding: chunked "),
    *(b"Transfer-Encoding: xchunked", b"Transfer-Encoding: chunked, identity"),
    *(b"Transfer-Encoding: identity", b"Transfer-Encoding: gzip, chunked"),
    *(b"Transfer-Encoding: chunked, chunked", b'Transfer-Encoding: "chunked"'),
    *(b"Transfer-Encoding:", b"Transfer-Encoding: chunked;a=b"),
    *(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",),
    *(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",),
    *(b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",),
    *(b"Transfer-Encoding:\r\n chunked", b"X: a\nTransfer-Encoding: chunked"),
    *(b"X: a\rTransfer-Encoding: chunked", b"\0Transfer-Encoding: chunked"),
    *(b" Transfer-Encoding: chunked", b"Transfer_Encoding: chunked"),
)

CHUNKS = (
    *(b"0\r\n\r\n", b"0\n\n", b"0;a\r\n\r\n", b"0 \r\n\r\n", b"00000\r\n\r\n"),
    *(b"-0\r\n\r\n", b"0x0\r\n\r\n", b"\r\n0\r\n\r\n", b"0\r\nGET: /\r\n\r\n"),
    *(b"14\r\n" + BODY + b"\r\n0\r\n\r\n", b"14\r\n" + BODY + b"0\r\n\r\n"),
    *(b"14\n" + BODY + b"\n0\n\n", b"14\r\n" + BODY + b"\r\n0\r\n"),
    *(b"15\r\n" + BODY + b"\r\n0\r\n\r\n", b"ffffffffffffffff1\r\n"),
    *(
        b'14;a="\r\n"\r\n' + BODY + b"\r\n0\r\n\r\n",
        b"14;a\n" + BODY + b"\r\n0\r\n\r\n",
    ),
    b"1\r\n" + BODY + b"\r\n0\r\n\r\n",
)

SPLINTERS = (
    *(b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b"\x0b", b"\x7f", b"\xff", b":"),
    *(b";", b",", b"0", b"f", b"\r\n\r\n", b"\n\n", b"\r\n ", b"HTTP/1.1", b"HTTP/2.0"),
    *(b"GET ", b"CONNECT ", b"Host: y\r\n", b"Connection: close\r\n", b"%00", b"%2e"),
    *(LENGTHS[0] + b"\r\n", CODINGS[0] + b"\r\n", b"0\r\n\r\n", b"../", b"[", b"\\"),
    *(b"Upgrade: websocket\r\n", b"Expect: 100-continue\r\n", HIDDEN, POST),
)


def cases(n_cases: int, seed: int = 1) -> Iterator[bytes]:
    """Yield what is systematic, spread evenly if there is too much, then mutations."""
    systematic = [*_cut(), *_smuggled(), *_bent()]
    step = max(1, -(-len(systematic) // n_cases))
    listed = systematic[::step]
    yield from listed
    chance = random.Random(seed)  # noqa: S311
    for _ in range(n_cases - len(listed)):
        yield _mutated(chance)


def _cut() -> Iterator[bytes]:
    for seed in SEEDS:
        yield from (seed[:end] for end in range(1, len(seed) + 1))


def _smuggled() -> Iterator[bytes]:
    """Yield what is framed twice or strangely, with a request behind it."""
    begin = b"POST /predict HTTP/1.1\r\nHost: x\r\n"
    for length, coding in itertools.product((b"", *LENGTHS), (b"", *CODINGS)):
        for first, second in ((length, coding), (coding, length)):
            fields = b"".join(each + b"\r\n" for each in (first, second) if each)
            for body in (BODY, CHUNKS[0] + HIDDEN[:15], CHUNKS[9]):
                yield begin + fields + b"\r\n" + body + HIDDEN
    for chunks in CHUNKS:
        yield begin + CODINGS[0] + b"\r\n\r\n" + chunks + HIDDEN


def _bent() -> Iterator[bytes]:
    """Yield each request with each splinter instead of, and before, each byte."""
    for seed, splinter in itertools.product(SEEDS[:4], SPLINTERS):
        for at in range(len(seed)):
            yield seed[:at] + splinter + seed[at + 1 :]
            yield seed[:at] + splinter + seed[at:]


def _mutated(chance: random.Random) -> bytes:
    if chance.random() < 0.02:
        return chance.randbytes(chance.randint(1, 300))
    case = b"".join(chance.choices(SEEDS, k=chance.randint(1, 3)))
    for _ in range(chance.randint(1, 6)):
        begin = chance.randrange(len(case) + 1)
        end = min(len(case), begin + chance.choice((0, 0, 1, 1, 2, 10)))
        splinter = chance.choice((*SPLINTERS, b"", chance.randbytes(1)))
        case = case[:begin] + splinter + case[end:]
    return case or b"\n"


class Count(NamedTuple):
    """What a parser finds before an end or an error.

    Parameters
    ----------
    n_whole
        Requests that are there to their end.
    n_begun
        Requests whose head is whole.
    """

    n_whole: int
    n_begun: int


TAB = re.compile(rb"(\nContent-Length:[ \t]*\d+)[ \t]+(?=\r\n)", re.IGNORECASE)
SPACES = re.compile(rb"\A(\S+) +(\S+) +(HTTP/\d\.\d\r?\n)")


def count_by_h11(case: bytes) -> Count:
    """Return what h11 finds.

    It refuses empty lines before a request and more than one space in its first line,
    which a server may take (RFC 9112, sections 2.2 and 3) and ours does. Where a request
    ends is not in dispute, so h11 is shown neither.
    """
    n_whole = n_begun = 0
    rest: bytes | None = case
    while rest:
        rest = SPACES.sub(rb"\1 \2 \3", rest.lstrip(b"\r\n"))
        is_begun, is_whole, rest = _read_one(rest)
        n_begun += is_begun
        n_whole += is_whole
    return Count(n_whole, n_begun)


def _read_one(content: bytes) -> tuple[bool, bool, bytes | None]:
    """Return whether a request begins and ends, and what may follow it."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(content)
    connection.receive_data(b"")
    is_begun = False
    try:
        while not isinstance(event := connection.next_event(), h11.EndOfMessage):
            is_begun |= isinstance(event, h11.Request)
            if event is h11.NEED_DATA or isinstance(event, h11.ConnectionClosed):
                return is_begun, False, None
    except h11.RemoteProtocolError:
        return is_begun, False, None
    refusal = h11.Response(status_code=404, headers=[("content-length", "0")])
    connection.send(refusal)
    connection.send(h11.EndOfMessage())
    may_stay = connection.our_state is connection.their_state is h11.DONE
    return True, True, connection.trailing_data[0] if may_stay else None


def count_by_llhttp(node: str, some: Sequence[bytes]) -> list[Count | None]:
    """Return what Node's parser finds, None where it stops at an offer of another.

    It refuses a tab behind a length, which is white space as a space is (RFC 9110,
    section 5.6.3), and which h11 and ours take: it is not shown one.

    Parameters
    ----------
    node
        The program.
    """
    shown = [TAB.sub(rb"\1", case) for case in some]
    sent = b"".join(struct.pack("<I", len(case)) + case for case in shown)
    run = subprocess.run(  # noqa: S603
        [node, "--no-deprecation", str(LLHTTP)],
        input=sent,
        stdout=subprocess.PIPE,
        check=True,
    )
    return [each and Count(*each) for each in json.loads(run.stdout)]
