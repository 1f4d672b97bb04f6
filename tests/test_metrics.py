"""What /metrics tells of what was really asked, over every contract."""

import gzip
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from server.metrics.counters import MAX_QUICK, SECONDS
from server.metrics.exposition import MEDIA_TYPE
from server.metrics.seen import MAX_KEPT
from tests import exposition
from tests.models import (
    make_classifier,
    make_model,
    make_row,
    make_signature,
    make_two_targets,
)
from tests.servers import asking, running_server

NAMES = ("gender", "lunch/meal", "reading score")
ROWS: list[tuple[Any, ...]] = [
    ("male", "picnic", 5),  # unknown, and outside
    ("female", None, None),
    ("female", "standard", 80),
    ("male", "standard", None),
]
OBJECTS = [
    {name: value for name, value in zip(NAMES, row, strict=True) if value is not None}
    for row in ROWS
]
COLUMNS = dict(zip(NAMES, map(list, zip(*ROWS, strict=True)), strict=True))
INFER = {
    "inputs": [
        {
            "name": name,
            "shape": [len(ROWS)],
            "datatype": "FP64" if name == "reading score" else "BYTES",
            "data": COLUMNS[name],
        }
        for name in NAMES
    ]
}
CSV = "gender,lunch/meal,reading score\nmale,picnic,5\nfemale,,\n"
CSV += "female,standard,80\nmale,standard,\n"
JSON = {"content-type": "application/json"}

ASKED: list[tuple[str, str, dict[str, Any]]] = [
    ("/predict", "/predict", {"json": OBJECTS}),
    ("/predict", "/predict?include=warnings", {"json": OBJECTS}),
    ("/predict", "/predict", {"json": {"columns": COLUMNS}}),
    ("/models/{name}/predict", "/models/student/predict", {"json": OBJECTS}),
    (
        "/predict",
        "/predict",
        {
            "content": gzip.compress(json.dumps(OBJECTS).encode()),
            "headers": {**JSON, "content-encoding": "gzip"},
        },
    ),
    ("/predict", "/predict", {"json": OBJECTS * 250}),
    (
        "/v1/models/{name}:predict",
        "/v1/models/student:predict",
        {"json": {"instances": OBJECTS}},
    ),
    ("/v2/models/{name}/infer", "/v2/models/student/infer", {"json": INFER}),
    (
        "/v2/models/{name}/versions/{version}/infer",
        "/v2/models/student/versions/0123456789ab/infer",
        {"json": INFER},
    ),
    ("/invocations", "/invocations", {"json": {"dataframe_records": OBJECTS}}),
    (
        "/invocations",
        "/invocations",
        {"content": CSV, "headers": {"content-type": "text/csv"}},
    ),
    ("/score", "/score", {"json": {"dataframe_records": OBJECTS}}),
    (
        "/models/{name}/snowflake",
        "/models/student/snowflake",
        {"json": {"data": [[n, *row] for n, row in enumerate(ROWS)]}},
    ),
    ("/bigquery", "/bigquery", {"json": {"calls": [[*row] for row in ROWS]}}),
]
N_TIMES = len(ASKED) + 249
"""How often the rows are asked about: one request has them 250 times."""

OF_MODEL = {"model": "student", "version": "0123456789ab"}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "a.onnx"
    path.write_bytes(make_model(make_signature()))
    return path


@pytest.fixture
def client(path: Path) -> Iterator[httpx.Client]:
    with asking(path) as client:
        yield client


def metrics_of(client: httpx.Client) -> exposition.Exposition:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == MEDIA_TYPE
    if exposition.has_promtool():
        exposition.promtool("check", "metrics", given=answer.text)
    return exposition.read(answer.text)


def test_every_contract_is_counted_once(client: httpx.Client) -> None:
    for _, url, body in ASKED:
        answer = client.post(url, **body)
        assert answer.status_code == 200, answer.text
    for row in OBJECTS[:2]:
        client.get("/predict", params=row).raise_for_status()
    client.post("/", data={"gender": "male", "reading score": "5"}).raise_for_status()

    found = metrics_of(client)

    for route in {route for route, *_ in ASKED} - {"/predict"}:
        n = sum(route == it for it, *_ in ASKED)
        assert found.of("pinion_requests_total", path=route, status="200") == n
    n_predict = sum(route == "/predict" for route, *_ in ASKED) + 2
    of_predict = {"path": "/predict", "model": "student"}
    assert found.of("pinion_requests_total", **of_predict) == n_predict
    assert found.of("pinion_request_duration_seconds_count", **of_predict) == n_predict
    assert found.of("pinion_requests_total", path="/", model="", status="200") == 1
    n_rows = 4 * N_TIMES + 3
    assert found.of("pinion_rows_total", **OF_MODEL) == n_rows
    assert found.of("pinion_drift_rows_total", **OF_MODEL) == n_rows
    assert found.of("pinion_batch_rows_sum", **OF_MODEL) == n_rows
    assert found.of("pinion_batch_rows_count", **OF_MODEL) == len(ASKED) + 3
    missing = {
        name: found.of("pinion_feature_missing_total", feature=name) for name in NAMES
    }
    assert missing == {
        "gender": 0,
        "lunch/meal": N_TIMES + 2,
        "reading score": 2 * N_TIMES + 1,
    }
    assert found.of("pinion_feature_unknown_total", feature="lunch/meal") == N_TIMES + 1
    assert found.of("pinion_feature_unknown_total", feature="gender") == 0
    outside = found.of("pinion_feature_outside_total", feature="reading score")
    assert outside == N_TIMES + 2
    assert found.of("pinion_requests_in_flight") == 1
    assert found.of("pinion_run_seconds_total", **OF_MODEL) > 0


