"""The least that HTTP costs under uvicorn."""

import os
from typing import Any

label = "uvicorn, constant ASGI app"
requirements = ("--no-deps", "--require-hashes", "-r", "requirements-inference.txt")
command = (
    "{bin}/uvicorn",
    "bench.contenders.uvicorn_constant:app",
    "--port={port}",
    "--no-access-log",
)

ANSWER = os.environ["BENCH_ANSWER"].encode()
HEADERS = [
    (b"content-type", b"application/json"),
    (b"content-length", str(len(ANSWER)).encode()),
]


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": ANSWER})
