"""A program of its own that asks a server the same question again and again.

Whether the server is deaf is not seen by a thread beside the load, which has to wait
for its interpreter itself.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import NamedTuple

import uvloop

from bench.load.address import Address
from bench.load.caller import Caller, Lost, Refused

LIVEZ = b"GET /livez HTTP/1.1\r\nHost: bench\r\n\r\n"
TIMEOUT_S = 5.0


class Look(NamedTuple):
    """One question.

    Parameters
    ----------
    at_s
        When it was asked, by `time.perf_counter`.
    took_s
        Until its answer of 200; `TIMEOUT_S` where none came.
    failure
        What came instead.
    """

    at_s: float
    took_s: float
    failure: str = ""


@contextmanager
def looking(
    address: Address,
    interval_s: float,
    *,
    keeps_alive: bool,
    request: bytes = LIVEZ,
) -> Iterator[list[Look]]:
    """Ask until the block ends; the looks are in the list then.

    Parameters
    ----------
    interval_s
        Between an answer and the next question; without `keeps_alive` between two
        questions, however long their answers take.
    """
    question = request.decode("ascii")
    words = json.dumps([address.host, address.port, interval_s, keeps_alive, question])
    command = [sys.executable, "-m", "bench.load.probe", words]
    looks: list[Look] = []
    with (
        NamedTemporaryFile() as found,
        subprocess.Popen(  # noqa: S603
            [*command, found.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as program,
    ):
        assert program.stdout is not None  # noqa: S101
        assert program.stdin is not None  # noqa: S101
        program.stdout.readline()  # it has begun
        try:
            yield looks
        finally:
            program.communicate()  # which closes its input
            looks += (Look(*each) for each in json.loads(found.read()))


async def _look(caller: Caller, request: bytes, looks: list[Look]) -> None:
    at_s = time.perf_counter()
    try:
        answer = await asyncio.wait_for(caller.ask(request), TIMEOUT_S)
        failure = "" if answer.status == 200 else str(answer.status)
    except (Lost, Refused, TimeoutError) as error:
        failure = f"{type(error).__name__} {error}"
        caller.close()
    took_s = TIMEOUT_S if failure else time.perf_counter() - at_s
    looks.append(Look(at_s, took_s, failure))


async def _look_on(words: str) -> list[Look]:
    """Look until the standard input ends."""
    host, port, interval_s, keeps_alive, question = json.loads(words)
    address, request = Address(host, port), question.encode("ascii")
    looks: list[Look] = []
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    kept = Caller(address)
    await _look(kept, request, looks)
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    async with asyncio.TaskGroup() as group:
        while not ended.done():
            if keeps_alive:
                await _look(kept, request, looks)
            else:
                brief = Caller(address, keeps_alive=False)
                group.create_task(_look(brief, request, looks))
            await asyncio.sleep(interval_s)
    return looks


if __name__ == "__main__":
    _, words, output = sys.argv
    Path(output).write_text(json.dumps(uvloop.run(_look_on(words))))
