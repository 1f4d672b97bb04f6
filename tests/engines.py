"""What the tests of the engines share: their environments, and rows of every kind."""

import http.client
import json
import math
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.containers import alone
from tests.servers import ROOT
from tests.students import make_students
from tests.tools import run

FOLDER = ROOT / ".venv-engines"
MODEL = ROOT / "models" / "student_performance.onnx"


class Answer(NamedTuple):
    """What the server says of one row: a prediction, or what is wrong with it."""

    prediction: float | None
    error: str | None


@cache
def python_of(engine: str) -> Path:
    """Return the engine's Python, after `make engines` where it has not run yet."""
    with alone("engines"):
        run("make", "engines", f"PYTHON={sys.executable}")
    return FOLDER / engine / "bin" / "python"


def make_rows(n_rows: int) -> list[dict[str, Any]]:
    """Return rows of which every tenth has something unusual, and half of those a fault."""
    table = make_students(n_rows).drop(columns="math_score")
    scores = dict.fromkeys(("reading_score", "writing_score"), float)
    named = [str(name) for name in table]
    values = table.astype(scores).itertuples(index=False)
    rows: list[dict[str, Any]] = [dict(zip(named, row, strict=True)) for row in values]
    unusual: list[dict[str, Any]] = [
        {"lunch": None},
        {"lunch": "free"},
        {"reading_score": None},
        {"reading_score": 104.5},
        {"reading_score": math.nan},
        {"reading_score": math.inf},
        {"writing_score": 71.25, "gender": None},
        {"writing_score": -1.0, "race_ethnicity": "group Ü"},
    ]
    for place, row in enumerate(rows):
        row["id"] = place
        if place % 10 == 0:
            row |= unusual[place // 10 % len(unusual)]
    return rows


def ask_alone(url: str, rows: Iterable[Mapping[str, Any]]) -> Iterator[Answer]:
    """Ask the server for one row after another."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    for row in rows:
        connection.request("POST", "/predict", _body(row))
        answer = json.loads(connection.getresponse().read())
        faults = [
            f"{each['pointer']}: {each['detail']}" for each in answer.get("errors", [])
        ]
        said = " ".join(faults) or answer.get("detail")
        yield Answer(answer.get("prediction"), said)
    connection.close()


NOT_THE_SERVERS = (
    (502, b"<html>Bad Gateway</html>"),
    (413, b"\0\xff"),
    (308, b""),
    (503, b'{"message": "busy"}'),
    (200, b"[]"),
    (200, b'{"title": "?"}'),
)
"""Status and body of answers that a proxy or another program gives."""


@contextmanager
def answering(status: int, said: bytes, model: bytes = b"") -> Iterator[str]:
    """Answer every POST so, as a proxy does that stands before the server.

    Parameters
    ----------
    model
        What GET answers, with 200.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(200, model)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(status, said)

        def _answer(self, status: int, said: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as proxy:
        serving = threading.Thread(target=proxy.serve_forever)
        serving.start()
        try:
            yield f"http://127.0.0.1:{proxy.server_port}"
        finally:
            proxy.shutdown()
            serving.join()


def _body(row: Mapping[str, Any]) -> str:
    asked = {name: value for name, value in row.items() if name != "id"}
    return json.dumps(asked).replace("NaN", "null").replace("Infinity", str(10**309))
