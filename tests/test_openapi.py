"""The document of OpenAPI, beside the routes that there are and what they answer."""

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from onnx import TensorProto

from convert.graph.builder import Graph
from server.app import App
from server.http.asgi import Receive, Scope, Send, respond
from server.models import load_models
from server.openapi.examples import shown
from server.openapi.operation import Ask, Operation
from server.openapi.served import Served
from server.openapi.table import operations as table
from server.problems import Overloaded
from server.routes import Noted, create_routes
from server.settings import Settings, default_settings, read_settings
from server.signature import Feature, GoldenRow, Target
from tests.models import (
    make_classifier,
    make_model,
    make_row,
    make_signature,
    make_two_targets,
    with_signature,
)
from tests.openapi import Json, examples, operations, responses
from tests.servers import asking, running_server

SETTINGS = default_settings()._replace(
    predict_route="/v1/endpoints/7:predict", health_route="deep/health"
)
MODEL = Path("models/student_performance.onnx")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models of each kind, none of them the default one."""
    folder = tmp_path_factory.mktemp("models")
    folder.joinpath("a.onnx").write_bytes(make_model())
    labels = make_classifier((False, True), name="passed")
    folder.joinpath("b.onnx").write_bytes(labels)
    folder.joinpath("c.onnx").write_bytes(make_two_targets("two"))
    return folder


@pytest.fixture(scope="module", params=["shipped", "several", "default"])
def client(request: pytest.FixtureRequest, folder: Path) -> Iterator[httpx.Client]:
    several: list[str | Path] = [*folder.iterdir()]
    words: Mapping[str, list[str | Path]] = {
        "shipped": [MODEL, "--predict-route", "/vertex", "--health-route", "well"],
        "several": several,
        "default": [*several, "--default", "two"],
    }
    with asking(*words[request.param]) as client:
        yield client


@pytest.fixture(scope="module")
def document(client: httpx.Client) -> Json:
    answer = client.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    found: Json = answer.json()
    return found


def routes_of(app: App) -> set[tuple[str, str]]:
    """Return method and path of every route, but HEAD, which is GET's."""
    routes = create_routes(
        app._by_name,
        app.default,
        app._settings,
        answering=app._answering,
        is_ready=lambda: True,
        refused=dict,
        counters=app.counters,
        gauges=dict,
    ).routes
    return {
        (method, each.route.path)
        for each in routes
        if isinstance(each, Noted) and each.route.methods is not None
        for method in each.route.methods - {"HEAD", "OPTIONS"}
    }


def make_app(*paths: Path, **settings: Any) -> App:
    return App(load_models([*paths]), SETTINGS._replace(**settings))


def ask(app: App, path: str) -> httpx.Response:
    """Return the answer of an application in this process."""

    async def answer() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as here:
            return await here.get(path)

    return asyncio.run(answer())


def test_every_route_is_an_operation_and_every_operation_a_route(folder: Path) -> None:
    app = make_app(folder / "a.onnx")
    served = Served(app._by_name, app.default, app._settings)

    assert {(each.method, each.route) for each in table(served)} == routes_of(app)


def test_without_a_default_model_what_needs_one_is_left_out(folder: Path) -> None:
    app = make_app(*folder.iterdir())
    served = Served(app._by_name, app.default, app._settings)

    told = {(each.method, each.route) for each in table(served)}
    assert routes_of(app) - told == {
        ("GET", "/predict"),
        ("PUT", "/predict"),
        *(("POST", path) for path in ("/predict", "/invocations", "/score")),
        *(("POST", path) for path in ("/snowflake", "/bigquery")),
        ("POST", "/v1/endpoints/7:predict"),
    }


def test_every_example_is_answered_as_it_is_shown(
    client: httpx.Client, document: Json
) -> None:
    shown = [*examples(document)]

    assert [each.sent(client) for each in shown] == shown
    assert {each.status for each in shown} == {200, 400, 404, 406, 415, 422}


def test_what_never_changes_has_an_example(folder: Path) -> None:
    app = make_app(folder / "a.onnx")
    served = Served(app._by_name, app.default, app._settings)

    assert {each.name for each in table(served) if not each.asks} == {
        *("openapi", "docs", "metrics"),
        *("v2_stats", "v2_stats_version", "v2_stats_all"),
    }


def test_names_of_operations_differ_and_every_reference_has_its_end(
    document: Json,
) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len({*names}) == len(names)

    for kind, name in references(document):
        assert name in document["components"][kind]


def references(part: Any) -> Iterator[tuple[str, str]]:
    if isinstance(part, dict):
        if "$ref" in part:
            _, _, kind, name = part["$ref"].split("/")
            yield kind, name
        for each in part.values():
            yield from references(each)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


ANYWHERE = "GET /livez HTTP/1.1\r\nhost: x\r\n"


@pytest.mark.parametrize(
    ("status", "request_", "words"),
    [
        ("400", "GET /livez HTTP/1.1\r\n\r\n", {}),
        ("414", f"GET /{'x' * 200} HTTP/1.1\r\n\r\n", {"max_target_bytes": "100"}),
        ("431", f"{ANYWHERE}a: 1\r\nb: 2\r\n\r\n", {"max_fields": "2"}),
        ("501", f"{ANYWHERE}transfer-encoding: gzip\r\n\r\n", {}),
        ("505", "GET /livez HTTP/2.0\r\nhost: x\r\n\r\n", {}),
        ("408", f"{ANYWHERE}content-length: 9\r\n\r\n1", {"body_seconds": "1"}),
        (
            "429",
            f"{ANYWHERE}\r\n{ANYWHERE}connection: close\r\n\r\n",
            {"max_rate_per_address": "1"},
        ),
        (
            "421",
            "GET /models HTTP/1.1\r\nhost: other.example\r\nconnection: close\r\n\r\n",
            {"hosts": "localhost x"},
        ),
    ],
    ids=lambda value: value if str(value).isdigit() else "",
)
def test_what_any_request_may_be_told_is_shown_as_it_is_told(
    folder: Path, status: str, request_: str, words: Mapping[str, str]
) -> None:
    variables = {f"PINION_{name.upper()}": value for name, value in words.items()}
    path = "/livez"
    if status == "408":  # a route that waits for its body
        request_, path = request_.replace("GET /livez", "POST /predict"), "/predict"
    with running_server(folder / "a.onnx", **variables) as served:
        settings = read_settings([], variables)
        shown = told_problems(folder, settings, path, status)
        url = urlsplit(served.url)
        with socket.create_connection((url.hostname or "", url.port or 0)) as client:
            client.sendall(request_.encode())
            text = b"".join(iter(lambda: client.recv(65_536), b"")).decode()

    last = text.rpartition("HTTP/1.1 ")[2]
    assert last.startswith(status)
    assert json.loads(last.partition("\r\n\r\n")[2]) in shown


def told_problems(
    folder: Path, settings: Settings, path: str, status: str
) -> list[object]:
    """Return the examples of problem details of a status, of a path."""
    app = App(load_models([folder / "a.onnx"]), settings)
    headers = {"host": "localhost"} if settings.hosts else {}
    transport = httpx.ASGITransport(app)

    async def document() -> Json:
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as here:
            found: Json = (await here.get("/openapi.json", headers=headers)).json()
            return found

    made = asyncio.run(document())
    methods = made["paths"][path]
    operation = methods.get("post") or methods["get"]
    media = responses(made, operation)[status]["content"]["application/problem+json"]
    return [example["value"] for example in media["examples"].values()]


def test_a_body_that_is_too_large_is_refused_in_each_protocol_as_it_is_shown(
    folder: Path,
) -> None:
    words = {"PINION_MAX_BODY_BYTES": "3000", "PINION_MAX_ROWS": "2"}
    with asking(folder / "a.onnx", **words) as client:
        document = client.get("/openapi.json").json()
        for method, path, operation in operations(document):
            found = responses(document, operation)
            if method == "POST" and "413" in found:
                ((kind, media),) = found["413"]["content"].items()
                path = path.replace("{name}", "student")
                path = path.replace("{version}", "0123456789ab")
                fields = {
                    "content-type": next(iter(operation["requestBody"]["content"]))
                }
                answer = client.post(path, content=b" " * 3001, headers=fields)
                assert answer.status_code == 413
                assert answer.headers["content-type"] == kind
                shown = [each["value"] for each in media["examples"].values()]
                assert answer.json() in shown

        rows = client.post("/predict", json=[make_row()] * 3)
        found = responses(document, document["paths"]["/predict"]["post"])
        media = found["413"]["content"]["application/problem+json"]
        assert rows.json() in [each["value"] for each in media["examples"].values()]


def test_keys_are_told_where_there_are_any(folder: Path) -> None:
    digest = (
        "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"  # secret
    )
    with asking(folder / "a.onnx", "--keys", digest) as client:
        refused = client.get("/openapi.json")
        headers = {"x-api-key": "secret"}
        document = client.get("/openapi.json", headers=headers).json()

    assert document["security"] == [{"bearer": []}, {"key": []}]
    answer = responses(document, document["paths"]["/models"]["get"])["401"]
    media = answer["content"]["application/problem+json"]
    assert [each["value"] for each in media["examples"].values()] == [refused.json()]
    assert [*answer["headers"]] == ["www-authenticate"]