def test_many_short_requests_are_each_counted(client: httpx.Client) -> None:
    """More than are kept until they are counted, and some."""
    n = 2 * max(MAX_QUICK, MAX_KEPT) + 3
    for _ in range(n):
        client.post("/predict", json=make_row()).raise_for_status()

    found = metrics_of(client)

    of_predict = {"path": "/predict", "model": "student"}
    assert found.of("pinion_requests_total", **of_predict, status="200") == n
    assert found.of("pinion_request_duration_seconds_count", **of_predict) == n
    assert found.of("pinion_rows_total", **OF_MODEL) == n
    assert found.of("pinion_drift_rows_total", **OF_MODEL) == n


def test_what_is_refused_is_counted_by_its_reason(client: httpx.Client) -> None:
    client.post("/predict", json={})
    client.post("/predict", content="{")
    client.post("/predict?include=more", json=make_row())
    client.post("/models/nobody/predict", json=make_row())
    client.post("/v1/models/student:predict", json={"instances": [{}]})
    client.get("/v2/models/nobody/ready")
    client.get("/nowhere")
    client.get("/nowhere/else")
    client.delete("/models")
    ask_badly(client)

    found = metrics_of(client)

    reasons = {
        dict(sample.labels)["reason"]: value
        for sample, value in found.values.items()
        if sample.name == "pinion_rejected_total"
    }
    assert reasons == {
        "invalid-batch": 2,
        "malformed-body": 1,
        "invalid-query": 1,
        "unknown-model": 2,
        "malformed-request": 1,
    }
    requests = {
        (labels["path"], labels["model"], labels["status"]): value
        for sample, value in found.values.items()
        if sample.name == "pinion_requests_total" and (labels := dict(sample.labels))
    }
    assert requests == {
        ("/predict", "student", "422"): 1,
        ("/predict", "student", "400"): 2,
        ("/models/{name}/predict", "", "404"): 1,
        ("/v1/models/{name}:predict", "student", "400"): 1,
        ("/v2/models/{name}/ready", "", "404"): 1,
        ("other", "", "404"): 2,
        ("/models", "", "405"): 1,
    }
    assert found.of("pinion_rows_total") == 0


def ask_badly(client: httpx.Client) -> None:
    """Send what is no HTTP, and wait for the refusal."""
    host = urlsplit(str(client.base_url))
    with socket.create_connection((host.hostname, host.port)) as connection:
        connection.sendall(b"NONSENSE\r\n\r\n")
        assert b" 400 " in connection.recv(4096)


def test_a_model_without_distributions_has_no_index(client: httpx.Client) -> None:
    client.post("/predict", json=OBJECTS)

    found = metrics_of(client)

    assert found.kinds["pinion_feature_psi"] == "gauge"
    assert "pinion_feature_psi" not in {sample.name for sample in found.values}
    assert found.of("pinion_drift_window_rows") == 4


