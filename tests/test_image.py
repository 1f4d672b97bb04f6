"""The real image, built from the Dockerfile and run as docs/container.md does."""

import json
import re
import shlex
import shutil
from pathlib import Path

import httpx
import pytest

from bench.measurements import container as bench_container
from tests.containers import (
    LIMITS,
    Container,
    await_port,
    built_image,
    free_port,
    podman,
    running_container,
    why_no_image,
)
from tests.servers import ROOT

pytestmark = [
    pytest.mark.image,
    pytest.mark.slow,
    pytest.mark.skipif(bool(why_no_image()), reason=why_no_image()),
]

MAX_UNPACKED_BYTES = 98_000_000
MAX_COMPRESSED_BYTES = 38_000_000
"""What a registry stores and a machine pulls; the base is 20 MB of it."""

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


def test_tenth_of_a_core_and_128_mb_are_enough_to_predict() -> None:
    with running_container("--memory=128m", "--cpus=0.1") as container:
        predict_first_golden_row(container)


def test_the_bench_measures_a_tenth_of_a_core(tmp_path: Path) -> None:
    output = tmp_path / "container.json"
    options = [f"--option={limit}" for limit in LIMITS]
    options += ["--engine", "podman --runtime=runc", "--output", str(output)]

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
    compressed = sum(
        path.stat().st_size for path in (tmp_path / "blobs/sha256").iterdir()
    )

    assert int(unpacked) <= MAX_UNPACKED_BYTES
    assert compressed <= MAX_COMPRESSED_BYTES


def read_docker_commands() -> list[list[str]]:
    """Return the words behind `docker` in each line that is documented."""
    text = (ROOT / "docs" / "container.md").read_text("utf-8")
    (block,) = re.findall(r"```sh\n(docker .*?)```", text, re.DOTALL)
    return [shlex.split(line, comments=True)[1:] for line in block.splitlines()]


def as_here(words: list[str], image: str, models: Path, port: int) -> list[str]:
    """Return the command for podman, on this machine's own network and a free port."""
    publish = words.index("--publish")
    here = [*words[1:publish], *words[publish + 2 :]]
    options = ["--network=host", f"--env=PINION_PORT={port}", *LIMITS]
    changed = [
        image if word == "pinion" and before != "--name" else word
        for before, word in zip(["", *here], here, strict=False)
    ]
    return ["run", *options, *[w.replace("$PWD/build", str(models)) for w in changed]]


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
                ports[name] = free_port()
                words = as_here(words, image, tmp_path, ports[name])
            result = podman(*words)
            container = Container(name, "")
            if command in ("run", "start"):
                await_port(ports[name], container)
            if command == "ps":
                assert " pinion" in result.stdout
            if command == "stop":
                assert podman("wait", name).stdout == "0\n"
        served = httpx.get(f"http://127.0.0.1:{ports['mine']}/models", timeout=60)
    finally:
        for name in ports:
            podman("rm", "--force", "--time=0", name)

    assert served.json()["default"] == "student_performance"
    assert list(ports) == ["pinion", "mine"]
