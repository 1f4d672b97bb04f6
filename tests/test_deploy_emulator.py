"""The zip under AWS's own emulator of Lambda, with AWS's own examples of events.

The emulator starts the function as Lambda does: from an unpacked zip, on a disk that
cannot be written, with 128 MB of memory.
"""

import base64
import json
import sys
import uuid
import zipfile
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.containers import (
    BASE,
    Container,
    await_port,
    debian,
    free_port,
    podman,
    why_no_image,
)
from tests.podman import LIMITS
from tests.servers import running_server
from tests.tools import FOLDER, run, tool

pytestmark = [
    pytest.mark.external,
    pytest.mark.image,
    pytest.mark.slow,
    pytest.mark.skipif(bool(why_no_image()), reason=why_no_image()),
]

MODEL = "models/student_performance.onnx"
ROW = {"reading_score": 72, "writing_score": 70}
INVOKE = "/2015-03-31/functions/function/invocations"
EMULATOR = "/emulator/samcli/local/rapid/aws-lambda-rie-x86_64"
EVENTS = FOLDER / "emulator" / "samcli" / "lib" / "generated_sample_events" / "events"
MAX_MIB = 64
"""Of the emulator and the function together; the function alone has 47."""


@pytest.fixture(scope="module")
def function(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    """Build the zip, and run it under the emulator in a container without rights."""
    tool("python")
    folder = tmp_path_factory.mktemp("function")
    archive = folder / "function.zip"
    build = ("-m", "deploy.aws.function.build", MODEL, "--output", archive)
    run(sys.executable, *build)
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder / "task")
    name, port = f"pinion-test-{uuid.uuid4().hex[:8]}", free_port()
    python = f"/python/bin/python{sys.version_info[0]}.{sys.version_info[1]}"
    podman(
        *("run", "--detach", "--read-only", "--read-only-tmpfs=false"),
        *("--cap-drop=ALL", "--user=993:990", "--network=host", "--memory=128m"),
        *(f"--name={name}", *LIMITS, "--workdir=/var/task"),
        f"--volume={sys.base_prefix}:/python:ro",
        f"--volume={FOLDER / 'emulator'}:/emulator:ro",
        f"--volume={folder / 'task'}:/var/task:ro",
        *("--env=PYTHONPATH=/var/task:/emulator", "--env=LAMBDA_TASK_ROOT=/var/task"),
        *("--env=AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128", "--env=PYTHONHOME=/python"),
        "--env=LD_LIBRARY_PATH=/python/lib",
        debian("base", BASE),
        *(EMULATOR, "--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
        *("--runtime-api-address", f"127.0.0.1:{free_port()}"),
        *(python, "-m", "awslambdaric", "deploy.aws.function.handler.answer"),
    )
    container = Container(name, f"http://127.0.0.1:{port}{INVOKE}")
    try:
        await_port(port, container)
        yield container
    finally:
        podman("rm", "--force", "--time=0", name)


@pytest.fixture(scope="module")
def answered() -> Any:
    """Return what the server says to the row."""
    with running_server(MODEL) as served:
        return httpx.post(f"{served.url}/predict", json=ROW).json()


def example(name: str, **changes: Any) -> dict[str, Any]:
    """Return AWS's example of an event, asking for the row's prediction."""
    event: dict[str, Any] = json.loads((EVENTS / name).read_bytes())
    body = base64.b64encode(json.dumps(ROW).encode()).decode()
    event |= {"body": body, "isBase64Encoded": True, **changes}
    event["headers"] = event["headers"] | {"content-type": "application/json"}
    return event


def of_rest_api() -> dict[str, Any]:
    event = example("apigateway/AwsProxy.json", httpMethod="POST", path="/predict")
    event["multiValueHeaders"]["content-type"] = ["application/json"]
    event["queryStringParameters"] = event["multiValueQueryStringParameters"] = None
    event["requestContext"]["stage"] = "prod"
    return event


def of_http_api() -> dict[str, Any]:
    event = example("apigateway/HttpApi.json", rawPath="/predict", rawQueryString="")
    event["requestContext"]["http"] |= {"method": "POST", "path": "/predict"}
    event["requestContext"]["stage"] = "$default"
    return event


def of_balancer() -> dict[str, Any]:
    event = example("alb/ALBRequest.json", httpMethod="POST", path="/predict")
    event["queryStringParameters"] = {}
    return event


def invoke(function: Container, event: Any) -> Any:
    answer = httpx.post(function.url, json=event, timeout=60)
    assert answer.content, function.logs()
    return answer.json()


@pytest.mark.parametrize("event", [of_rest_api, of_http_api, of_balancer])
def test_an_event_of_aws_is_answered_as_the_server_does(
    function: Container, answered: Any, event: Any
) -> None:
    found = invoke(function, event())

    assert (found["statusCode"], json.loads(found["body"])) == (200, answered)


def test_a_warehouse_is_answered_through_the_emulator(
    function: Container, answered: Any
) -> None:
    columns = [None] * 5 + [ROW["reading_score"], ROW["writing_score"]]

    found = json.loads(invoke(function, {"arguments": [columns] * 3}))

    assert found["results"] == [answered["prediction"]] * 3


def test_the_page_is_shown_through_a_function_url(function: Container) -> None:
    event = of_http_api()
    event["headers"] = {"accept": "text/html"}
    event["rawPath"] = "/"
    event["requestContext"]["http"] |= {"method": "GET", "path": "/"}
    del event["body"]

    found = invoke(function, event)

    assert found["headers"]["content-type"] == "text/html; charset=utf-8"
    assert "<form" in found["body"]


def test_it_needs_little_of_the_smallest_memory(
    function: Container, answered: Any
) -> None:
    for _ in range(200):
        invoke(function, of_balancer())
    found = podman("stats", "--no-stream", "--format={{.MemUsage}}", function.name)
    used, unit = found.stdout.split()[0][:-2], found.stdout.split()[0][-2:]

    assert unit == "MB"
    assert float(used) <= MAX_MIB