def test_labels_of_any_text_are_escaped(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(make_model(make_signature(estimator='a "b"\\\nc')))
    with asking(path) as client:
        found = metrics_of(client)

    assert found.of("pinion_model_info", estimator='a "b"\\\nc', **OF_MODEL) == 1


def test_labels_and_several_targets_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(make_classifier(("no", "yes"), name="a"))
    (tmp_path / "b.onnx").write_bytes(make_two_targets("b"))
    with asking(tmp_path / "a.onnx", tmp_path / "b.onnx") as client:
        for name in "aab":
            row = {"reading score": 80.0}
            client.post(f"/models/{name}/predict", json=row).raise_for_status()
        found = metrics_of(client)

    assert found.of("pinion_rows_total", model="a") == 2
    assert found.of("pinion_rows_total", model="b") == 1
    assert found.of("pinion_requests_total", model="a", status="200") == 2


def test_the_process_tells_what_it_takes(client: httpx.Client) -> None:
    found = metrics_of(client)

    assert found.of("process_cpu_seconds_total") > 0.05
    assert 2**24 < found.of("process_resident_memory_bytes") < 2**28
    assert found.of("process_start_time_seconds") > 1.7e9
    assert found.of("process_open_fds") > 3
    assert found.of("pinion_connections") == 1
    assert found.of("pinion_ready") == 1
    assert found.of("pinion_refused_files") == 0


def test_counts_stay_when_another_model_comes(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(make_model(make_signature()))
    with asking("--models-folder", tmp_path, "--reload-seconds", "1") as client:
        client.post("/predict", json=OBJECTS).raise_for_status()
        (tmp_path / "b.onnx").write_bytes(make_two_targets("b"))
        while len(client.get("/models").json()["models"]) < 2:
            pass
        found = metrics_of(client)
        (tmp_path / "a.onnx").write_bytes(make_model(make_signature(), baseline=1.0))
        (tmp_path / "b.onnx").unlink()
        while len(client.get("/models").json()["models"]) > 1:
            pass
        later = metrics_of(client)

    assert found.of("pinion_rows_total", model="student") == 4
    assert found.of("pinion_rows_total", model="b") == 0
    assert {
        dict(it.labels)["model"]
        for it in later.values
        if it.name == "pinion_rows_total"
    } == {"student"}


def test_whoever_has_a_key_may_read_them(path: Path) -> None:
    digest = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
    with asking(path, "--keys", digest) as client:
        refused = client.get("/metrics")
        client.headers["authorization"] = "Bearer secret"
        found = metrics_of(client)

    assert refused.status_code == 401
    assert found.of("pinion_rejected_total", reason="unauthorized") == 1


def test_nothing_is_counted_where_that_is_not_wanted(path: Path) -> None:
    with asking(path, "--metrics", "0") as client:
        assert client.post("/predict", json=OBJECTS).status_code == 200
        assert client.post("/predict?include=warnings", json=OBJECTS).status_code == 200
        paths = ("/metrics", "/v2/models/student/stats", "/v2/models/stats")
        assert [client.get(path).status_code for path in paths] == [404] * 3
        assert client.get("/v2/models/student").status_code == 200


def test_statistics_have_tritons_shape(client: httpx.Client) -> None:
    for _ in range(3):
        client.post("/v2/models/student/infer", json=INFER).raise_for_status()
    client.post("/v2/models/student/infer", json={"inputs": []})

    answers = [
        client.get(f"/v2/models{end}/stats")
        for end in ("", "/student", "/student/versions/0123456789ab")
    ]

    (found,) = answers[1].json()["model_stats"]
    about = {**found, "inference_stats": None}
    assert about.pop("last_inference") > 1.7e12
    assert about == {
        "name": "student",
        "version": "0123456789ab",
        "inference_count": 12,
        "execution_count": 3,
        "inference_stats": None,
        "batch_stats": [],
    }
    durations = found["inference_stats"]
    assert {name: it["count"] for name, it in durations.items()} == {
        "success": 3,
        "fail": 1,
        "queue": 3,
        "compute_input": 3,
        "compute_infer": 3,
        "compute_output": 3,
        "cache_hit": 0,
        "cache_miss": 0,
    }
    success, queue, infer = (
        durations[name]["ns"] for name in ("success", "queue", "compute_infer")
    )
    assert success == pytest.approx(queue + infer, abs=2)
    assert 0 < infer < success
    assert [it.json()["model_stats"][0]["inference_count"] for it in answers] == [
        12
    ] * 3


@pytest.mark.parametrize(
    ("end", "detail"),
    [
        ("/nobody", "'nobody'"),
        ("/student/versions/7", "'student' of version '7'"),
    ],
)
def test_statistics_of_no_model_are_refused(
    client: httpx.Client, end: str, detail: str
) -> None:
    answer = client.get(f"/v2/models{end}/stats")

    assert (answer.status_code, answer.json()) == (
        404,
        {"error": f"There is no model {detail}; the models are: student 0123456789ab."},
    )


def test_a_model_named_stats_has_its_metadata(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(make_model(make_signature(name="stats")))
    with asking(tmp_path / "a.onnx") as client:
        assert client.get("/v2/models/stats").json()["name"] == "stats"
        stats = client.get("/v2/models/stats/stats").json()["model_stats"]
        assert stats[0]["name"] == "stats"


def test_a_latency_is_in_the_bucket_that_it_is_not_above(path: Path) -> None:
    with running_server(path) as served, httpx.Client(base_url=served.url) as client:
        client.post("/predict", json=make_row()).raise_for_status()
        found = metrics_of(client)

    total = found.of("pinion_request_duration_seconds_sum", path="/predict")
    for bound in SECONDS:
        n = found.of(
            "pinion_request_duration_seconds_bucket", path="/predict", le=f"{bound:g}"
        )
        assert n == (total <= bound)
