"""The command line of the server, as a process."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest

from server import __version__
from server.process import main
from server.signature import GoldenRow
from tests.models import (
    LUNCH,
    make_model,
    make_row,
    make_signature,
    make_unsealed_model,
)
from tests.servers import ROOT, running_server


def run(
    *arguments: str | Path, **environment: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "server", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=30,
    )


def write_model(path: Path, name: str = "student") -> Path:
    path.write_bytes(make_model(make_signature(name=name)))
    return path


def test_without_a_model_every_file_of_the_folder_is_served(tmp_path: Path) -> None:
    write_model(tmp_path / "b.onnx", "second")
    write_model(tmp_path / "a.onnx", "first")
    with running_server(PINION_MODELS_FOLDER=str(tmp_path)) as served:
        models = httpx.get(f"{served.url}/models").json()

    assert models["default"] is None
    assert [model["name"] for model in models["models"]] == ["first", "second"]


@pytest.mark.parametrize(
    ("names", "choice", "line", "default"),
    [
        (["b"], {}, "serving b on", "b"),
        (["b", "a"], {}, "serving b, a (/predict is none, choose it with --default) on",
         None),
        (["b", "a"], {"PINION_DEFAULT": "a"}, "serving b, a (/predict is a) on", "a"),
        (["b", "a"], {"PINION_DEFAULT": "b"}, "serving b, a (/predict is b) on", "b"),
    ],
)  # fmt: skip
def test_the_first_line_names_the_models_and_the_default_one(
    tmp_path: Path,
    names: list[str],
    choice: dict[str, str],
    line: str,
    default: str | None,
) -> None:
    paths = [write_model(tmp_path / f"{name}.onnx", name) for name in names]
    with running_server(*paths, **choice) as served:
        models = httpx.get(f"{served.url}/models").json()

        assert served.line == f"{line} {served.url}\n"
    assert models["default"] == default


def test_an_unknown_default_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    paths = [write_model(tmp_path / f"{name}.onnx", name) for name in "ab"]

    result = run(*paths, "--default", "c")

    assert (result.returncode, result.stderr) == (
        2,
        "error: --default or PINION_DEFAULT is 'c'; the models are: a, b\n",
    )


def test_a_file_without_a_digest_is_served_with_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(make_unsealed_model())
    with running_server(path) as served:
        answer = httpx.post(f"{served.url}/predict", json=make_row())

        assert answer.json() == {"prediction": 80.0}
        assert served.process.stderr is not None
        assert served.process.stderr.readline() == (
            f"warning: {path} was written without a digest, so damage to it may go "
            "unnoticed; export it again with python -m convert\n"
        )


@pytest.mark.parametrize(
    "damage",
    [
        {"name": "a\r\nb"},
        {"golden_tolerance": 1e300},
        {"features": ()},
        {"features": (LUNCH, LUNCH)},
        {"features": (msgspec.structs.replace(LUNCH, categories=()),)},
        {"golden_rows": (GoldenRow(row={"gender": 10**400}, predictions=(1.0,)),)},
    ],
)
def test_a_signature_that_cannot_be_true_is_one_sentence_and_exit_code_2(
    tmp_path: Path, damage: dict[str, Any]
) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(make_model(make_signature(**damage)))

    result = run(path, "--port", "0")

    assert result.returncode == 2
    assert result.stderr.startswith(f"error: {path}: the signature is wrong: ")
    assert result.stderr.count("\n") == 1


def test_without_uvloop_the_loop_of_asyncio_serves(tmp_path: Path) -> None:
    (tmp_path / "uvloop.py").write_text("raise ImportError")
    model = write_model(tmp_path / "a.onnx")
    with running_server(model, PYTHONPATH=str(tmp_path)) as served:
        answer = httpx.post(f"{served.url}/predict", json=make_row())

    assert list(answer.json()) == ["prediction"]


def test_what_is_logged_has_its_time(tmp_path: Path) -> None:
    model = write_model(tmp_path / "a.onnx")
    stop = ("--ready-seconds", "1", "--drain-seconds", "0")
    with running_server(model, *stop) as served:
        address = urlsplit(served.url)
        with socket.create_connection((address.hostname, address.port or 0)) as client:
            client.sendall(b"POST /predict HTTP/1.1\r\n")
            served.process.terminate()
            assert served.process.stderr is not None
            logged = served.process.stderr.readline()
            code = served.process.wait(timeout=20)

    assert code == 0
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} WARNING 1 connections were ended "
        r"without an answer.\n",
        logged,
    )


def test_a_start_imports_no_command_line_of_uvicorn(tmp_path: Path) -> None:
    model = write_model(tmp_path / "a.onnx")
    command = [sys.executable, "-X", "importtime", "-m", "server", str(model)]
    imported = []
    with subprocess.Popen(
        [*command, "--port", "0"], cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("serving "):
                break
            imported.append(line.rpartition("|")[2].strip())
        process.terminate()
        process.communicate(timeout=20)

    assert {"server.app", "uvicorn.server"} <= {*imported}
    assert {"click", "uvicorn.main", "uvicorn.supervisors"}.isdisjoint(imported)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_with_exit_code_0(
    tmp_path: Path, stop: signal.Signals
) -> None:
    with running_server(write_model(tmp_path / "a.onnx")) as served:
        httpx.post(f"{served.url}/predict", json=make_row())
        served.process.send_signal(stop)

        assert served.process.wait(timeout=10) == 0


def test_the_version_is_the_package_s() -> None:
    result = run("--version")

    assert (result.returncode, result.stdout) == (0, f"pinion {__version__}\n")


def test_no_model_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    result = run("--models-folder", tmp_path)

    assert (result.returncode, result.stderr) == (
        2,
        f"error: there is no .onnx file in {tmp_path}/; name a model file, or make "
        "one with python -m convert train\n",
    )


def test_arguments_may_be_given_in_place_of_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["server", "--port", "http"])
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # those of pytest stay

    assert main(["--models-folder", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("error: there is no .onnx file in ")
    assert main() == 2
    assert capsys.readouterr().err.startswith("error: --port is 'http'; expected")


def test_a_damaged_model_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"no model")

    result = run(path)

    assert result.returncode == 2
    assert result.stderr.startswith(f"error: {path}: not a whole model file (")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("kind", ["a folder", "a pipe", "a device", "a large file"])
def test_what_is_no_model_file_is_one_sentence_at_once(
    tmp_path: Path, kind: str
) -> None:
    path = Path("/dev/zero") if kind == "a device" else tmp_path / "a.onnx"
    if kind == "a folder":
        path.mkdir()
    elif kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a large file":
        with path.open("wb") as file:
            file.truncate(500_000_000)  # sparse: it takes no room

    result = run(path, "--port", "0")

    said = {
        "a folder": "Is a directory; name a model file that python -m convert made",
        "a large file": "500,000,000 bytes, and at most 134,217,728 are read; serve a "
        "smaller model, or choose more with --max-model-bytes or PINION_MAX_MODEL_BYTES",
    }
    no_file = (
        "a pipe or a device, not a file; name a model file that python -m convert made"
    )
    assert (result.returncode, result.stderr) == (
        2,
        f"error: {path}: {said.get(kind, no_file)}\n",
    )


def test_two_models_of_one_name_are_refused(tmp_path: Path) -> None:
    first, second = (write_model(tmp_path / name) for name in ("a.onnx", "b.onnx"))

    result = run(first, second)

    assert (result.returncode, result.stderr) == (
        2,
        f"error: {second}: another model is named 'student' already; name each file "
        "once, or export it with another name\n",
    )


def test_a_taken_port_is_one_sentence_with_the_remedy(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run(write_model(tmp_path / "a.onnx"), "--port", str(port))

    assert (result.returncode, result.stderr) == (
        1,
        f"error: cannot listen on 127.0.0.1 port {port}: Address already in use; "
        "choose another with --port\n",
    )


def test_an_address_of_another_machine_is_one_sentence(tmp_path: Path) -> None:
    result = run(write_model(tmp_path / "a.onnx"), "--host", "192.0.2.1", "--port", "0")

    assert (result.returncode, result.stderr) == (
        1,
        "error: cannot listen on 192.0.2.1 port 0: Cannot assign requested address; "
        "choose another with --host\n",
    )


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return socket.has_dualstack_ipv6()


@pytest.mark.skipif(not has_ipv6(), reason="there is no IPv6")
def test_every_address_is_those_of_both_protocols(tmp_path: Path) -> None:
    with running_server(write_model(tmp_path / "a.onnx"), "--host", "::") as served:
        port = urlsplit(served.url).port
        found = [
            httpx.get(f"http://{host}:{port}/livez").text
            for host in ("[::1]", "127.0.0.1")
        ]

    assert found == ["ok\n", "ok\n"]


def test_a_host_that_does_not_exist_is_one_sentence(tmp_path: Path) -> None:
    result = run(write_model(tmp_path / "a.onnx"), "--host", "nowhere.invalid")

    assert result.returncode == 1
    assert result.stderr.startswith("error: cannot listen on nowhere.invalid: ")
    assert result.stderr.endswith("; choose another with --host\n")


def test_a_bad_setting_is_one_sentence_and_exit_code_2() -> None:
    result = run("--port", "http")

    assert (result.returncode, result.stderr) == (
        2,
        "error: --port is 'http'; expected a whole number\n",
    )


def test_the_server_maps_and_imports_nothing_of_the_offline_half(
    tmp_path: Path,
) -> None:
    with running_server(write_model(tmp_path / "a.onnx")) as served:
        httpx.get(served.url, headers={"accept": "text/html"})
        httpx.post(f"{served.url}/predict", json=make_row())
        maps = Path(f"/proc/{served.process.pid}/maps").read_text()

    assert "libonnxruntime.so" in maps
    assert "numpy" not in maps
    assert "pybind11" not in maps


def test_server_modules_import_only_what_the_image_ships() -> None:
    program = (
        "import importlib, pkgutil, sys\n"
        "before = set(sys.modules)\n"
        "import server, uvicorn.config, uvicorn.server\n"
        "for module in pkgutil.walk_packages(server.__path__, 'server.'):\n"
        "    importlib.import_module(module.name)\n"
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    command = [sys.executable, "-c", program]
    shown = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    )

    requirements = (ROOT / "requirements-inference.txt").read_text()
    shipped = set(re.findall(r"^([a-z0-9-]+)==", requirements, re.MULTILINE))
    made_by_uvloop = {"__mp_main__", "cython_runtime", "_cython_3_3_0"}
    names = set(shown.stdout.split()) - sys.stdlib_module_names - made_by_uvloop
    packages = {name.replace("_", "-") for name in names - {"server"}}
    assert packages <= shipped - {"onnxruntime"}


@pytest.mark.parametrize(
    ("found", "code", "sentence"),
    [
        (
            "1.18.1",
            2,
            "{model}: this file needs onnxruntime 1.21 or newer, found 1.18.1: install "
            "requirements-inference.txt",
        ),
        (
            "1.21.0",
            1,
            "there is no libonnxruntime.so* in {folder}/onnxruntime/capi: install "
            "requirements-inference.txt",
        ),
    ],
)
def test_a_wheel_without_the_library_is_told_by_its_age(
    tmp_path: Path, found: str, code: int, sentence: str
) -> None:
    path = write_model(tmp_path / "a.onnx")
    wheel = tmp_path / "onnxruntime"
    wheel.mkdir()
    (wheel / "__init__.py").touch()
    described = tmp_path / f"onnxruntime-{found}.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(f"Name: onnxruntime\nVersion: {found}\n")

    result = run(path, PYTHONPATH=str(tmp_path))

    expected = sentence.format(model=path, folder=tmp_path)
    assert (result.returncode, result.stderr) == (code, f"error: {expected}\n")


def test_the_command_line_of_uvicorn_is_left_out() -> None:
    program = (
        "import sys\n"
        "from server.process import _leave_out_command_line\n"
        "_leave_out_command_line()\n"
        "import uvicorn.config, uvicorn.server, server.protocol\n"
        "print('click' in sys.modules, 'uvicorn.supervisors' in sys.modules)"
    )
    command = [sys.executable, "-c", program]
    shown = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert shown.stdout == "False False\n"
