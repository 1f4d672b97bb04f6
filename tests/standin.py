"""A server that speaks the routes the bench asks for, and misbehaves on request.

The behaviour is the environment variable STANDIN: empty, ``stall`` (one request
blocks the whole server for `STALL_S`), ``fail`` (every fourth prediction is a 503),
``hang`` (predictions are never answered), ``refuse`` (every row is a 422).
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import uvicorn

from bench.load.address import Address

STALL_S = 0.6
STALLS_AT = 100

SIGNATURE = {
    "protocol": 1,
    "name": "points",
    "version": "0123456789ab",
    "features": [
        {
            "name": "reading score",
            "input": "reading_score",
            "kind": "number",
            "required": True,
            "minimum": 0.0,
            "maximum": 100.0,
            "observed": [17.0, 100.0],
        },
        {
            "name": "lunch",
            "input": "lunch",
            "kind": "category",
            "categories": ["standard", "free/reduced"],
        },
    ],
    "targets": [{"name": "maths score"}],
    "golden_rows": [
        {"row": {"reading score": 72.0, "lunch": "standard"}, "predictions": [66.125]}
    ],
    "golden_tolerance": 1e-9,
}
PAGES = {
    "/models": {"models": [{"name": "points"}], "default": "points"},
    "/models/points": SIGNATURE,
}
behaviour = os.environ.get("STANDIN", "")
numbers = count(1)


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    status, answer = 200, PAGES.get(scope["path"])
    if scope["path"] in ("/predict", "/models/points/predict"):
        status, answer = await predict(json.loads(body))
    elif answer is None:
        status, answer = 404, {"title": "Not Found"}
    content = json.dumps(answer).encode()
    headers = [(b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


async def predict(rows: Any) -> tuple[int, Any]:
    number = next(numbers)
    if behaviour == "stall" and number == STALLS_AT:
        time.sleep(STALL_S)  # the whole server stands still
    if behaviour == "fail" and number % 4 == 0:
        return 503, {"title": "Service Unavailable"}
    if behaviour == "refuse":
        return 422, {"title": "Rows do not match", "detail": "'lunch' is not known"}
    if behaviour == "hang":
        await asyncio.sleep(3600)
    if isinstance(rows, list):
        return 200, {"predictions": [66.125] * len(rows)}
    return 200, {"prediction": 66.125}


@contextmanager
def serve(behaviour: str = "") -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run the stand-in under uvicorn and give its URL and its program.

    Its socket listens before it starts, so that a first question waits for it.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        command = [sys.executable, "-m", "tests.standin", str(listener.fileno())]
        program = subprocess.Popen(
            command,
            env=os.environ | {"STANDIN": behaviour},
            pass_fds=[listener.fileno()],
        )
    try:
        Address("127.0.0.1", port).ask("GET", "/models", timeout_s=60)
        yield f"http://127.0.0.1:{port}", program
    finally:
        program.kill()
        program.wait()


if __name__ == "__main__":
    # not uvicorn's own --fd, which takes every socket for a Unix one and so leaves
    # Nagle's algorithm on: 40 ms an answer
    config = uvicorn.Config(app, log_level="error")
    uvicorn.Server(config).run([socket.socket(fileno=int(sys.argv[1]))])
