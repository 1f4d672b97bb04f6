"""A line for each request, and that nobody waits for it."""

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from server import access_log
from server.access_log import MAX_WAITING_BYTES, STREAMS, AccessLog, Line
from server.settings import InvalidSetting
from tests.models import make_model, make_row
from tests.servers import running_server

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
LINE = Line(datetime(2026, 11, 28, tzinfo=UTC), "a-1", "192.0.2.1", "GET", "/x")


def logged(path: Path, *flags: str, requests: list[dict[str, Any]]) -> list[Any]:
    """Return the lines about requests to a server that ends behind them."""
    path = path / "a.onnx"
    path.write_bytes(make_model())
    with (
        running_server(path, "--access-log", "stderr", *flags) as served,
        httpx.Client(base_url=served.url) as client,
    ):
        del client.headers["accept-encoding"]
        answers = [client.request(**each) for each in requests]
        served.process.terminate()
        assert served.process.stderr is not None
        lines = [json.loads(line) for line in served.process.stderr]
    for line, answer in zip(lines, answers, strict=True):
        assert datetime.fromisoformat(line.pop("time")).tzinfo == UTC
        assert line.pop("ms") >= 0
        assert line.pop("client") == "127.0.0.1"
        assert line["id"] == answer.headers["x-request-id"]
        assert line["bytes"] == len(answer.content)
    return lines


def request(method: str, url: str, **more: Any) -> dict[str, Any]:
    return {"method": method, "url": url, **more}


def test_each_request_has_a_line_with_what_is_known_of_it(tmp_path: Path) -> None:
    mine = {"x-request-id": "mine", "traceparent": TRACE}
    model = {"model": "student", "version": "0123456789ab"}
    rows = [make_row()] * 3

    lines = logged(
        tmp_path,
        requests=[
            request("POST", "/predict", json=make_row()),
            request("POST", "/predict", json=rows, headers=mine),
            request("POST", "/predict?include=warnings", json=rows, headers=mine),
            request("POST", "/predict", json=make_row(gender="neither")),
            request("PUT", "/predict", content="gender\nmale\nfemale\n"),
            request("GET", "/models?a=b", headers={"x-request-id": "a b"}),
            request("HEAD", "/caf%C3%A9%0A"),
        ],
    )

    made = [line.pop("id") for line in lines if line["id"] != "mine"]
    assert all(re.fullmatch("[0-9a-f]{12}-[0-9a-f]+", each) for each in made)
    assert len(set(made)) == 5
    assert lines == [
        {**PREDICT, "status": 200, "bytes": 19, "rows": 1, **model},
        {**PREDICT, **MINE, "status": 200, "bytes": 32, "rows": 3, **model},
        {**PREDICT, **MINE, "status": 200, "bytes": 54, "rows": 3, **model},
        {**PREDICT, "status": 422, "bytes": lines[3]["bytes"], **model},
        {
            **PREDICT,
            "method": "PUT",
            "status": 200,
            "bytes": len("math score\n77.5\n68.5\n"),
            "rows": 2,
            **model,
        },
        {
            "method": "GET",
            "path": "/models",
            "status": 200,
            "bytes": lines[5]["bytes"],
        },
        {"method": "HEAD", "path": "/caf%C3%A9%0A", "status": 404, "bytes": 0},
    ]


PREDICT = {"method": "POST", "path": "/predict"}
MINE = {"id": "mine", "traceparent": TRACE}


def test_behind_a_trusted_proxy_a_line_has_the_client(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(make_model())
    flags = ("--access-log", "stderr", "--trusted-proxies", "127.0.0.1")
    headers = {"x-forwarded-for": "192.0.2.1"}
    with running_server(path, *flags) as served:
        httpx.post(f"{served.url}/predict", json=make_row(), headers=headers)
        httpx.get(f"{served.url}/models", headers=headers)
        served.process.terminate()
        assert served.process.stderr is not None
        lines = [json.loads(line) for line in served.process.stderr]

    assert [line["client"] for line in lines] == ["192.0.2.1"] * 2


def test_a_reader_that_stands_still_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading, writing = os.pipe()
    monkeypatch.setitem(STREAMS, "stderr", writing)
    monkeypatch.setattr(access_log, "FLUSH_SECONDS", 0.0)
    log = AccessLog("stderr")
    line = msgspec.json.encode(LINE) + b"\n"
    n_kept = MAX_WAITING_BYTES // len(line) + 1
    for _ in range(n_kept + 1000):
        log.add(LINE)
    log.close()
    monkeypatch.setattr(access_log, "FLUSH_SECONDS", 20.0)
    expected = line * n_kept + b'{"dropped":1000}\n'
    found = b""
    while len(found) < len(expected):
        found += os.read(reading, 65_536)
    log.close()
    log.add(LINE)
    found += os.read(reading, 65_536)

    assert found == expected + line


def test_where_nobody_reads_any_more_lines_go_nowhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    monkeypatch.setitem(STREAMS, "stderr", writing)
    monkeypatch.setattr(access_log, "FLUSH_SECONDS", 20.0)
    log = AccessLog("stderr")
    for _ in range(2):
        log.add(LINE)
        log.close()

        assert log._n_taken_bytes == log._n_added_bytes > 0


def test_another_stream_is_refused() -> None:
    with pytest.raises(InvalidSetting) as refusal:
        AccessLog("yes")

    assert str(refusal.value) == (
        "--access-log is 'yes'; expected one of: stdout, stderr"
    )
