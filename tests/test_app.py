import asyncio
import gzip
import json
import re
import socket
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import msgspec
import pytest
import uvicorn

from server import signature as signatures
from server.app import App
from server.documents import Documents
from server.http.asgi import FAULT_BODY, Message
from server.model import Model
from server.models import load_models
from server.problems import PROBLEMS
from server.runtime.session import Session
from server.settings import default_settings
from server.signature import GoldenRow, Interval, Value
from tests.models import (
    GOLDEN,
    TARGET,
    make_classifier,
    make_model,
    make_row,
    make_signature,
    make_two_targets,
)
from tests.servers import running_server

PROBLEM = "application/problem+json"

INTERVAL = Interval(half_width=5.5, coverage=0.9, n_rows=200)
LABELS: dict[str, tuple[Value, Value]] = {
    "text": ("fail", "pass / good"),
    "boolean": (False, True),
    "float": (0.5, 3.0),
}

OTHER = make_signature(
    name="other", golden_rows=(GoldenRow(row=GOLDEN[0].row, predictions=(70.5,)),)
)

WAYS: list[dict[str, str]] = [{}, {"expect": "200-ok"}]
"""Headers of a request that is answered the short way, and of one through ASGI."""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Two models behind a real server with small limits."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "b.onnx").write_bytes(make_model())
    (folder / "a.onnx").write_bytes(make_model(OTHER, baseline=68.0))
    files = (folder / "b.onnx", folder / "a.onnx")
    limits = ("--max-rows", "100", "--max-body-bytes", "100000")
    default = ("--default", "student")
    with (
        running_server(*files, *limits, *default) as served,
        httpx.Client(base_url=served.url) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A regressor with an interval, a classifier of each kind, and two targets."""
    target = msgspec.structs.replace(TARGET, interval=INTERVAL)
    contents = {
        "interval": make_model(make_signature(name="interval", targets=(target,))),
        "targets": make_two_targets(name="targets"),
        **{name: make_classifier(labels, name=name) for name, labels in LABELS.items()},
    }
    folder = tmp_path_factory.mktemp("others")
    for name, content in contents.items():
        (folder / f"{name}.onnx").write_bytes(content)
    with (
        running_server(*sorted(folder.iterdir())) as served,
        httpx.Client(base_url=f"{served.url}/models") as client,
    ):
        yield client


def test_one_object_gives_one_prediction(client: httpx.Client) -> None:
    response = client.post("/predict", json=make_row())

    assert (response.status_code, response.json()) == (200, {"prediction": 80.0})
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize("headers", WAYS)
def test_the_first_model_is_the_default_one(
    client: httpx.Client, headers: dict[str, str]
) -> None:
    response = client.post("/predict", json=make_row(), headers=headers)

    assert response.json() == {"prediction": 80.0}


def test_a_list_gives_a_list(client: httpx.Client) -> None:
    response = client.post("/predict", json=[make_row(), {"gender": "male"}])

    assert response.json() == {"predictions": [80.0, 68.5]}


def test_columns_give_a_list(client: httpx.Client) -> None:
    columns = {name: [value, value] for name, value in make_row().items()}

    response = client.post("/predict", json={"columns": columns})

    assert response.json() == {"predictions": [80.0, 80.0]}


def test_a_model_answers_under_its_own_name(client: httpx.Client) -> None:
    other = client.post("/models/other/predict", json=make_row())
    student = client.post("/models/student/predict", json=make_row())

    assert other.json() == {"prediction": 82.0}
    assert student.json() == {"prediction": 80.0}


def test_includes_stand_beside_the_prediction(client: httpx.Client) -> None:
    row = {"gender": "male", "lunch/meal": "packed", "reading score": 3}

    response = client.post("/predict?include=contributions,warnings", json=row)

    assert response.json() == {
        "prediction": 1.0,
        "contributions": {"gender": 2.0, "lunch/meal": 0.0, "reading score": -67.0},
        "baseline": 66.0,
        "warnings": [
            {
                "feature": "lunch/meal",
                "detail": "unknown category; the model ignores it",
            },
            {
                "feature": "reading score",
                "detail": "outside of the training range, 17 to 100 points",
            },
        ],
    }


def test_includes_of_a_list_are_lists(client: httpx.Client) -> None:
    rows = [make_row(), {"gender": "male"}]

    response = client.post("/predict?include=warnings", json=rows)

    assert response.json() == {
        "predictions": [80.0, 68.5],
        "warnings": [
            [],
            [
                {"feature": "lunch/meal", "detail": "missing"},
                {
                    "feature": "reading score",
                    "detail": "missing; the model takes 70 points",
                },
            ],
        ],
    }


def test_an_interval_stands_beside_its_prediction(others: httpx.Client) -> None:
    rows = [make_row(), {"gender": "male"}]
    columns = {"gender": ["male"]}
    low, high = (
        {"low": 74.5, "high": 85.5, "coverage": 0.9},
        {"low": 63.0, "high": 74.0, "coverage": 0.9},
    )

    answers = [
        others.post("/interval/predict?include=interval", json=document).json()
        for document in (rows[0], rows, {"columns": columns}, [])
    ]

    assert answers == [
        {"prediction": 80.0, "interval": low},
        {"predictions": [80.0, 68.5], "intervals": [low, high]},
        {"predictions": [68.5], "intervals": [high]},
        {"predictions": [], "intervals": []},
    ]


@pytest.mark.parametrize("headers", WAYS)
@pytest.mark.parametrize("name", LABELS)
def test_a_classifier_answers_with_its_labels_on_both_ways(
    others: httpx.Client, name: str, headers: dict[str, str]
) -> None:
    no, yes = LABELS[name]
    rows = [{"reading score": 20}, {"reading score": 80}]
    path = f"/{name}/predict"

    one = others.post(path, json=rows[1], headers=headers)
    both = others.post(path, json=rows, headers=headers)

    assert (one.status_code, one.json()) == (200, {"prediction": yes})
    assert (both.status_code, both.json()) == (200, {"predictions": [no, yes]})
    assert [type(label) for label in both.json()["predictions"]] == [type(no)] * 2


@pytest.mark.parametrize(
    ("name", "no", "yes"),
    [
        ("text", "fail", "pass / good"),
        ("boolean", "false", "true"),
        ("float", "0.5", "3"),
    ],
)
def test_probabilities_stand_beside_the_label(
    others: httpx.Client, name: str, no: str, yes: str
) -> None:
    path = f"/{name}/predict?include=probabilities"
    rows = [{"reading score": 20}, {"reading score": 80}]

    assert others.post(path, json=rows[0]).json() == {
        "prediction": LABELS[name][0],
        "probabilities": {no: 1.0, yes: 0.0},
    }
    assert others.post(path, json=rows).json() == {
        "predictions": list(LABELS[name]),
        "probabilities": [{no: 1.0, yes: 0.0}, {no: 0.0, yes: 1.0}],
    }


@pytest.mark.parametrize("headers", WAYS)
def test_two_targets_are_an_object(
    others: httpx.Client, headers: dict[str, str]
) -> None:
    first, second = (
        {"maths": 10.0, "one / score": 0.1},
        {"maths": 64.0, "one / score": 0.015625},
    )
    rows = [{"reading score": 10}, {"reading score": 64}]
    path = "/targets/predict"

    one = others.post(path, json=rows[0], headers=headers)
    both = others.post(path, json=rows, headers=headers)

    assert one.json() == {"prediction": first}
    assert both.json() == {"predictions": [first, second]}


@pytest.mark.parametrize("query", ["", "?include=warnings"])
@pytest.mark.parametrize("headers", WAYS)
def test_a_row_with_one_infinite_target_has_no_prediction(
    others: httpx.Client, headers: dict[str, str], query: str
) -> None:
    rows = [{"reading score": 10}, {"reading score": 0}, {"reading score": 0}]

    response = others.post(f"/targets/predict{query}", json=rows, headers=headers)

    assert (response.status_code, response.json()) == (
        422,
        {
            "type": "/problems/no-prediction",
            "title": "The model has no finite prediction",
            "status": 422,
            "detail": "Without a finite prediction: 2 of 3 rows.",
            "errors": [
                {"pointer": "#/1", "detail": "Row 2 has no finite prediction."},
                {"pointer": "#/2", "detail": "Row 3 has no finite prediction."},
            ],
        },
    )


@pytest.mark.parametrize(
    ("name", "offered"),
    [
        ("interval", "contributions, interval, warnings"),
        ("targets", "warnings"),
        ("text", "probabilities, warnings"),
    ],
)
def test_a_model_offers_what_it_can_add(
    others: httpx.Client, name: str, offered: str
) -> None:
    response = others.post(f"/{name}/predict?include=reasons", json=make_row())

    assert (response.status_code, response.json()["detail"]) == (
        400,
        f"'reasons' is not one of: {offered}.",
    )


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("include=interval", "'interval' is not one of: contributions, warnings."),
        (
            "includes=warnings",
            "The query has 'includes'; its parameters are include and on_error.",
        ),
    ],
)
def test_an_unknown_include_is_refused(
    client: httpx.Client, query: str, detail: str
) -> None:
    response = client.post(f"/predict?{query}", json=make_row())

    assert response.status_code == 400
    assert response.json()["detail"] == detail


@pytest.mark.parametrize("query", ["include=", "include", "include=,"])
def test_an_empty_include_adds_nothing(client: httpx.Client, query: str) -> None:
    response = client.post(f"/predict?{query}", json=make_row())

    assert response.json() == {"prediction": 80.0}


@pytest.mark.parametrize("n_rows", [1, 100])
def test_a_compressed_body_is_unpacked(client: httpx.Client, n_rows: int) -> None:
    content = gzip.compress(json.dumps([make_row()] * n_rows).encode())

    for _ in range(2):
        response = client.post(
            "/predict", content=content, headers={"content-encoding": "gzip"}
        )

        assert response.json() == {"predictions": [80.0] * n_rows}


def test_a_bomb_is_refused_and_costs_no_more_than_its_limit(
    client: httpx.Client,
) -> None:
    response = client.post(
        "/predict",
        content=gzip.compress(bytes(50_000_000)),
        headers={"content-encoding": "gzip"},
    )

    assert (response.status_code, response.json()["detail"]) == (
        413,
        "The body has more than 100000 bytes unpacked; that is the limit.",
    )


def test_a_compressed_form_is_answered_by_the_page(client: httpx.Client) -> None:
    headers = {"content-type": FORM, "content-encoding": "deflate"}

    page = client.post("/", content=zlib.compress(b"gender=male"), headers=headers)

    assert "<strong>68.5</strong> points" in page.text


def test_a_posted_form_is_answered_by_the_page(client: httpx.Client) -> None:
    form = {"gender": "male", "lunch/meal": "", "reading score": "3"}

    page = client.post("/", data=form).text

    assert "<strong>1.5</strong> points" in page
    assert "<li>lunch/meal: missing</li>" in page
    assert "<li>reading score: outside of the training range" in page
    assert "<th scope=row>reading score</th><td>-67.0</td>" in page


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("headers", "detail"),
    [
        (
            {"content-type": "application/json"},
            "The content type is application/json; this page reads its own form. Send "
            "JSON to /predict.",
        ),
        (
            {"content-type": "multipart/form-data; boundary=a"},
            "The content type is multipart/form-data; this page reads its own form. "
            "Send JSON to /predict.",
        ),
        (
            {},
            "The content type is missing; this page reads its own form. Send JSON to "
            "/predict.",
        ),
        (
            {"content-type": FORM, "content-encoding": "br"},
            "The body is compressed (br); send it plain, or with gzip or deflate.",
        ),
    ],
)
def test_the_page_answers_nothing_but_its_form(
    client: httpx.Client, headers: dict[str, str], detail: str
) -> None:
    response = client.post("/", content=b'{"gender":"male"}', headers=headers)

    assert (response.status_code, response.json()) == (
        415,
        {
            "type": "/problems/unsupported-media-type",
            "title": "The body is of another kind",
            "status": 415,
            "detail": detail,
        },
    )


@pytest.mark.parametrize("path", ["/predict/", "/models/", "/models/student/predict/"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_slash_too_many_leads_nowhere(
    client: httpx.Client, method: str, path: str
) -> None:
    headers = {"host": "elsewhere.example"}

    response = client.request(method, path, headers=headers)

    assert (response.status_code, response.json()["title"]) == (404, "Not Found")
    assert "location" not in response.headers


def test_bad_values_are_a_problem_document(client: httpx.Client) -> None:
    response = client.post("/predict", json=make_row(gender="x"))

    assert response.headers["content-type"] == PROBLEM
    assert (response.status_code, response.json()) == (
        422,
        {
            "type": "/problems/invalid-batch",
            "title": "Rows do not match the model's signature",
            "status": 422,
            "detail": "1 value is invalid.",
            "errors": [
                {
                    "pointer": "#/gender",
                    "detail": "'x' is not one of: 'female', 'male'.",
                }
            ],
        },
    )


def test_what_is_not_json_is_a_400(client: httpx.Client) -> None:
    response = client.post("/predict", content=b"{")

    assert (response.status_code, response.json()["type"]) == (
        400,
        "/problems/malformed-body",
    )


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("application/vnd.api+json", 200),
        ("application/x-www-form-urlencoded", 415),
        ("text/html", 415),
    ],
)
def test_the_content_type_says_json(
    client: httpx.Client, content_type: str, status: int
) -> None:
    body = msgspec.json.encode(make_row())

    response = client.post(
        "/predict", content=body, headers={"content-type": content_type}
    )

    assert response.status_code == status


def test_a_body_without_content_type_is_json(client: httpx.Client) -> None:
    response = client.post("/predict", content=msgspec.json.encode(make_row()))

    assert response.json() == {"prediction": 80.0}


def test_a_body_over_the_limit_is_a_413(client: httpx.Client) -> None:
    response = client.post("/predict", content=b" " * 100_001)

    assert (response.status_code, response.json()["detail"]) == (
        413,
        "The body has more than 100000 bytes; that is the limit.",
    )


def test_more_rows_than_the_limit_are_a_413(client: httpx.Client) -> None:
    response = client.post("/predict", json=[make_row()] * 101)

    assert (response.status_code, response.json()["detail"]) == (
        413,
        "The body has 101 rows; at most 100 are accepted.",
    )


def test_models_are_listed_with_the_default(client: httpx.Client) -> None:
    assert client.get("/models").json() == {
        "default": "student",
        "models": [
            {
                "name": name,
                "title": "Maths score",
                "version": "0123456789ab",
                "url": f"/models/{name}",
            }
            for name in ("student", "other")
        ],
    }


def test_a_model_shows_its_signature(client: httpx.Client) -> None:
    shown = signatures.read(client.get("/models/other").text)

    assert msgspec.structs.replace(shown, sha256="") == OTHER
    assert re.fullmatch("[0-9a-f]{64}", shown.sha256)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_model_is_a_404_that_names_the_others(
    client: httpx.Client, method: str
) -> None:
    path = "/models/nobody" + "/predict" * (method == "POST")

    response = client.request(method, path)

    assert (response.status_code, response.json()["detail"]) == (
        404,
        "There is no model 'nobody'; the models are: student, other.",
    )


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_a_listening_server_is_alive_and_ready(client: httpx.Client, path: str) -> None:
    response = client.get(path)

    assert (response.status_code, response.text) == (200, "ok\n")


@pytest.mark.parametrize(
    ("method", "path", "status", "title", "detail"),
    [
        (
            "GET",
            "/nowhere",
            404,
            "Not Found",
            "There is nothing at /nowhere; predictions are at /predict and "
            "/models/{name}/predict, and GET /models lists the models.",
        ),
        (
            "POST",
            "/predicts",
            404,
            "Not Found",
            "There is nothing at /predicts; there is /predict.",
        ),
        (
            "DELETE",
            "/predict",
            405,
            "Method Not Allowed",
            "DELETE is not answered at /predict; send GET, HEAD, OPTIONS, POST or PUT.",
        ),
        (
            "DELETE",
            "/models/student",
            405,
            "Method Not Allowed",
            "DELETE is not answered at /models/student; send GET, HEAD or OPTIONS.",
        ),
        (
            "GET",
            "/problems/none",
            404,
            "Not Found",
            f"There is no such problem; there are: {', '.join(PROBLEMS)}.",
        ),
    ],
)
def test_what_is_not_there_is_a_problem_too(
    client: httpx.Client, method: str, path: str, status: int, title: str, detail: str
) -> None:
    response = client.request(method, path)

    assert response.headers["content-type"] == PROBLEM
    assert (response.status_code, response.json()) == (
        status,
        {"type": "about:blank", "title": title, "status": status, "detail": detail},
    )


def test_every_problem_type_is_explained(client: httpx.Client) -> None:
    for slug, problem in PROBLEMS.items():
        text = client.get(f"/problems/{slug}").text

        assert text.startswith(f"{problem.title} ({problem.status:d})\n\n")


def test_the_root_is_html_only_for_who_accepts_it(client: httpx.Client) -> None:
    page = client.get("/", headers={"accept": "text/html"})

    assert client.get("/").json() == {"status": "alive"}
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "script-src" not in page.headers["content-security-policy"]


@pytest.mark.parametrize("body", [b"[" * 3000, b'{"gender":' * 3000])
def test_a_deep_document_is_malformed(client: httpx.Client, body: bytes) -> None:
    response = client.post("/predict", content=body)

    assert (response.status_code, response.json()["type"]) == (
        400,
        "/problems/malformed-body",
    )


def test_a_client_that_goes_away_leaves_the_server_well(client: httpx.Client) -> None:
    address = (client.base_url.host, client.base_url.port or 80)
    for sent in (
        b"",
        b"POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{",
    ):
        with socket.create_connection(address) as connection:
            connection.sendall(sent)

    assert client.post("/predict", json=make_row()).json() == {"prediction": 80.0}


@pytest.fixture(scope="module")
def undecided(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Two models, of which none is the default one."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "a.onnx").write_bytes(make_model())
    (folder / "b.onnx").write_bytes(make_model(make_signature(name="other")))
    files = (folder / "a.onnx", folder / "b.onnx")
    with running_server(*files) as served, httpx.Client(base_url=served.url) as client:
        yield client


@pytest.mark.parametrize("path", ["/predict", "/predict?include=warnings", "/"])
def test_several_models_without_a_default_are_listed(
    undecided: httpx.Client, path: str
) -> None:
    form = {"content-type": FORM} if path == "/" else {}

    response = undecided.post(path, content=b"{}", headers=form)

    assert (response.status_code, response.json()) == (
        404,
        {
            "type": "/problems/no-default-model",
            "title": "Several models, and none by default",
            "status": 404,
            "detail": "Several models are served, and none by default: student, other. "
            "Send the request to /models/{name}/predict.",
        },
    )


def test_several_models_without_a_default_answer_by_name(
    undecided: httpx.Client,
) -> None:
    response = undecided.post("/models/other/predict", json=make_row())

    assert response.json() == {"prediction": 80.0}
    assert undecided.get("/models").json()["default"] is None


def test_without_a_default_the_page_lets_a_person_choose(
    undecided: httpx.Client,
) -> None:
    html = {"accept": "text/html"}

    choice = undecided.get("/", headers=html)
    chosen = undecided.get("/?model=other", headers=html)
    answered = undecided.post("/?model=other", data={"gender": "male"})

    assert re.findall('href="([^"]+)"', choice.text) == [
        "?model=student",
        "?model=other",
        "docs",
    ]
    assert "script-src" not in choice.headers["content-security-policy"]
    assert 'action="?model=other"' in chosen.text
    assert "<strong>68.5</strong> points" in answered.text


def test_a_class_without_a_finite_probability_is_a_problem(
    others: httpx.Client,
) -> None:
    rows = [{"reading score": score} for score in (0, 80, 0, 20)]

    response = others.post("/text/predict", json=rows)

    assert response.status_code == 422
    assert response.json()["errors"] == [
        {"pointer": "#/0", "detail": "Row 1 has no finite prediction."},
        {"pointer": "#/2", "detail": "Row 3 has no finite prediction."},
    ]


def test_a_prediction_that_is_not_finite_is_a_problem(tmp_path: Path) -> None:
    gender, *others = make_signature().features
    lenient = msgspec.structs.replace(gender, unknown="ignore")
    path = tmp_path / "student.onnx"
    path.write_bytes(make_model(make_signature(features=(lenient, *others))))
    with running_server(path) as served:
        rows = [make_row(), make_row(gender="unknown to the graph")]
        response = httpx.post(f"{served.url}/predict", json=rows)

    assert (response.status_code, response.json()) == (
        422,
        {
            "type": "/problems/no-prediction",
            "title": "The model has no finite prediction",
            "status": 422,
            "detail": "Without a finite prediction: 1 of 2 rows.",
            "errors": [{"pointer": "#/1", "detail": "Row 2 has no finite prediction."}],
        },
    )


def ask_app(app: App, path: str) -> list[Message]:
    """Return what the application sends for a row posted to a path."""
    sent: list[Message] = []
    body = msgspec.json.encode(make_row())

    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "headers": [],
        "query_string": b"",
    }
    asyncio.run(app(scope, receive, send))
    return sent


def test_a_prediction_never_waits_for_starlette() -> None:
    with Session(make_model()) as session:
        app = App([Model(session, make_signature())], default_settings())
        sent = ask_app(app, "/predict")

    assert sent == [
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", b"19"),
                (b"model-name", b"student"),
                (b"model-version", b"0123456789ab"),
            ],
        },
        {"type": "http.response.body", "body": b'{"prediction":80.0}'},
    ]
    assert "_ordinary_routes" not in vars(app)


def test_a_fault_of_the_program_is_a_500_without_detail_and_is_raised_again() -> None:
    with Session(make_model()) as session:
        app = App([Model(session, make_signature())], default_settings())
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            raise ZeroDivisionError

        scope = {"type": "http", "method": "POST", "path": "/predict", "headers": []}
        with pytest.raises(ZeroDivisionError):
            asyncio.run(app(scope, receive, send))

    assert [message.get("status") for message in sent] == [500, None]
    assert sent[1]["body"] == (
        b'{"type":"about:blank","title":"Internal Server Error","status":500}'
    )


def test_a_form_whose_sender_goes_away_is_no_fault() -> None:
    with Session(make_model()) as session:
        app = App([Model(session, make_signature())], default_settings())
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            return {"type": "http.disconnect"}

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/",
            "headers": [(b"content-type", b"application/x-www-form-urlencoded")],
            "query_string": b"",
        }
        asyncio.run(app(scope, receive, send))

    assert [message.get("status") for message in sent] == [400, None]


def test_a_fault_of_another_route_is_the_same_500(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with Session(make_model()) as session:
        app = App([Model(session, make_signature())], default_settings())
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            return {"type": "http.request", "body": b""}

        scope = {
            "type": "http",
            "method": "GET",
            "path": "/models/student",
            "headers": [],
            "query_string": b"",
        }
        monkeypatch.setattr(Documents, "model", fail)
        with pytest.raises(ZeroDivisionError):
            asyncio.run(app(scope, receive, send))

    assert [message.get("status") for message in sent] == [500, None]
    assert sent[1]["body"] == FAULT_BODY


def test_another_server_starts_and_stops_it_as_it_does_any_application(
    client: httpx.Client, tmp_path: Path
) -> None:
    (tmp_path / "a.onnx").write_bytes(make_model())
    app = App(load_models([tmp_path / "a.onnx"]), default_settings())
    config = uvicorn.Config(app, port=0, lifespan="on", ws="none", log_level="error")
    server = uvicorn.Server(config)
    with ThreadPoolExecutor() as pool:  # Ray's replicas run it in a thread, too
        ended = pool.submit(server.run)
        while not server.started and not ended.done():
            time.sleep(0.01)
        (port,) = (it.sockets[0].getsockname()[1] for it in server.servers)
        answer = httpx.post(f"http://127.0.0.1:{port}/predict", json=make_row())
        page = httpx.get(f"http://127.0.0.1:{port}/models")
        server.should_exit = True
        ended.result(timeout=30)

    assert answer.json() == client.post("/predict", json=make_row()).json()
    assert page.status_code == 200


VERSION = "/models/student/versions/0123456789ab"


@pytest.mark.parametrize("way", WAYS)
def test_a_version_is_answered_as_its_model(
    client: httpx.Client, way: dict[str, str]
) -> None:
    row = make_row()
    by_name = client.post("/models/student/predict", json=row, headers=way)
    by_version = client.post(f"{VERSION}/predict", json=row, headers=way)
    query = client.get(f"{VERSION}/predict", params=row)
    document = client.get(VERSION)

    assert (by_version.json(), by_version.headers["model-name"]) == (
        by_name.json(),
        "student",
    )
    assert query.json() == by_name.json()
    assert document.content == client.get("/models/student").content


@pytest.mark.parametrize(
    ("method", "end"), [("POST", "/predict"), ("GET", "/predict"), ("GET", "")]
)
def test_another_version_is_refused_with_the_one_that_is_served(
    client: httpx.Client, method: str, end: str
) -> None:
    path = f"/models/student/versions/ba9876543210{end}"

    response = client.request(method, path, content=b"{}" if method == "POST" else b"")

    assert (response.status_code, response.json()) == (
        404,
        {
            "type": "/problems/unknown-model",
            "title": "No such model",
            "status": 404,
            "detail": "Of the model 'student' version 0123456789ab is served, and not "
            "'ba9876543210'.",
        },
    )


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/", "GET, HEAD, OPTIONS, POST"),
        ("/predict?gender=male", "GET, HEAD, OPTIONS, POST, PUT"),
        ("/predict", "GET, HEAD, OPTIONS, POST, PUT"),
        ("/models", "GET, HEAD, OPTIONS"),
        (VERSION, "GET, HEAD, OPTIONS"),
        ("/models/none", "GET, HEAD, OPTIONS"),
        ("/problems/invalid-batch", "GET, HEAD, OPTIONS"),
        ("/readyz", "GET, HEAD, OPTIONS"),
        ("/v2", "GET, HEAD, OPTIONS"),
        ("/v2/models/student", "GET, HEAD, OPTIONS"),
        ("/ping", "GET, HEAD, OPTIONS"),
    ],
)
def test_a_head_is_that_of_the_answer_and_options_are_all_methods(
    client: httpx.Client, path: str, methods: str
) -> None:
    got = client.get(path)
    head = client.head(path)
    options = client.options(path)

    heads = [dict(each.headers) | {"date": ""} for each in (got, head)]
    assert (head.status_code, heads[1], head.content) == (
        got.status_code,
        heads[0],
        b"",
    )
    assert int(head.headers["content-length"]) == len(got.content) > 0
    assert (options.status_code, options.content) == (204, b"")
    assert options.headers["allow"] == methods
