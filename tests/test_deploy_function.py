"""The function beside the server: what one answers, the other answers, in each shape."""

import base64
import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from deploy.aws.function import build
from deploy.aws.function.function import Function
from server.model import Model
from server.models import load_models
from server.settings import default_settings
from tests.models import make_model, make_signature
from tests.servers import ROOT, running_server

SHIPPED = ROOT / "models" / "student_performance.onnx"
ROW = {"reading_score": 72, "writing_score": 70}
JSON = {"content-type": "application/json"}
TABLE = {"content-type": "text/csv"}
LINES = {"content-type": "application/x-ndjson"}
FORM = {"content-type": "application/x-www-form-urlencoded", "accept": "text/html"}

REQUESTS: list[tuple[str, str, str, dict[str, str], bytes]] = [
    ("POST", "/predict", "", JSON, json.dumps(ROW).encode()),
    ("POST", "/predict", "", {}, json.dumps([ROW, {}]).encode()),
    ("POST", "/predict", "", JSON, b"[]"),
    ("POST", "/predict", "", JSON, b'{"columns": {"reading_score": [1, 2]}}'),
    ("POST", "/predict", "include=interval,warnings", JSON, json.dumps(ROW).encode()),
    ("POST", "/predict", "include=contributions", JSON, json.dumps([ROW]).encode()),
    ("POST", "/models/student_performance/predict", "", JSON, b"{}"),
    ("POST", "/predict", "", JSON, b'{"reading_score": "high", "lunch": "none"}'),
    ("POST", "/predict", "", JSON, b"{"),
    ("POST", "/predict", "include=more", JSON, b"{}"),
    ("POST", "/predict", "", {"content-type": "text/html"}, b"a,b"),
    ("POST", "/predict", "", TABLE, b"a,b"),
    ("PUT", "/predict", "echo=all", {}, b"reading_score;lunch\n72;standard\n;\n"),
    ("POST", "/predict", "", TABLE, b"reading_score\n72\n720\n"),
    ("POST", "/predict", "on_error=skip", TABLE, b"reading_score\n720\n72"),
    ("PUT", "/predict", "include=interval", LINES, b'{"reading_score": 72}\n{}\n'),
    ("PUT", "/predict", "", JSON, b'{"reading_score": 72}'),
    ("DELETE", "/predict", "", {}, b""),
    ("OPTIONS", "/predict", "", {}, b""),
    (
        *("POST", "/models/student_performance/versions/5286853637c1/predict"),
        *("", JSON, json.dumps(ROW).encode()),
    ),
    ("GET", "/models/student_performance/versions/0", "", {}, b""),
    ("POST", "/predict", "", JSON | {"content-encoding": "br"}, b"{}"),
    ("POST", "/predict", "", JSON | {"content-encoding": "gzip"}, b"{}"),
    ("POST", "/predict", "", JSON, b"[" + b"{}," * 1_400_000 + b"{}]"),
    ("POST", "/predict", "", JSON, json.dumps([ROW] * 10_001).encode()),
    ("POST", "/models/nobody/predict", "", JSON, b"{}"),
    ("GET", "/predict", "", {}, b""),
    ("GET", "/models", "", {}, b""),
    ("POST", "/models", "", {}, b""),
    ("GET", "/models/student_performance", "", {}, b""),
    ("GET", "/models/nobody", "", {}, b""),
    ("GET", "/problems/invalid-batch", "", {}, b""),
    ("GET", "/problems/nothing", "", {}, b""),
    ("GET", "/livez", "", {}, b""),
    ("GET", "/readyz", "", {}, b""),
    ("GET", "/nowhere", "", {}, b""),
    ("PUT", "/", "", {}, b""),
    ("GET", "/", "", {}, b""),
    ("GET", "/", "", {"accept": "text/html"}, b""),
    ("GET", "/", "model=nobody", {"accept": "text/html"}, b""),
    ("POST", "/", "", FORM, b"reading_score=72&lunch=standard"),
    ("POST", "/", "", FORM, b"reading_score=many"),
    ("POST", "/", "", JSON, b"{}"),
]


@pytest.fixture(scope="module")
def function() -> Iterator[Function]:
    model = Model.load(SHIPPED)
    yield Function([model], default_settings())
    model.close()


@pytest.fixture(scope="module")
def server() -> Iterator[httpx.Client]:
    with (
        running_server(SHIPPED) as served,
        httpx.Client(base_url=served.url, timeout=60) as client,
    ):
        yield client


def of_function_url(
    method: str, path: str, query: str, headers: dict[str, str], body: bytes
) -> dict[str, Any]:
    """Return an event in format 2.0, which API Gateway's HTTP API has too."""
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {"http": {"method": method, "path": path}},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


def of_rest_api(
    method: str, path: str, query: str, headers: dict[str, str], body: bytes
) -> dict[str, Any]:
    """Return an event in format 1.0."""
    return {
        "httpMethod": method,
        "path": path,
        "multiValueQueryStringParameters": parse_qs(query) or None,
        "multiValueHeaders": {name.title(): [text] for name, text in headers.items()},
        "requestContext": {"stage": "prod"},
        "body": body.decode() or None,
        "isBase64Encoded": False,
    }


def of_balancer(
    method: str, path: str, query: str, headers: dict[str, str], body: bytes
) -> dict[str, Any]:
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    return {
        "httpMethod": method,
        "path": path,
        "queryStringParameters": {name: value for name, _, value in pairs},
        "headers": headers,
        "requestContext": {"elb": {"targetGroupArn": "arn"}},
        "body": body.decode(),
        "isBase64Encoded": False,
    }


