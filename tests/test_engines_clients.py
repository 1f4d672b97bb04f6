"""Clients of other servers, as they are, beside what /predict says of the same rows."""

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.engines import MODEL, python_of
from tests.servers import ROOT, Served, running_server

pytestmark = pytest.mark.engines

PAGE = (ROOT / "docs" / "clients.md").read_text("utf-8")
EXAMPLES = re.findall(
    r"```(python|sh)\n(.*?)```\n\n```(?:json|text)\n(.*?)```", PAGE, re.S
)

ROWS: list[dict[str, Any]] = [
    {"gender": "female", "lunch": "standard", "reading_score": 72, "writing_score": 74},
    {
        "gender": "male",
        "lunch": "free/reduced",
        "reading_score": 0.5,
        "writing_score": 88,
    },
    {"gender": "male", "lunch": "standard", "reading_score": 100, "writing_score": 9},
]

TRITON = """\
import asyncio, json, sys
import numpy as np
import tritonclient.http as http
import tritonclient.http.aio as aio
from tritonclient.utils import InferenceServerException

url, rows, name = sys.argv[1], json.loads(sys.argv[2]), "student_performance"
TYPES = {str: (object, "BYTES"), float: (np.float32, "FP32"), int: (np.int16, "INT16")}

def inputs(binary, of=http):
    for feature in rows[0]:
        values = [row[feature] for row in rows]
        dtype, datatype = TYPES[str if isinstance(values[0], str) else float]
        made = of.InferInput(feature, [len(rows)], datatype)
        made.set_data_from_numpy(np.array(values, dtype), binary_data=binary)
        yield made

def answers(client):
    for binary in (True, False):
        for packed in (None, "gzip", "deflate"):
            outputs = [http.InferRequestedOutput("math_score", binary_data=binary)]
            answer = client.infer(
                name, [*inputs(binary)], outputs=outputs, request_id="42",
                request_compression_algorithm=packed,
                response_compression_algorithm=packed,
            )
            assert answer.get_response()["id"] == "42"
            yield answer.as_numpy("math_score").ravel().tolist()

async def answer_of_aio():
    async with aio.InferenceServerClient(url) as client:
        assert await client.is_server_ready()
        answer = await client.infer(name, [*inputs(True, aio)])
        return answer.as_numpy("math_score").ravel().tolist()

client = http.InferenceServerClient(url)
assert client.is_server_live() and client.is_server_ready()
assert client.is_model_ready(name)
metadata = client.get_model_metadata(name)
assert client.get_model_metadata(name, metadata["versions"][0]) == metadata
assert client.get_model_config(name)["name"] == name
assert client.get_model_repository_index()[0]["state"] == "READY"
assert client.get_server_metadata()["name"] == "pinion"
found = [*answers(client), asyncio.run(answer_of_aio())]
for asked in (name, ""):
    (told,) = client.get_inference_statistics(asked)["model_stats"]
    assert told["inference_stats"]["success"]["count"] == len(found)
    assert told["inference_count"] == len(found) * len(rows)
errors = []
for asked, given in (("nobody", [*inputs(True)]), (name, [])):
    try:
        client.infer(asked, given)
    except InferenceServerException as error:
        errors.append([error.status(), error.message()])
print(json.dumps([found, errors]))
"""

KSERVE = """\
import asyncio, json, sys
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

url, rows, name = sys.argv[1], json.loads(sys.argv[2]), "student_performance"

async def ask():
    first = InferenceRESTClient(RESTConfig(protocol="v1"))
    assert await first.is_server_live(url)
    assert await first.is_model_ready(url, name)
    yield (await first.infer(url, {"instances": rows}, model_name=name))["predictions"]
    second = InferenceRESTClient(RESTConfig(protocol="v2"))
    assert await second.is_server_live(url) and await second.is_server_ready(url)
    assert await second.is_model_ready(url, name)
    for binary in (True, False):
        inputs = []
        for feature in rows[0]:
            values = [[row[feature]] for row in rows]
            is_text = isinstance(values[0][0], str)
            dtype, datatype = (object, "BYTES") if is_text else (float, "FP64")
            inputs.append(InferInput(feature, [len(rows), 1], datatype))
            inputs[-1].set_data_from_numpy(np.array(values, dtype), binary_data=binary)
        request = InferRequest(model_name=name, infer_inputs=inputs)
        answer = await second.infer(url, request, model_name=name)
        yield answer.outputs[0].as_numpy().ravel().tolist()

async def listed():
    return [each async for each in ask()]

print(json.dumps([asyncio.run(listed()), []]))
"""

