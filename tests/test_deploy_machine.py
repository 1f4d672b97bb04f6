"""What runs on the machine, run here: the image behind Caddy, changed under load.

podman stands in for docker, and Caddy's own binary for its image; pebble is a
certificate authority that speaks what Let's Encrypt speaks.
"""

import fcntl
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.containers import (
    alone,
    built_image,
    free_port,
    podman,
    why_no_image,
)
from tests.podman import ENGINE, LIMITS
from tests.servers import ROOT
from tests.tools import run, tool


def why_no_machine() -> str:
    """Return what this machine lacks to play another, or nothing."""
    missing = [name for name in ("iptables", "pebble") if shutil.which(name) is None]
    return why_no_image() or (f"not installed: {', '.join(missing)}" if missing else "")


pytestmark = [
    pytest.mark.image,
    pytest.mark.slow,
    pytest.mark.skipif(bool(why_no_machine()), reason=why_no_machine()),
]

PROGRAM = ROOT / "deploy" / "aws" / "pinion-machine"
NAMES = ("caddy", "pinion-8081", "pinion-8082")
N_CLIENTS = 8
PREDICTION = {"reading_score": 72}


class Machine(NamedTuple):
    """A folder in the place of the machine's own, and the program's environment."""

    folder: Path
    environment: Mapping[str, str]

    def run(self, *words: str, check: bool = True) -> str:
        done = run(PROGRAM, *words, check=check, environment=self.environment)
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def caddy_image(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("caddy")
    shutil.copy(tool("caddy"), folder / "caddy")
    (folder / "Dockerfile").write_text(
        "FROM scratch\nCOPY caddy /usr/bin/caddy\n"
        "ENV PATH=/usr/bin XDG_DATA_HOME=/data XDG_CONFIG_HOME=/config HOME=/config\n"
    )
    return podman("build", "--quiet", *LIMITS, str(folder)).stdout.strip()


@pytest.fixture
def machine(tmp_path: Path, caddy_image: str) -> Iterator[Machine]:
    """Give a machine that serves http; what it runs ends with the test.

    It has ports and names of its own, so one test at a time has one.
    """
    with alone("machine"):
        try:
            yield configured(tmp_path, caddy_image, "http")
        finally:
            podman("rm", "--force", "--time=0", "--ignore", *NAMES)
            podman("volume", "rm", "--force", "caddy-data", "caddy-config")


def configured(folder: Path, caddy_image: str, scheme: str) -> Machine:
    (folder / "pinion.conf").write_text(
        f"repository=localhost/pinion-test\ncaddy_image={caddy_image}\n"
        f"scheme={scheme}\ndomain=\n"
    )
    environment = {
        "PINION_CONFIG": str(folder / "pinion.conf"),
        "PINION_STATE": str(folder / "state"),
        "PINION_ENGINE": ENGINE,
        "PINION_DRAIN_S": "5",
        "log_options": "--log-driver k8s-file",
        "run_options": " ".join(LIMITS),
        "caddy_options": " ".join(LIMITS),
    }
    return Machine(folder, environment)


class Load:
    """Clients that ask one after the other, and what became of it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._ended = threading.Event()
        self.n_right = 0
        self.wrong: list[str] = []

    def _ask(self) -> None:
        with httpx.Client(base_url=self._url, timeout=30) as client:
            while not self._ended.is_set():
                try:
                    answer = client.post("/predict", json=PREDICTION)
                except httpx.TransportError as error:
                    self.wrong.append(repr(error))
                    continue
                if answer.status_code == 200:
                    self.n_right += 1
                else:
                    self.wrong.append(answer.text)

    @contextmanager
    def running(self) -> Iterator[None]:
        with ThreadPoolExecutor(N_CLIENTS) as pool:
            asked = [pool.submit(self._ask) for _ in range(N_CLIENTS)]
            try:
                yield
            finally:
                self._ended.set()
        for each in asked:
            each.result()


def test_an_update_loses_no_request_and_what_does_not_start_changes_nothing(
    machine: Machine,
) -> None:
    image = built_image()
    broken = "localhost/pinion-test/empty"
    podman("import", str(empty_archive(machine.folder)), broken)
    machine.run("start")
    machine.run("update", image)
    load = Load("http://127.0.0.1:8080")
    with load.running():
        machine.run("update", image)
        machine.run("update", image)
        said = machine.run("update", broken, check=False)
        machine.run("update", image)
        time.sleep(1)
    served = podman("ps", "--format={{.Names}}").stdout.split()

    assert load.wrong == []
    assert load.n_right > 100
    assert "it is gone, port 8081 serves on" in said
    assert sorted(set(served) & set(NAMES)) == ["caddy", "pinion-8082"]


def empty_archive(folder: Path) -> Path:
    archive = folder / "empty.tar"
    subprocess.run(["tar", "--create", "--file", archive, "--files-from=/dev/null"])
    return archive


def test_after_a_boot_it_serves_what_it_served_before(machine: Machine) -> None:
    machine.run("update", built_image())
    podman("rm", "--force", "--time=0", *NAMES[:2])
    machine.run("start")
    await_listener(8080)
    answer = httpx.post("http://127.0.0.1:8080/predict", json=PREDICTION, timeout=60)

    assert answer.status_code == 200
    assert "pinion-8081" in machine.run("status")


def test_a_model_that_is_slow_after_a_boot_is_served_once_it_is_ready(
    machine: Machine,
) -> None:
    machine.run("update", built_image())
    podman("rm", "--force", "--time=0", *NAMES[:2])
    slow = {
        "PINION_READY_S": "1",
        "run_options": f"{machine.environment['run_options']} --cpus=0.05",
    }
    said = Machine(machine.folder, {**machine.environment, **slow}).run("start")
    await_listener(8080)
    first = httpx.get("http://127.0.0.1:8080/readyz", timeout=60).status_code
    answer = await_answer("http://127.0.0.1:8080/readyz")

    assert said.endswith(
        "pinion-machine: port 8081 is not ready after 1 s: Caddy answers 502 until it is\n"
    )
    assert (first, answer) == (502, 200)


def await_answer(url: str, timeout_s: float = 120) -> int:
    """Return the status of the first answer that comes from behind Caddy."""
    deadline = time.monotonic() + timeout_s
    while True:
        status = httpx.get(url, timeout=60).status_code
        if status != 502:
            return status
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_the_limits_of_the_container_are_those_that_are_documented(
    machine: Machine,
) -> None:
    machine.run("update", built_image())
    found = json.loads(podman("inspect", "pinion-8081").stdout)[0]["HostConfig"]

    assert found["Memory"] == 256 * 2**20
    assert found["PidsLimit"] == 64
    assert found["ReadonlyRootfs"] is True
    assert found["RestartPolicy"]["Name"] == "unless-stopped"
    assert [binding["HostIp"] for binding in found["PortBindings"]["8080/tcp"]] == [
        "127.0.0.1"
    ]


def test_before_the_first_update_status_says_what_to_do(machine: Machine) -> None:
    assert "no image yet: push one, then update" in machine.run("status")


def test_caddy_may_do_little_and_takes_the_bodies_that_the_server_takes(
    machine: Machine,
) -> None:
    machine.run("update", built_image())
    await_listener(8080)
    found = json.loads(podman("inspect", "caddy").stdout)[0]["HostConfig"]
    statuses = {
        (port, size): httpx.post(
            f"http://127.0.0.1:{port}/predict", content=b" " * size, timeout=60
        ).status_code
        for port in (8080, 8081)
        for size in (4 * 2**20, 4 * 2**20 + 1)
    }

    assert found["PidsLimit"] == 128
    assert "no-new-privileges" in found["SecurityOpt"]
    assert statuses[8080, 4 * 2**20] == statuses[8081, 4 * 2**20] != 413
    assert statuses[8080, 4 * 2**20 + 1] == statuses[8081, 4 * 2**20 + 1] == 413
    with socket.socket() as client:  # its admin API
        assert client.connect_ex(("127.0.0.1", 2019)) != 0


def test_of_its_repository_it_keeps_what_serves_and_what_served_before(
    machine: Machine,
) -> None:
    image = built_image()
    names = [f"localhost/pinion-test:{n}" for n in range(4)]
    for name in names:
        podman("tag", image, name)
        machine.run("update", name)
    machine.run("update", names[-1])
    left = podman("images", "--format={{.Repository}}:{{.Tag}}").stdout.split()

    assert sorted(set(left) & set(names)) == names[-2:]
    podman("untag", image, *names[-2:])


def test_an_update_that_cannot_clean_up_has_been_made(machine: Machine) -> None:
    engine = machine.folder / "engine"
    engine.write_text(
        "#!/bin/bash\n"
        '[[ $1 == image && $2 == prune ]] && { echo "in use" >&2; exit 1; }\n'
        f'exec {ENGINE} "$@"\n'
    )
    engine.chmod(0o755)
    given = {**machine.environment, "PINION_ENGINE": str(engine)}
    said = Machine(machine.folder, given).run("update", built_image())

    assert "in use" in said
    assert said.endswith(f"pinion-machine: serving {built_image()}\n")


def test_two_updates_at_a_time_go_one_after_the_other(machine: Machine) -> None:
    image = built_image()
    with ThreadPoolExecutor() as pool:
        told = list(pool.map(lambda _: machine.run("update", image), range(2)))
    served = podman("ps", "--format={{.Names}}").stdout.split()

    assert all(f"serving {image}" in each for each in told)
    assert sorted(set(served) & set(NAMES)) == ["caddy", "pinion-8082"]


def test_an_update_does_not_wait_for_ever(machine: Machine) -> None:
    state = machine.folder / "state"
    state.mkdir()
    impatient = {**machine.environment, "PINION_LOCK_S": "0"}
    with (state / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = Machine(machine.folder, impatient).run("update", "x", check=False)

    assert said == (
        "pinion-machine: another update or start still runs after 0 s: try again when it "
        "is done\n"
    )


@contextmanager
def metadata(scripts: list[str]) -> Iterator[str]:
    """Say of a machine what EC2 does: the script that the stack has for it now."""

    class Metadata(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.answer("token" if self.path == "/latest/api/token" else None)

        def do_GET(self) -> None:
            knows = self.headers["x-aws-ec2-metadata-token"] == "token"
            is_asked = self.path == "/latest/user-data"
            self.answer(scripts[-1] if knows and is_asked else None)

        def answer(self, text: str | None) -> None:
            self.send_response(401 if text is None else 200)
            self.end_headers()
            self.wfile.write((text or "").encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/latest"
    finally:
        server.shutdown()
        server.server_close()


def test_a_change_of_the_stack_is_taken_up_at_the_next_boot_and_once(
    machine: Machine,
) -> None:
    state = machine.folder / "state"
    # as the template's script, it makes itself the one that was run
    scripts = [f'#!/bin/bash\necho {n}\ncp "$0" {state}/user-data\n' for n in "12"]
    with metadata(scripts) as url:
        booting = Machine(
            machine.folder, {**machine.environment, "PINION_METADATA": url}
        )
        state.mkdir()
        (state / "user-data").write_text(scripts[0])
        changed = booting.run("configure")
        again = booting.run("configure")

    assert changed.startswith("2\n")
    assert again == ""


@contextmanager
def authority(folder: Path) -> Iterator[tuple[str, Path, list[dict[str, object]]]]:
    """Run a certificate authority; give its address, and the file with its own."""
    certificate, key = folder / "authority.pem", folder / "authority.key"
    run(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
        *("-keyout", key, "-out", certificate, "-subj", "/CN=127.0.0.1"),
        *("-addext", "subjectAltName=IP:127.0.0.1"),
    )
    port = free_port()
    settings = {
        "listenAddress": f"127.0.0.1:{port}",
        "managementListenAddress": f"127.0.0.1:{free_port()}",
        "certificate": str(certificate),
        "privateKey": str(key),
        "httpPort": 80,
        "tlsPort": 443,
    }
    config = folder / "pebble.json"
    config.write_text(json.dumps({"pebble": settings}))
    quick = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"}
    with subprocess.Popen(
        ["pebble", "-config", config],
        env=os.environ | quick,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as pebble:
        try:
            await_listener(port)
            with directory(port, certificate, key) as (url, asked):
                yield url, certificate, asked
        finally:
            pebble.kill()


@contextmanager
def directory(
    port: int, certificate: Path, key: Path
) -> Iterator[tuple[str, list[dict[str, object]]]]:
    """Serve pebble's directory with the profile that Let's Encrypt has.

    Debian's pebble is older than profiles. Only what it says of itself passes through
    here; every order goes to pebble.
    """
    given: list[dict[str, object]] = []

    class Directory(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            context = ssl.create_default_context(cafile=str(certificate))
            found = httpx.get(f"https://127.0.0.1:{port}/dir", verify=context).json()
            found["meta"]["profiles"] = {"shortlived": "for addresses"}
            given.append(found)
            body = json.dumps(found).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Directory)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"https://127.0.0.1:{server.server_port}/dir", given
    finally:
        server.shutdown()
        server.server_close()


def await_listener(port: int, timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_bare_address_gets_a_certificate_and_serves_the_page_over_it(
    machine: Machine, caddy_image: str
) -> None:
    folder = machine.folder / "state" / "caddy"
    folder.mkdir(parents=True)
    with authority(machine.folder) as (url, certificate, asked):
        shutil.copy(certificate, folder / "authority.pem")
        secure = configured(machine.folder, caddy_image, "https")
        options = f"dir {url}\n trusted_roots /etc/caddy/authority.pem"
        here = {"public_address": "127.0.0.1", "acme_options": options}
        Machine(secure.folder, {**secure.environment, **here}).run(
            "update", built_image()
        )
        await_listener(443)
        issued = await_certificate()
    page = httpx.get(
        "https://127.0.0.1/", headers={"accept": "text/html"}, verify=False
    )
    plain = httpx.get("http://127.0.0.1/")

    assert asked
    assert "Pebble Intermediate" in issued
    assert "IP Address:127.0.0.1" in issued
    assert "<form" in page.text
    assert (plain.status_code, plain.headers["location"]) == (308, "https://127.0.0.1/")


def await_certificate(timeout_s: float = 60) -> str:
    """Return the certificate of the address, once it has one."""
    deadline = time.monotonic() + timeout_s
    script = "openssl s_client -connect 127.0.0.1:443 </dev/null | openssl x509 -text"
    while True:
        shown = run("sh", "-c", script, check=False)
        if shown.returncode == 0:
            return shown.stdout
        assert time.monotonic() < deadline, podman("logs", "caddy").stderr
        time.sleep(0.2)