@pytest.mark.parametrize("shape", [of_function_url, of_rest_api, of_balancer])
@pytest.mark.parametrize("request_", REQUESTS, ids=range(len(REQUESTS)))
def test_it_answers_as_the_server_does(
    function: Function, server: httpx.Client, request_: Any, shape: Any
) -> None:
    method, path, query, headers, body = request_
    url = f"{path}?{query}" if query else path
    wanted = server.request(method, url, headers=headers, content=body)

    found = function(shape(*request_))

    assert isinstance(found, dict)
    assert found["statusCode"] == wanted.status_code
    assert found["body"] == wanted.text
    for name, value in found["headers"].items():
        shown = wanted.headers[name]
        assert sorted(value.split(", ")) == sorted(shown.split(", ")), name
    status = (found.get("statusDescription") or str(wanted.status_code)).split()[0]
    assert status == str(wanted.status_code)


def test_a_balancer_with_several_values_has_its_answer_so() -> None:
    event = of_balancer("GET", "/livez", "", {}, b"")
    del event["headers"]
    event["multiValueHeaders"] = {"accept": ["*/*"]}
    model = Model.load(SHIPPED)
    found = Function([model], default_settings())(event)
    model.close()

    assert found == {
        "statusCode": 200,
        "statusDescription": "200 OK",
        "multiValueHeaders": {"content-type": ["text/plain; charset=utf-8"]},
        "body": "ok\n",
        "isBase64Encoded": False,
    }


def test_a_compressed_body_comes_as_base64(function: Function) -> None:
    body = gzip.compress(json.dumps([ROW, {}]).encode())
    plain = of_function_url("POST", "/predict", "", JSON, gzip.decompress(body))
    packed = of_function_url(
        "POST", "/predict", "", JSON | {"content-encoding": "gzip"}, body
    )

    assert function(packed) == function(plain)


def test_a_warehouse_is_told_that_no_model_is_the_default(tmp_path: Path) -> None:
    paths = [tmp_path / "a.onnx", tmp_path / "b.onnx"]
    for path in paths:
        path.write_bytes(make_model(make_signature(name=path.stem)))
    models = load_models(paths)

    found = json.loads(str(Function(models, default_settings())({"arguments": []})))

    assert found["success"] is False
    assert found["error_msg"].startswith(
        "Several models are served, and none by default"
    )
    for model in models:
        model.close()


def test_a_path_may_be_written_with_percents(function: Function) -> None:
    event = of_function_url("GET", "/models/student%5Fperformance", "", {}, b"")

    found = function(event)

    assert isinstance(found, dict)
    assert found["statusCode"] == 200


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["none.onnx"], "there is no model file"),
        (["card.md"], "not a whole model file"),
        (["a/m.onnx", "b/m.onnx"], "two of the files are named m.onnx"),
        (
            ["a/m.onnx", "b/n.onnx"],
            "another model is named 'student_performance' already",
        ),
    ],
)
def test_a_zip_of_what_cannot_be_served_is_not_built(
    names: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a/m.onnx", "b/m.onnx", "b/n.onnx"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(SHIPPED.read_bytes())
    (tmp_path / "card.md").write_text("# Card")
    output = tmp_path / "function.zip"

    code = build.main([*[f"{tmp_path}/{name}" for name in names], f"--output={output}"])

    assert (code, output.exists()) == (2, False)
    assert said in capsys.readouterr().err


def test_a_stage_is_no_part_of_the_path(function: Function) -> None:
    event = of_function_url("GET", "/prod/livez", "", {}, b"")
    event["requestContext"]["stage"] = "prod"

    found = function(event)

    assert isinstance(found, dict)
    assert found["statusCode"] == 200


def test_a_warehouse_gets_a_result_a_row(function: Function) -> None:
    names = [f.name for f in Model.load(SHIPPED).signature.features]
    rows = [[ROW.get(name) for name in names], [None] * len(names)]
    expected = function(
        of_function_url("POST", "/predict", "", JSON, json.dumps([ROW, {}]).encode())
    )
    assert isinstance(expected, dict)

    found = json.loads(str(function({"arguments": rows, "num_records": 2})))

    assert found == {
        "success": True,
        "num_records": 2,
        "results": json.loads(expected["body"])["predictions"],
    }


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (["none", *[None] * 6], "1 value is invalid. #/0/gender: 'none' is not"),
        ([1, 2], "A row has other columns than the 7 of gender, "),
        (None, "A row has other columns than the 7 of gender, "),
        (5, "A row has other columns than the 7 of gender, "),
    ],
)
def test_a_warehouse_is_told_what_is_wrong(
    function: Function, row: list[Any], said: str
) -> None:
    found = json.loads(str(function({"arguments": [row]})))

    assert found["success"] is False
    assert found["error_msg"].startswith(said)


def test_a_fault_is_a_500_and_its_traceback_is_logged(
    function: Function, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    monkeypatch.setattr(Model, "predict", lambda *_: 1 / 0)

    found = function(of_function_url("POST", "/predict", "", JSON, b"{}"))

    assert isinstance(found, dict)
    assert (found["statusCode"], "ZeroDivision" in found["body"]) == (500, False)
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_it_loads_no_event_loop_and_no_framework(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / SHIPPED.name).write_bytes(SHIPPED.read_bytes())
    program = (
        "import sys; from deploy.aws.function import handler\n"
        "print(*{'asyncio', 'starlette', 'uvicorn', 'numpy', 'boto3'} & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"LAMBDA_TASK_ROOT": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == []
