"""What other protocols ask of the server beside predictions, and which routes there are."""

from collections.abc import Iterator

import httpx
import pytest

from tests.models import make_model, make_row, make_signature
from tests.servers import asking

MODEL = "/v2/models/student"
VERSION = f"{MODEL}/versions/0123456789ab"
NOT_FOUND = {"error": "There is no model 'x'; the models are: student."}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    path = tmp_path_factory.mktemp("models") / "a.onnx"
    path.write_bytes(make_model(make_signature()))
    variables = {"AIP_PREDICT_ROUTE": "/v1/endpoints/7:predict"}
    with asking(path, "--health-route", "deep/health", **variables) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True}),
        (f"{MODEL}/ready", {"name": "student", "ready": True}),
        (f"{VERSION}/ready", {"name": "student", "ready": True}),
        ("/v1/models", {"models": ["student"]}),
        ("/v1/models/student", {"name": "student", "ready": True}),
        (
            "/execution-parameters",
            {
                "MaxConcurrentTransforms": 1,
                "BatchStrategy": "MULTI_RECORD",
                "MaxPayloadInMB": 4,
            },
        ),
    ],
)
def test_a_document_is_what_the_protocol_says(
    client: httpx.Client, path: str, document: object
) -> None:
    answer = client.get(path)

    assert (answer.status_code, answer.json()) == (200, document)


@pytest.mark.parametrize("path", ["/v2", "/v2/"])
def test_the_server_says_which_extensions_it_has(
    client: httpx.Client, path: str
) -> None:
    answer = client.get(path, follow_redirects=False)

    assert answer.json() == {
        "name": "pinion",
        "version": "2",
        "extensions": ["binary_tensor_data", "model_configuration", "statistics"],
    }


def test_the_repository_lists_names_and_versions(client: httpx.Client) -> None:
    answer = client.post("/v2/repository/index", json={})

    assert answer.json() == [
        {"name": "student", "version": "0123456789ab", "state": "READY"}
    ]


@pytest.mark.parametrize("path", ["/ping", "/health", "/deep/health"])
def test_a_probe_is_answered_with_nothing_but_its_status(
    client: httpx.Client, path: str
) -> None:
    answer = client.get(path)

    assert (answer.status_code, answer.text) == (200, "\n")


def test_mlflow_is_told_a_version_that_it_understands(client: httpx.Client) -> None:
    assert client.get("/version").text == "2.0"


@pytest.mark.parametrize(
    ("method", "path", "status", "document"),
    [
        ("GET", "/v2/models/x", 404, NOT_FOUND),
        ("GET", "/v2/models/x/ready", 404, NOT_FOUND),
        ("POST", "/v2/models/x/infer", 404, NOT_FOUND),
        ("POST", "/v1/models/x:predict", 404, NOT_FOUND),
        (
            "GET",
            f"{MODEL}/versions/7",
            404,
            {
                "error": "Of the model 'student' version 0123456789ab is served, and not "
                "'7'."
            },
        ),
        (
            "GET",
            "/v2/health/alive",
            404,
            {
                "error": "There is nothing at /v2/health/alive; there is /v2/health/live."
            },
        ),
        (
            "GET",
            f"{MODEL}/infer",
            405,
            {"error": f"GET is not answered at {MODEL}/infer; send OPTIONS or POST."},
        ),
    ],
)
def test_an_error_has_the_shape_of_the_protocol(
    client: httpx.Client, method: str, path: str, status: int, document: object
) -> None:
    answer = client.request(method, path)

    assert (answer.status_code, answer.json()) == (status, document)


def test_vertex_ai_asks_at_the_path_that_it_says(client: httpx.Client) -> None:
    instances = {"instances": [make_row()]}
    answer = client.post("/v1/endpoints/7:predict", json=instances)

    prediction = client.post("/predict", json=make_row()).json()["prediction"]
    assert answer.json() == {"predictions": [prediction]}
    assert answer.headers["model-version"] == "0123456789ab"