OTHERS = """\
import io, json, sys
import boto3, pandas, vetiver
from botocore.exceptions import ClientError
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

url, rows = sys.argv[1], json.loads(sys.argv[2])
frame = pandas.DataFrame(rows)
host, _, port = url.removeprefix("http://").partition(":")

mlflow = ScoringServerClient(host, int(port))
mlflow.wait_server_ready(timeout=10)
found = [mlflow.invoke(frame).get_predictions()[0].tolist()]
found.append(vetiver.predict(f"{url}/predict", frame)["predictions"].tolist())

def to_invocations(request, **_):
    request.url = request.url.replace("/endpoints/e/", "/")

sagemaker = boto3.client(
    "sagemaker-runtime", endpoint_url=url, region_name="us-east-1",
    aws_access_key_id="x", aws_secret_access_key="x",
)
sagemaker.meta.events.register("before-send.sagemaker-runtime", to_invocations)

def invoke(body, kind, accept):
    answer = sagemaker.invoke_endpoint(
        EndpointName="e", Body=body, ContentType=kind, Accept=accept,
        CustomAttributes="a", InferenceId="7",
    )
    return answer["Body"].read()

csv = invoke(frame.to_csv(index=False), "text/csv", "text/csv")
found.append([float(line) for line in csv.split()])
lines = invoke(frame.to_json(orient="records", lines=True), "application/jsonlines",
               "application/jsonlines")
found.append([json.loads(line) for line in lines.splitlines()])
instances = invoke(json.dumps({"instances": rows}), "application/json", "application/json")
found.append(json.loads(instances)["predictions"])
errors = []
try:
    invoke("x", "image/png", "text/csv")
except ClientError as error:
    errors.append(error.response["ResponseMetadata"]["HTTPStatusCode"])
print(json.dumps([found, errors]))
"""

MCP = """\
import asyncio, json, sys
import fastmcp, mcp

url, rows, name = f"{sys.argv[1]}/mcp", json.loads(sys.argv[2]), "student_performance"
WRONG = {"reading_score": 101, "size": 1}
errors = []

async def answers(client, revision):
    async with client:
        assert client.protocol_version == revision, client.protocol_version
        (tool,) = (await client.list_tools()).tools
        assert tool.name == name and tool.input_schema["properties"].keys() > rows[0].keys()
        for row in rows:  # the client compares each answer with the tool's output schema
            answer = await client.call_tool(name, row)
            assert json.loads(answer.content[0].text) == answer.structured_content
            yield answer.structured_content["prediction"]
        answer = await client.call_tool(name, WRONG)
        assert answer.is_error
        errors.append(answer.content[0].text)
        try:
            await client.call_tool("nobody", {})
        except mcp.MCPError as error:
            errors.append([error.error.code, error.error.message])

async def answers_of_fastmcp(client):
    async with client:
        assert [tool.name for tool in await client.list_tools()] == [name]
        for row in rows:
            answer = await client.call_tool(name, row)
            assert answer.data.prediction == answer.structured_content["prediction"]
            yield answer.data.prediction
        try:
            await client.call_tool(name, WRONG)
        except fastmcp.exceptions.ToolError as error:
            errors.append(str(error))

async def found():
    for mode, revision in (("auto", "2026-07-28"), ("legacy", "2025-11-25")):
        client = mcp.Client(url, mode=mode)
        yield [each async for each in answers(client, revision)]
    yield [each async for each in answers_of_fastmcp(fastmcp.Client(url))]

async def listed():
    return [each async for each in found()]

print(json.dumps([asyncio.run(listed()), errors]))
"""