def test_without_keys_hosts_and_rates_nothing_is_told_of_them(document: Json) -> None:
    told = {
        status
        for _, _, operation in operations(document)
        for status in operation["responses"]
    }

    assert told.isdisjoint({"401", "421", "429"})
    assert "security" not in document


def test_rows_are_described_for_each_model(document: Json) -> None:
    schemas = document["components"]["schemas"]
    names = [name for name in schemas if name.endswith(".Row")]

    for name in names:
        model = name.removesuffix(".Row")
        path = document["paths"][f"/models/{model}/predict"]["post"]
        body = path["requestBody"]["content"]["application/json"]["schema"]
        assert body == {"$ref": f"#/components/schemas/{model}.Body"}
        properties = [*schemas[name]["properties"]]
        columns = schemas[f"{model}.Columns"]["properties"]["columns"]
        assert [*columns["properties"]] == properties
        n_ignored = properties.count("math_score")
        read = schemas[f"{model}.Values"]["prefixItems"]
        assert len(read) == len(properties) - n_ignored
    assert n_ignored == ("student_performance" in model)


def test_a_feature_that_is_called_include_is_asked_for_in_the_query(
    tmp_path: Path,
) -> None:
    feature = Feature(name="include", input="include", kind="number", typical=1.0)
    tmp_path.joinpath("a.onnx").write_bytes(make_sum(feature))
    with asking(tmp_path / "a.onnx") as client:
        document = client.get("/openapi.json").json()
        shown = [*examples(document)]

        assert [each.sent(client) for each in shown] == shown
    asked = document["paths"]["/predict"]["get"]["parameters"]
    assert [(each["name"], each["schema"]["type"]) for each in asked] == [
        ("include", ["number", "null"])
    ]


def make_sum(feature: Feature) -> bytes:
    """Return a model file: the feature, and one more."""
    graph = Graph()
    score = graph.input(feature.input, TensorProto.DOUBLE)
    total = graph.add("Add", score, graph.constant([1.0]))
    graph.output("prediction", total, TensorProto.DOUBLE, ["n_rows", 1])
    golden = GoldenRow(row={feature.name: 1.0}, predictions=(2.0,))
    target = Target(name="next")
    signature = make_signature(
        features=(feature,), targets=(target,), golden_rows=(golden,)
    )
    return with_signature(graph, signature)


def test_it_is_made_once_until_the_models_change(folder: Path) -> None:
    app = make_app(folder / "a.onnx")
    first, second = ask(app, "/openapi.json"), ask(app, "/openapi.json")
    app.serve(load_models([folder / "c.onnx"]))
    third = ask(app, "/openapi.json")

    assert first.content == second.content
    assert "/models/student/predict" in first.json()["paths"]
    assert "/models/student/predict" not in third.json()["paths"]
    assert "/models/two/predict" in third.json()["paths"]


def test_without_time_for_an_example_nothing_is_made() -> None:
    async def busy(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, 503, b"text/plain", b"stopping\n")

    operation = Operation(
        method="GET", route="/x", name="x", tag="x", summary="", asks=[Ask(name="x")]
    )
    with pytest.raises(Overloaded, match="examples of the interface cannot be made"):
        asyncio.run(shown(busy, [operation]))


@pytest.mark.parametrize(("n_bytes", "n_shown"), [(5000, 2), (5001, 1)])
def test_of_many_features_one_example_is_shown(
    folder: Path, n_bytes: int, n_shown: int
) -> None:
    asks = [Ask(name=name, query={"": "x" * (n_bytes - 9)}) for name in "ab"]
    operation = Operation(
        method="GET", route="/models", name="x", tag="x", summary="", asks=asks
    )
    routes = asyncio.run(make_app(folder / "a.onnx")._load_routes())
    ((_, exchanges),) = asyncio.run(shown(routes, [operation]))

    assert len(operation.target_of(asks[0])) == n_bytes
    assert [ask for ask, _ in exchanges] == asks[:n_shown]


def test_nothing_of_it_is_imported_by_a_start_or_another_route(folder: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from tests.test_openapi import ask, make_app\n"
        "for name in [name for name in sys.modules if 'server.openapi' in name]:\n"
        "    del sys.modules[name]\n"
        "app = make_app(Path(sys.argv[1]))\n"
        "for path in ('/models', '/', '/openapi.json'):\n"
        "    assert ask(app, path).status_code == 200\n"
        "    print('server.openapi.interface' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, folder / "a.onnx"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == ["False", "False", "True"]
