"""The real image, built from the Dockerfile and run as docs/container.md does."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from bench.measurements import container as bench_container
from server import __version__
from tests.containers import (
    Container,
    await_port,
    built_image,
    copied_checkout,
    podman,
    running_container,
    why_no_image,
)
from tests.models import make_model, make_row
from tests.podman import ENGINE, LIMITS
from tests.servers import ROOT

pytestmark = [
    pytest.mark.image,
    pytest.mark.slow,
    pytest.mark.skipif(bool(why_no_image()), reason=why_no_image()),
]

MAX_UNPACKED_BYTES = 98_000_000
MAX_COMPRESSED_BYTES = 38_000_000
"""What a registry stores and a machine pulls; the base is 20 MB of it."""

MAX_APPLICATION_BYTES = 16_000_000
"""Compressed: what is above the base."""

STARVED = ("--memory=128m", "--cpus=0.1", "--pids-limit=64")
"""A t2.micro that has spent its credits, and little of its memory."""

ABSENT_MODULES = ("pip", "numpy", "sklearn", "pandas", "onnx", "convert", "tests")
ABSENT_PROGRAMS = ("sh", "bash", "apt-get", "dpkg", "gcc", "curl")


@pytest.fixture(scope="module", autouse=True)
def image() -> str:
    """Build it before the first test; if that fails, once."""
    return built_image()


def predict_first_golden_row(container: Container) -> None:
    """Ask for what scikit-learn predicted for the shipped model, and compare."""
    with httpx.Client(base_url=container.url, timeout=60) as client:
        model = client.get("/models").json()["default"]
        signature = client.get(f"/models/{model}").json()
        golden = signature["golden_rows"][0]
        answer = client.post("/predict", json=golden["row"])

    assert answer.status_code == 200
    assert answer.json() == {
        "prediction": pytest.approx(
            golden["predictions"][0], abs=signature["golden_tolerance"]
        )
    }


def test_read_only_container_without_capabilities_predicts() -> None:
    with running_container("--memory=1g", "--cpus=1") as container:
        predict_first_golden_row(container)


def test_a_tenth_of_a_core_and_128_mb_are_enough_for_the_main_calls() -> None:
    with (
        running_container(*STARVED) as container,
        httpx.Client(base_url=container.url, timeout=60) as client,
    ):
        predict_first_golden_row(container)
        row = client.get("/models/student_performance").json()["golden_rows"][0]["row"]
        many = client.post("/predict", json=[row] * 10_000)
        page = client.post("/", data=row, headers={"accept": "text/html"})
        ready = client.get("/readyz")

    assert len(set(many.json()["predictions"])) == 1
    assert len(many.json()["predictions"]) == 10_000
    assert re.search(r"<strong>\d+\.\d</strong>", page.text)
    assert ready.status_code == 200


@pytest.mark.parametrize("suite", ["app", "includes", "process"])
def test_the_http_tests_pass_against_the_image(suite: str) -> None:
    """All but those that look into the server's own process."""
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            f"tests/test_{suite}.py",
            "-k=not uvloop and not maps_and_imports",
        ],
        cwd=ROOT,
        env=os.environ | {"IMAGE_UNDER_TEST": built_image()},
        capture_output=True,
        text=True,
        timeout=600,
    )

    assert ran.returncode == 0, ran.stdout[-4000:]