MLSERVER = """\
import json, math, subprocess, sys, tempfile
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen
import pandas
from mlserver.codecs import PandasCodec
from mlserver.types import InferenceResponse

url, rows, name = sys.argv[1], json.loads(sys.argv[2]), "student_performance"
frame = pandas.DataFrame(rows)
infer = f"{url}/v2/models/{name}/infer"

def post(where, text):
    request = Request(where, text.encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=10) as answer:
        return answer.read().decode()

def decoded(text):
    answer = InferenceResponse.model_validate_json(text)
    return PandasCodec.decode_response(answer)["math_score"].tolist()

def encoded(frame, **how):
    return PandasCodec.encode_request(frame, use_bytes=False).model_dump_json(**how)

found = [decoded(post(infer, encoded(frame, exclude_none=bare))) for bare in (True, False)]

without = frame.assign(reading_score=math.nan)
missing = json.dumps([{**row, "reading_score": None} for row in rows])
answer = json.loads(post(f"{url}/predict", missing))
assert decoded(post(infer, encoded(without))) == answer["predictions"]

errors = []
try:
    post(infer, encoded(frame[:1].assign(reading_score=101, size=1)))
except HTTPError as error:
    errors.append([error.code, json.load(error)["error"]])

with tempfile.TemporaryDirectory() as folder:
    asked, said = Path(folder, "asked.jsonl"), Path(folder, "said.jsonl")
    asked.write_text("\\n".join(encoded(frame[n : n + 1]) for n in range(len(frame))))
    for how in ([], ["-b", "-s", "2"]):  # one by one, and together
        host = url.removeprefix("http://")
        words = ["-u", host, "-m", name, "-i", str(asked), "-o", str(said), *how]
        command = [Path(sys.executable).with_name("mlserver"), "infer", *words]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        lines = [json.loads(line) for line in said.read_text().splitlines()]
        lines.sort(key=lambda line: line["parameters"]["batch_index"])
        found.append([decoded(json.dumps(line))[0] for line in lines])
print(json.dumps([found, errors]))
"""

ABOVE = "101 is above the maximum, 100 points."
UNKNOWN = (
    "The model has no such feature; it reads 'gender', 'race_ethnicity', "
    "'parental_level_of_education', 'lunch', 'test_preparation_course', "
    "'reading_score', 'writing_score'."
)
FAULTS = f"2 values are invalid.\nreading_score: {ABOVE}\nsize: {UNKNOWN}"
POINTED = f"2 values are invalid. #/columns/reading_score/0: {ABOVE} #/columns/size: {UNKNOWN}"
NO_TOOL = [-32602, "There is no tool 'nobody'; the tools are: student_performance."]


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with running_server(MODEL) as served:
        yield served


def python(program: str) -> list[str]:
    """Return the command that runs a program, with the clients that it imports."""
    engine = "mlserver" if "mlserver" in program else "clients"
    return [str(python_of(engine)), "-W", "ignore", "-c", program]


def ask(program: str, url: str) -> Any:
    """Run a program of a client, and return what it prints last."""
    command = [*python(program), url]
    done = subprocess.run(
        [*command, json.dumps(ROWS)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("program", "n_answers", "errors"),
    [
        (
            TRITON,
            7,
            [
                [
                    "404",
                    "There is no model 'nobody'; the models are: student_performance.",
                ],
                ["400", "There is no input."],
            ],
        ),
        (KSERVE, 3, []),
        (OTHERS, 5, [415]),
        (MLSERVER, 4, [[400, POINTED]]),
        (MCP, 3, [FAULTS, NO_TOOL, FAULTS, NO_TOOL, FAULTS]),
    ],
    ids=["triton", "kserve", "others", "mlserver", "mcp"],
)
def test_a_client_has_the_answers_of_predict(
    served: Served, program: str, n_answers: int, errors: object
) -> None:
    found, found_errors = ask(
        program, served.url.removeprefix("http://" if program is TRITON else "")
    )

    answer = httpx.post(f"{served.url}/predict", json=ROWS)
    assert found == [answer.json()["predictions"]] * n_answers
    assert found_errors == errors


@pytest.mark.parametrize(
    ("language", "program", "shown"), EXAMPLES, ids=range(len(EXAMPLES))
)
def test_an_example_shows_what_it_shows(
    served: Served, language: str, program: str, shown: str
) -> None:
    host = served.url.removeprefix("http://")
    here = program.replace("localhost:8080", host)
    here = here.replace('"localhost", 8080', '"{}", {}'.format(*host.split(":")))
    command = ["sh", "-euc", here] if language == "sh" else python(here)
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)

    assert done.stdout.strip() == shown.strip(), done.stderr


def test_every_client_of_the_page_has_an_example() -> None:
    assert [language for language, _, _ in EXAMPLES] == [
        *["python"] * 4,
        *["sh"] * 4,
        *["python"] * 2,
        "sh",
    ]