def test_the_image_says_which_version_and_revision_it_is(image: str) -> None:
    labels = json.loads(
        podman("image", "inspect", "--format={{json .Labels}}", image).stdout
    )
    revision = subprocess.run(
        ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    prefix = "org.opencontainers.image."
    assert labels[f"{prefix}version"] == __version__
    assert labels[f"{prefix}revision"] == revision.stdout.strip()


def test_a_later_commit_is_said_of_an_image_that_is_the_same_otherwise() -> None:
    for revision in ("first", "second"):
        image = built_image(revision=revision)
        template = '--format={{index .Labels "org.opencontainers.image.revision"}}'

        assert podman("image", "inspect", template, image).stdout == f"{revision}\n"


@pytest.mark.parametrize("folder", ["/opt/ml/model", "/mnt/models"])
def test_a_model_where_a_platform_puts_it_takes_the_place_of_ours(
    folder: str, tmp_path: Path
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(make_model())
    tmp_path.chmod(0o755)  # the server is another user
    mounted = f"--volume={tmp_path}:{folder}:ro"
    with running_container(mounted, command=["serve"]) as container:
        served = httpx.get(f"{container.url}/models", timeout=60).json()
        answer = httpx.post(f"{container.url}/predict", json=make_row(), timeout=60)

    assert [each["name"] for each in served["models"]] == ["student"]
    assert answer.json() == {"prediction": 80.0}


def test_the_second_target_is_the_same_image_and_a_shell(image: str) -> None:
    shell = built_image("--target=shell", "--tag=pinion-shell")
    layers = [
        json.loads(
            podman("image", "inspect", "--format={{json .RootFS.Layers}}", each).stdout
        )
        for each in (image, shell)
    ]
    entry = "--entrypoint=/bin/sh"
    said = podman("run", "--rm", *LIMITS, entry, shell, "-c", "id -u; ls /models")

    assert layers[1][: len(layers[0])] == layers[0]
    assert said.stdout == "65532\nstudent_performance.onnx\n"


def test_the_same_files_give_the_same_layers_whoever_builds_them_where_and_when(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--no-cache", "--timestamp=0")
    here = built_image(*options)
    elsewhere = copied_checkout(tmp_path / "with a space")
    for path in elsewhere.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
        os.chown(path, 4242, 4242)
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    umask = os.umask(0o077)
    try:
        there = built_image(*options, folder=elsewhere)
    finally:
        os.umask(umask)
    layers = [
        podman("image", "inspect", "--format={{json .RootFS.Layers}}", each).stdout
        for each in (here, there)
    ]

    assert layers[0] == layers[1]


def test_the_bench_measures_a_tenth_of_a_core(tmp_path: Path) -> None:
    output = tmp_path / "container.json"
    options = [f"--option={limit}" for limit in LIMITS]
    options += ["--engine", ENGINE, "--output", str(output)]

    bench_container.main([built_image(), "--rounds=1", "--seconds=1", *options])

    result = json.loads(output.read_text())
    assert result["limits"] == ["--cpus=0.1", "--memory=128m"]
    assert 20 < result["compressed_mb"] < 45
    assert all(figure["median"] > 0 for figure in result["figures"].values())


def test_server_is_an_unprivileged_user_without_capabilities() -> None:
    with running_container() as container:
        status = container.execute(
            "python3", "-c", "print(open('/proc/1/status').read())"
        )

    fields = dict(line.split(":\t") for line in status.stdout.strip().splitlines())
    assert fields["Uid"].split() == ["65532"] * 4
    assert fields["Gid"].split() == ["65532"] * 4
    assert int(fields["CapBnd"], 16) == 0


def test_the_working_directory_is_empty_and_cannot_be_written() -> None:
    script = "import os; print(os.getcwd(), os.listdir(), os.access('.', os.W_OK))"
    with running_container() as container:
        found = container.execute("python3", "-c", script)

    assert found.stdout == "/empty [] False\n"


@pytest.mark.parametrize("words", [("serve",), ("/models/student_performance.onnx",)])
def test_what_follows_the_image_is_the_command_line_of_the_server(
    words: tuple[str, ...],
) -> None:
    with running_container(command=words) as container:
        predict_first_golden_row(container)


def test_sigterm_ends_the_container_with_exit_code_0() -> None:
    with running_container() as container:
        predict_first_golden_row(container)

        assert container.stop(timeout_s=5) == 0


def test_healthcheck_tells_a_ready_server_from_none() -> None:
    with running_container() as container:
        ready = podman("healthcheck", "run", container.name, check=False)
        absent = container.execute(
            "python3", "-S", "/app/healthcheck.py", PINION_PORT="1"
        )

    assert ready.returncode == 0
    assert "ConnectionRefusedError" in absent.stderr


def test_image_has_neither_the_training_side_nor_tools() -> None:
    script = (
        "import importlib.util, json, shutil, sys;"
        f"print(json.dumps([[m for m in {ABSENT_MODULES} if importlib.util.find_spec(m)],"
        f"[p for p in {ABSENT_PROGRAMS} if shutil.which(p)]]))"
    )
    with running_container() as container:
        found = container.execute("python3", "-c", script)

    assert json.loads(found.stdout) == [[], []]


def test_image_has_the_byte_code_of_every_module_that_is_loaded() -> None:
    with running_container(PYTHONVERBOSE="1") as container:
        predict_first_golden_row(container)
        container.stop(timeout_s=5)
        loaded = [
            line.split("'")[1]
            for line in container.logs().splitlines()
            if line.startswith("# code object from ")
        ]

    assert "/app/bytecode/app/server/runtime/session.cpython-313.pyc" in loaded
    assert [path for path in loaded if not path.startswith("/app/bytecode/")] == []


def test_image_is_within_its_budget(image: str, tmp_path: Path) -> None:
    unpacked = podman("image", "inspect", "--format={{.Size}}", image).stdout
    podman("push", "--quiet", image, f"oci:{tmp_path}")
    blobs = tmp_path / "blobs" / "sha256"
    index = json.loads((tmp_path / "index.json").read_bytes())
    manifest = json.loads((blobs / index["manifests"][0]["digest"][7:]).read_bytes())
    sizes = [layer["size"] for layer in manifest["layers"]]

    assert int(unpacked) <= MAX_UNPACKED_BYTES
    assert sum(path.stat().st_size for path in blobs.iterdir()) <= MAX_COMPRESSED_BYTES
    assert sum(sizes[1:]) <= MAX_APPLICATION_BYTES


def test_the_readme_runs_the_image_as_the_guide_does() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    shown = re.findall(r"^docker (.*)", readme, re.MULTILINE)

    assert len(shown) == 2
    assert [shlex.split(line) for line in shown] == read_docker_commands()[:2]


def read_docker_commands() -> list[list[str]]:
    """Return the words behind `docker` in each line that is documented."""
    text = (ROOT / "docs" / "container.md").read_text("utf-8")
    (block,) = re.findall(r"```sh\n(docker .*?)```", text, re.DOTALL)
    return [shlex.split(line, comments=True)[1:] for line in block.splitlines()]


def as_here(words: list[str], image: str, models: Path) -> list[str]:
    """Return the command for podman, with the image that was built and these models."""
    changed = [
        image if word == "pinion" and before != "--name" else word
        for before, word in pairwise(words)
    ]
    return ["run", *LIMITS, *[w.replace("$PWD/build", str(models)) for w in changed]]


def test_docker_does_what_is_documented(image: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "models" / "student_performance.onnx", tmp_path / "mine.onnx")
    tmp_path.chmod(0o755)  # the server is another user
    ports: dict[str, int] = {}
    try:
        for words in read_docker_commands():
            command, name = words[0], words[-1]
            if command == "build":
                continue  # the fixture has done it, from Debian's packages
            if command == "run":
                name = words[words.index("--name") + 1]
                ports[name] = int(words[words.index("--publish") + 1].split(":")[0])
                words = as_here(words, image, tmp_path)
            result = podman(*words)
            container = Container(name, "")
            if command in ("run", "start"):
                await_port(ports[name], container)
            if command == "ps":
                assert " pinion" in result.stdout
            if command == "stop":
                assert podman("wait", name).stdout == "0\n"
        served = httpx.get(f"http://localhost:{ports['mine']}/models", timeout=60)
    finally:
        for name in ports:
            podman("rm", "--force", "--time=0", name)

    assert served.json()["default"] == "student_performance"
    assert ports == {"pinion": 8080, "mine": 8081}
